"""What each fault test injected, how the fault was seen to happen, what was counted afterwards: the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROWS = {
    1: "broker killed and restarted in the middle of a drain",
    2: "broker unreachable, or no Kafka",
    3: "network cut, stalled, slowed",
    4: "ingest killed: random moments, and each named point",
    5: "SIGTERM and Ctrl-C to follow",
    6: "two consumers at once",
    7: "hostile messages",
    8: "schema drift",
    9: "disk full",
    10: "file held by another process",
    11: "file or its log damaged",
    12: "the disk dies",
    13: "topic recreated, another cluster",
    14: "retention removed unread events",
    15: "log truncated",
    16: "compaction, transactions",
    17: "huge messages, many and new partitions",
    18: "dbt, gate or publish dies midway",
    19: "Slack is down, slow or refuses",
    20: "Airflow: scheduler or task killed, runs at once, a run cleared",
    21: "clocks, late events and copies",
    22: "code or declarations change during a run",
}


@dataclass
class Witness:
    """One test's line in the table."""

    row: int
    injected: str
    outcome: str = "failed"
    _seen: list[str] = field(default_factory=list)
    _counted: list[str] = field(default_factory=list)

    def saw(self, what: str) -> None:
        """Say how the fault was seen from outside."""
        self._seen.append(what)

    def counted(self, what: str) -> None:
        """Say what was counted once the system had recovered."""
        self._counted.append(what)

    @property
    def is_complete(self) -> bool:
        return bool(self._seen and self._counted)

    def lines(self) -> list[str]:
        return [
            f"   {self.outcome:6}  {self.injected}",
            f"             seen:    {'; '.join(self._seen) or '-'}",
            f"             account: {'; '.join(self._counted) or '-'}",
        ]


_WITNESSES = pytest.StashKey[list[Witness]]()


@pytest.fixture(autouse=True)
def witness(request: pytest.FixtureRequest) -> Iterator[Witness]:
    """The line of this test. A test that says neither what it saw nor what it counted fails."""
    marker = request.node.get_closest_marker("fault")
    assert marker is not None, "a fault test says which: @pytest.mark.fault(row, 'what is injected')"
    row, injected = marker.args
    assert row in ROWS
    part = request.node.callspec.id if hasattr(request.node, "callspec") else ""
    witness = Witness(row, f"{injected} [{part}]" if part else injected)
    request.config.stash.setdefault(_WITNESSES, []).append(witness)
    failed_before = request.session.testsfailed
    yield witness
    if request.session.testsfailed == failed_before:
        assert witness.is_complete, f"the fault was not seen, or nothing was counted: {witness}"
        witness.outcome = "held"


def rows_without_test(items: list[pytest.Item]) -> list[int]:
    marked = {marker.args[0] for item in items for marker in item.iter_markers("fault")}
    return sorted(ROWS.keys() - marked)


def is_whole_suite(config: pytest.Config) -> bool:
    """Is tests/faults run as a whole, not some file of it, nor a part by marker or name?"""
    return (
        [Path(argument).resolve() for argument in config.args] == [Path(__file__).parent]
        and not config.option.markexpr
        and not config.option.keyword
    )


def table(config: pytest.Config, rows: list[int]) -> list[str]:
    """The table as lines; of `rows`, also those without a test."""
    witnesses = config.stash.get(_WITNESSES, [])
    lines = []
    for row, name in ROWS.items():
        of_row = [witness for witness in witnesses if witness.row == row]
        if of_row or row in rows:
            lines.append(f"{row:2} {name}")
        for witness in of_row:
            lines += witness.lines()
        if row in rows and not of_row:
            lines.append("   NO TEST")
    return lines
