"""A small healthy project, made by the stages' own code, that each test makes ill in one way."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from penstock.core.build_record import Column, Mart, write_build
from penstock.core.settings import Settings
from penstock.core.verdict import write_verdict
from penstock.doctor.examine import examine
from penstock.doctor.finding import Finding
from penstock.ingest.contract.model import load_contract
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing
from penstock.publish.publish import publish
from tests.records import a_build, a_verdict

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
_EVENTS = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_timestamp", pa.timestamp("ms", tz="UTC")),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
    ]
)
_MART = Mart("counts", "One row.", "shop-team", (Column("id", "bigint", "The click.", True),))


@dataclass(frozen=True)
class Patient:
    """Stream `clicks` and pipeline `shop`."""

    settings: Settings

    @property
    def landing(self) -> Path:
        return self.settings.landing_file("clicks")

    @property
    def warehouse(self) -> Path:
        return self.settings.warehouse_file("shop")

    @property
    def link(self) -> Path:
        return self.settings.marts_link("shop")

    @property
    def versions(self) -> Path:
        return self.settings.versions_dir("shop")

    def land(self, *values: bytes, first: int) -> None:
        """Land events of partition 0 as a batch of these offsets, through ingest."""
        contract = load_contract(self.settings, "clicks")
        rows = [
            {"partition": 0, "offset": first + n, "kafka_timestamp": NOW, "value": value}
            for n, value in enumerate(values)
        ]
        with open_landing(self.settings, contract) as landing:
            epoch = landing.epoch("cluster", "topic-id", now=NOW)
            start = landing.next_offsets(epoch).get(0)
            batch = Batch(pa.Table.from_pylist(rows, _EVENTS), {0: start}, {0: first + len(values)})
            landing.land(batch, epoch=epoch, run_id="run", now=NOW)

    def build(self, number: int = 1) -> str:
        """A finished build, as transform leaves it. Returns its id."""
        build_id = str(uuid.uuid4())
        self.warehouse.parent.mkdir(parents=True, exist_ok=True)
        self.warehouse.unlink(missing_ok=True)
        with duckdb.connect(self.warehouse) as con:
            con.execute("CREATE SCHEMA marts; CREATE SCHEMA _penstock; SET TimeZone = 'UTC'")
            con.execute(f"CREATE TABLE marts.counts AS SELECT {number}::BIGINT AS id")
            build = a_build("shop", build_id=build_id, built_at=NOW, complete_until=NOW, marts=(_MART,))
            write_build(con, build)
        return build_id

    def judge(self, build_id: str, outcome: str = "passed") -> None:
        """The gate's verdict on a build."""
        write_verdict(a_verdict("shop", build_id, outcome=outcome), self.settings.verdict_file("shop"))

    def publish(self, number: int = 1) -> None:
        """Build, judge and publish a version."""
        self.judge(self.build(number))
        publish(self.settings, "shop", run_id=f"run {number}", now=NOW + dt.timedelta(hours=number))

    def change(self, file: Path, sql: str) -> None:
        """Tamper with a DuckDB file."""
        with duckdb.connect(file) as con:
            con.execute(sql)

    def change_outbox(self, sql: str) -> None:
        with sqlite3.connect(self.settings.outbox_file) as outbox:
            outbox.execute(sql)
        outbox.close()

    def all_files(self) -> dict[str, str]:
        """Every file and symlink of project and data, with a hash of its content."""
        root = self.settings.project.parent
        return {
            str(path.relative_to(root)): str(path.readlink())
            if path.is_symlink()
            else hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()
            for path in sorted(root.rglob("*"))
        }

    def findings(self) -> list[Finding]:
        """What doctor finds. Nothing may have changed after it looked."""
        before = self.all_files()
        found = examine(self.settings).findings
        assert self.all_files() == before
        return found
