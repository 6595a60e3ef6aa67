"""What each fault test injected, how the fault was seen to happen, what was counted afterwards: the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
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
_PROPERTY = "witness"  # travels with a test's report, also from another process


@dataclass
class Witness:
    """What one test saw and counted."""

    row: int
    injected: str
    seen: list[str] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)

    def saw(self, what: str) -> None:
        """Say how the fault was seen from outside."""
        self.seen.append(what)

    def counted(self, what: str) -> None:
        """Say what was counted once the system had recovered."""
        self.counts.append(what)


@pytest.fixture(autouse=True)
def witness(request: pytest.FixtureRequest) -> Iterator[Witness]:
    """The line of this test. A test that says neither what it saw nor what it counted fails."""
    marker = request.node.get_closest_marker("fault")
    assert marker is not None, "a fault test says which: @pytest.mark.fault(row, 'what is injected')"
    row, injected = marker.args
    assert row in ROWS
    part = request.node.callspec.id if hasattr(request.node, "callspec") else ""
    witness = Witness(row, f"{injected} [{part}]" if part else injected)
    failed_before = request.session.testsfailed
    yield witness
    request.node.user_properties.append((_PROPERTY, asdict(witness)))
    if request.session.testsfailed == failed_before:
        assert witness.seen, "the fault was not seen from outside"
        assert witness.counts, "nothing was counted"


class Table:
    """The lines of all tests, in whatever process each ran."""

    def __init__(self) -> None:
        self._of_row: dict[int, list[str]] = {}
        self._failed: set[str] = set()

    def add(self, report: pytest.TestReport) -> None:
        """Take what the last report of a test brings."""
        if report.failed:
            self._failed.add(report.nodeid)
        for name, value in report.user_properties if report.when == "teardown" else ():
            if name == _PROPERTY:
                outcome = "failed" if report.nodeid in self._failed else "held"
                self._of_row.setdefault(value["row"], []).append(
                    f"   {outcome:6}  {value['injected']}\n"
                    f"             seen:    {'; '.join(value['seen']) or '-'}\n"
                    f"             account: {'; '.join(value['counts']) or '-'}"
                )

    def __bool__(self) -> bool:
        return bool(self._of_row)

    def rows_without_test(self) -> list[int]:
        return sorted(ROWS.keys() - self._of_row.keys())

    def __str__(self) -> str:
        lines = []
        for row, name in ROWS.items():
            lines += [f"{row:2} {name}", *self._of_row.get(row, ["   no test ran"])]
        return "\n".join(lines)


def is_whole_suite(config: pytest.Config) -> bool:
    """Is tests/faults run as a whole, not some file of it, nor a part by marker or name?"""
    return (
        [Path(argument).resolve() for argument in config.args] == [Path(__file__).parent]
        and not config.option.markexpr
        and not config.option.keyword
    )
