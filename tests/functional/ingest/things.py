"""Things: a contract with fields of every kind, and its check of given bytes, by both ways."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from kafka import TopicPartition
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from penstock.ingest.check.checker import open_checker
from penstock.ingest.check.compiler import LONGEST_VALUE, compile_contract
from penstock.ingest.contract.model import read_contract
from penstock.ingest.decode.columns import columns
from penstock.ingest.decode.record_batches import WholeBatches
from penstock.ingest.parse.fast_path import parse_chunk

# What each contract of things begins with; its fields follow.
HEADER = """
apiVersion: v3.1.0
kind: DataContract
id: test
version: 1.0.0
status: active
schema:
  - name: things
    properties:
"""
CONTRACT = (
    HEADER
    + """\
      - {name: thing_id, logicalType: string, primaryKey: true, required: true}
      - {name: number, logicalType: integer, required: true}
      - {name: small, logicalType: integer, physicalType: INTEGER, logicalTypeOptions: {maximum: 1000}}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {minimum: 0}}
      - {name: large, logicalType: number, physicalType: "DECIMAL(18,2)"}
      - {name: share, logicalType: number, physicalType: "DECIMAL(5,5)"}
      - {name: happened, logicalType: timestamp}
      - {name: day, logicalType: date}
      - {name: flag, logicalType: boolean}
      - {name: code, logicalType: string, logicalTypeOptions: {minLength: 2, maxLength: 4, pattern: "^[a-z]"}}
      - name: kind
        logicalType: string
        quality: [{metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}]
      - {name: local, logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Europe/Berlin}}
      - {name: visit, logicalType: string, physicalType: UUID}
      - {name: visitor_id, physicalName: visitorId, logicalType: integer}
      - {name: island, logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Australia/Lord_Howe}}
      - {name: the_visit_that_led_to_this_one, logicalType: string, physicalType: UUID}
      - {name: a_name_so_long_that_its_key_cannot_be_read_with_one_head_of_it, logicalType: string}
"""
)
GOOD = {"thing_id": "t", "number": 1}


class Checker:
    """The compiled contract on an open connection. `fast`: which values the fast path took, last time.
    `kafka_timestamp`: of all events, milliseconds."""

    kafka_timestamp = 0

    def __init__(self, folder: Path, contract: str = CONTRACT) -> None:
        file = folder / "things.odcs.yaml"
        file.write_text(contract)
        self.compiled = compile_contract(read_contract(file))
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.compiled.prepare(self.connection)
        self.fast: set[int] = set()

    def __call__(self, *values: bytes | None, reader: type = WholeBatches) -> list[dict[str, Any]]:
        """One row for each value, in order."""
        batch = self.fetched(values, reader=reader)
        self.connection.register("remaining", batch)
        self.compiled.check(self.connection)
        rows = self.connection.sql("SELECT * FROM checked ORDER BY _offset").to_arrow_table().to_pylist()
        with open_checker(self.compiled, fast=True) as checker:
            checked = checker.check(batch)
        self.connection.register("parsed", checked.parsed)
        fast = self.connection.sql(self.compiled.rows_sql).to_arrow_table().to_pylist()
        self.fast = {row["_offset"] for row in fast}
        for row in fast:
            assert row | {"reasons": None} == rows[row["_offset"]], "both ways say the same"
        assert len(self.fast) == len(fast), "each event once"
        return rows

    def fetched(self, values: Sequence[bytes | None], *, reader: type = WholeBatches) -> pa.Table:
        """The values as a fetch hands them on, which reads whole batches, or else single records."""
        builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, batch_size=1 << 30)
        for offset, value in enumerate(values):
            builder.append(offset, self.kafka_timestamp, None, value, [])
        records = MemoryRecords(builder.build())
        return columns(reader(0, TopicPartition("things", 0), records).take())

    def parsed(self, batch: pa.Table) -> pa.Table:
        """The parsed events as typed columns."""
        contract = self.compiled.contract
        return pa.Table.from_batches(
            parse_chunk(contract, chunk, LONGEST_VALUE) for chunk in batch.to_batches()
        )

    def reasons(self, value: bytes | None) -> list[tuple[str | None, str, str]]:
        (row,) = self(value)
        return [(r["field"], r["rule"], r["found"]) for r in row["reasons"] or []]


def raw(**tokens: str) -> bytes:
    """An event with fields given as JSON text, to the letter."""
    fields = {name: json.dumps(value) for name, value in GOOD.items()} | tokens
    return ("{" + ",".join(f"{json.dumps(name)}:{token}" for name, token in fields.items()) + "}").encode()
