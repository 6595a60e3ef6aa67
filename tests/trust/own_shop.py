"""A shop of a trust test: a data folder that events land in without a broker, and the stages after it.

All else is real: Kafka's record batches are decoded, checked by the example's contract and landed by the same
code as in a drain, and `penstock transform`, `validate` and `publish` run as processes of their own.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import duckdb
import pyarrow as pa
from kafka import TopicPartition
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from penstock.core.errors import TooManyRejects
from penstock.core.settings import Settings
from penstock.ingest.check.checker import open_checker
from penstock.ingest.contract.model import load_contract
from penstock.ingest.contract.reject_limit import check_rejects
from penstock.ingest.decode.columns import columns
from penstock.ingest.decode.record_batches import WholeBatches
from penstock.ingest.landing.batch import NOTHING, Batch
from penstock.ingest.landing.file import open_landing
from tests.patience import PATIENCE

PIPELINE = STREAM = "customer_events"
PARTITIONS = 4


@dataclass(frozen=True)
class Sent:
    """One message: key and value as the producer wrote them, and when it sent it."""

    key: bytes
    value: bytes
    at: dt.datetime


@dataclass
class Run:
    """What came of one run. `stopped_by`: nothing was published, and these are the reasons. `warnings`: what
    was said of what was published. `rejected`: events that were refused one by one."""

    landed: int
    rejected: Counter[str]
    stopped_by: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Nothing new is published."""
        return bool(self.stopped_by)


class StageFailed(AssertionError):
    """A stage ended as no judgement ends: the test is at fault, or Penstock is."""


class OwnShop:
    """Landing, warehouse and marts of one data folder."""

    def __init__(self, project: Path, data: Path) -> None:
        self.settings = Settings(project, data, "local", None)

    def run(self, messages: Iterable[Sent], run_id: str) -> Run:
        """Land `messages` as one run of the pipeline would, build, judge, and publish what may be."""
        run = self.land(messages, run_id)
        if run.stopped:
            return run
        built = self._stage("transform", run_id)
        if built.returncode:
            run.stopped_by.append(f"transform: {_message(built)}")
            return run
        judged = self._stage("validate", run_id)
        verdict = json.loads(self.settings.verdict_file(PIPELINE).read_text())
        for problem in verdict["problems"]:
            blocks = problem["error"] or problem["severity"] == "critical"
            said = [problem["observed"] or problem["error"], *(one["text"] for one in problem["findings"])]
            (run.stopped_by if blocks else run.warnings).append("; ".join(said))
        if bool(judged.returncode) != run.stopped:
            raise StageFailed(judged.stderr)
        if not run.stopped:
            published = self._stage("publish", run_id)
            if published.returncode:
                raise StageFailed(published.stderr)
        return run

    def land(self, messages: Iterable[Sent], run_id: str) -> Run:
        """Land `messages` in one transaction; of none, only that all is here."""
        contract = load_contract(self.settings, STREAM)
        of_partition: dict[int, list[Sent]] = defaultdict(list)
        for message in messages:
            of_partition[crc32(message.key) % PARTITIONS].append(message)
        now = dt.datetime.now(dt.UTC)
        with (
            open_landing(self.settings, contract) as landing,
            open_checker(landing.compiled, fast=True) as checker,
        ):
            epoch = landing.epoch("cluster", "topic", now=now)
            stored = landing.next_offsets(epoch)
            starts = {partition: stored.get(partition) for partition in of_partition}
            ends = {
                partition: (starts[partition] or 0) + len(sent) for partition, sent in of_partition.items()
            }
            tables = [_fetched(p, starts[p] or 0, sent) for p, sent in of_partition.items()]
            landed = NOTHING
            if tables:
                batch = Batch(pa.concat_tables(tables), starts, ends).checked_by(checker)
                landed = landing.land(batch, epoch=epoch, run_id=run_id, now=now)
            landing.complete_until(now)
            rules: Counter[str] = Counter()
            for (name, rule), count in landed.reasons.items():
                rules[f"{name}: {rule}"] += count
            run = Run(landed.landed, rules)
            try:
                check_rejects(landing.connection, STREAM, contract.reject_limit, run_id)
            except TooManyRejects as exc:
                run.stopped_by.append(f"ingest: {exc}")
        return run

    def served(self) -> dict[str, Any]:
        """What BI reads, in two numbers."""
        with duckdb.connect(self.settings.marts_link(PIPELINE), read_only=True) as connection:
            row = connection.execute("SELECT count(*), sum(revenue) FROM purchases").fetchone()
            assert row is not None
            return {"purchases": row[0], "revenue": row[1]}

    def _stage(self, stage: str, run_id: str) -> subprocess.CompletedProcess[str]:
        ours = ("PENSTOCK_", "KAFKA_", "DBT_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        named = {"PENSTOCK_PROJECT": str(self.settings.project), "PENSTOCK_DATA": str(self.settings.data)}
        return subprocess.run(
            [sys.executable, "-m", "penstock", stage, PIPELINE, "-o", "json", "--run-id", run_id],
            env=clean | named, text=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip


def _fetched(partition: int, first: int, messages: list[Sent]) -> pa.Table:
    """Messages of one partition as a fetch hands them on."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, batch_size=1 << 30)
    for offset, message in enumerate(messages):
        builder.append(offset, int(message.at.timestamp() * 1000), message.key, message.value, [])
    data = bytearray(builder.build())
    data[:8] = first.to_bytes(8)  # the base offset is not part of what the checksum covers
    return columns(WholeBatches(first, TopicPartition("topic", partition), MemoryRecords(bytes(data))).take())


def _message(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr[-2000:]
