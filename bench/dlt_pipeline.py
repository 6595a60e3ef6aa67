"""A dlt pipeline from Kafka into DuckDB, as dlt's own Kafka source does it, with the contract's types.

Tuned as dlt's documentation says: the consumer is confluent-kafka's and brings many messages at once; pages
of rows are yielded, not single ones; nothing is nested. Buffers are dlt's default: larger ones were no
faster. So is the loader, which writes INSERTs; `dlt_parquet` is the same pipeline with the faster one. dlt
has no type for UUIDs: they stay text. It knows no rules beyond types, and keeps a value of another type in a
column of its own; messages that are no JSON go to a table of rejects.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bench.child import add_contenders_packages
from bench.confluent import consume, open_consumer
from bench.run import Task, Timed
from penstock.ingest.contract.model import Field

_AT_ONCE = 5_000  # messages, and rows of a page
_TYPES = {
    "string": "text",
    "uuid": "text",
    "timestamp": "timestamp",
    "integer": "bigint",
    "decimal": "decimal",
    "boolean": "bool",
}
_SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
}


def run(task: Task, file_format: str | None = None) -> Timed:
    """Load all of the topic. `file_format`: of the loader's files, dlt's default for None."""
    os.environ.update(_SETTINGS)
    add_contenders_packages()
    import dlt

    consumer, places = open_consumer(task)
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=task.folder,
        destination=dlt.destinations.duckdb(str(task.database)),
        dataset_name="raw",
    )
    columns = {field.name: _hint(field) for field in task.contract().fields}
    pages = dlt.resource(
        _pages(consumer, task.events, dlt.mark.with_table_name),
        name="events",
        columns=columns,
        max_table_nesting=0,
        write_disposition="append",
        file_format=file_format,
    )
    began = time.perf_counter()
    consumer.assign(places)
    pipeline.run(pages).raise_on_failed_jobs()
    loaded = time.perf_counter()  # dlt closes the file after each load, which is a checkpoint
    consumer.close()
    return Timed(loaded - began, loaded - began, task.database, "raw.events")


def _hint(field: Field) -> dict[str, Any]:
    hint: dict[str, Any] = {"data_type": _TYPES[field.kind]}
    if field.kind == "decimal":
        hint |= {"precision": field.precision, "scale": field.scale}
    return hint


def _cents(text: str) -> Decimal:
    """A number that does not fit the column's scale would end dlt's whole load."""
    return round(Decimal(text), 2)


def _pages(consumer: Any, events: int, to_table: Any) -> Iterator[Any]:
    for messages in consume(consumer, events, _AT_ONCE):
        page = []
        for message in messages:
            try:
                row = json.loads(message.value(), parse_float=_cents)
            except ValueError:
                yield to_table({"value": message.value()}, "rejects")
                continue
            row["_kafka_partition"], row["_offset"] = message.partition(), message.offset()
            row["_kafka_timestamp"] = message.timestamp()[1]
            page.append(row)
        yield page
