"""The stream of a fault test: numbered events, the account of them, and the marts that come of them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.local.broker import create_topic
from tests.bare_contract import without_limits
from tests.faults.marts_by_hand import PIPELINE, Marts, published_marts, read_marts, run_stage
from tests.faults.witness import Witness
from tests.integration.ingest.own_stream import Stream

REPOSITORY = Path(__file__).resolve().parents[2]
BAD = 99  # of each hundred numbers, the one whose event is bad

_MADE_BY_TOOLS = shutil.ignore_patterns("target", "logs", "dbt_packages", "package-lock.yml", ".user.yml")
_NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


def event(number: int, **changes: object) -> bytes:
    """The event of this number: `e000123`, a minute after the one before; some are purchases."""
    time = _NOON + dt.timedelta(minutes=number)
    fields = {
        "event_id": f"e{number:06}", "event_time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "event_type": "purchase" if number % 7 == 0 else "view", "product_id": 7 + number % 5,
        "category_id": 2103807459595387724, "price": 12.5 + number % 3, "user_id": number % 10,
        "user_session": f"s{number % 20}",
    }  # fmt: skip
    return json.dumps(fields | changes).encode()


def numbered(number: int, width: int = 0) -> bytes:
    """The event of this number, its brand so long; every hundredth is bad."""
    return event(number, brand="x" * width, **({"price": -1} if number % 100 == BAD else {}))


@dataclass(frozen=True)
class FaultStream(Stream):
    """customer_events of a whole project of the test's own, its events numbered."""

    witness: Witness
    event: Callable[..., bytes] = event

    def produce_numbers(self, numbers: range, *, width: int = 0) -> None:
        """One event per number; every hundredth is bad. `width` makes each so much larger."""
        self.produce(numbered(n, width) for n in numbers)

    def assert_each_once(self, numbers: range) -> None:
        """Every event of `numbers`, and no other, is once in rows or in open rejects; the offsets agree."""
        bad = {n for n in numbers if n % 100 == BAD}
        assert self.event_ids() == [f"e{n:06}" for n in numbers if n not in bad]
        rejected = self.rows(
            "SELECT json_extract_string(decode(value), 'event_id') FROM raw.rejects "
            "WHERE replayed_commit IS NULL"
        )
        assert sorted(one for (one,) in rejected) == [f"e{n:06}" for n in sorted(bad)]
        account = self.account()
        assert all(read == kept for read, kept in account.values()), account
        assert sum(read for read, _ in account.values()) == len(numbers)
        self.witness.counted(
            f"{len(numbers):,} events, each once: {len(numbers) - len(bad):,} rows, {len(bad)} rejects, "
            f"offsets agree in {len(account)} partitions"
        )

    def assert_marts_undisturbed(self, numbers: range, *, width: int = 0) -> None:
        """transform, validate and publish now give the marts that an undisturbed run gives for `numbers`."""
        published_marts(self.settings)
        self.assert_served_undisturbed(numbers, width=width)

    def assert_served_undisturbed(self, numbers: range, *, width: int = 0) -> None:
        """Readers get the marts that an undisturbed run gives for `numbers`."""
        got = read_marts(self.settings)
        expected = _undisturbed(self, numbers, width)
        assert got.keys() == expected.keys()
        for mart, rows in expected.items():
            assert got[mart] == rows, mart
        rows_in_all = sum(map(len, got.values()))
        self.witness.counted(f"{len(got)} marts, {rows_in_all:,} rows, as of an undisturbed run")


def declare_stream(
    project: Path, data: Path, servers: str, witness: Witness, *, partitions: int = 2
) -> FaultStream:
    """Copy what this repository declares into `project`, and name there a topic of the stream's own."""
    topic = f"{PIPELINE}_{uuid.uuid4().hex[:8]}"
    for declared in ("ingest", "dbt_project", "expectations", "dags"):
        shutil.copytree(REPOSITORY / declared, project / declared, ignore=_MADE_BY_TOOLS)
    contract = project / "ingest" / f"{PIPELINE}.odcs.yaml"
    text = without_limits(contract.read_text())
    named = f"physicalName: {PIPELINE}"
    assert named in text
    contract.write_text(text.replace(named, f"physicalName: {topic}"))
    create_topic(servers, topic, partitions=partitions)
    settings = Settings(project=project, data=data, environment="local", bootstrap_servers=servers)
    return FaultStream(settings, load_contract(settings, PIPELINE), witness)


_known: dict[tuple[range, int], Marts] = {}


def _undisturbed(disturbed: FaultStream, numbers: range, width: int) -> Marts:
    """The marts of these numbers where nothing goes wrong; worked out once for all tests."""
    if (numbers, width) not in _known:
        folder = disturbed.settings.data.parent / "undisturbed"
        servers = disturbed.settings.bootstrap_servers
        assert servers is not None
        calm = declare_stream(folder / "project", folder / "data", servers, Witness(0, ""))
        calm.produce_numbers(numbers, width=width)
        run_stage(calm.settings, "ingest", "drain", PIPELINE)
        calm.assert_each_once(numbers)
        _known[numbers, width] = published_marts(calm.settings)
    return _known[numbers, width]
