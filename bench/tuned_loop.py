"""A tuned kafka-python loop: large polls, `json.loads`, rules in Python, Arrow, one transaction.

What a good engineer builds who needs more than the usual loop gives. Tuned: `poll` brings up to 50 000
records from fetches of up to 64 MB (crc32c is installed); decimals are read exactly; each stream has a reader
of its own (`tuned_rows`); 50 000 rows go into DuckDB as one Arrow table, and so do their rejects; DuckDB need
not keep their order, and writes its log into the file at the end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition

from bench.own_database import TABLE, close_database, open_database, store_offsets
from bench.run import Task, Timed
from bench.tuned_rows import READERS, Reader

_AT_ONCE = 50_000

_PLACE = (
    ("_kafka_partition", pa.int32()), ("_offset", pa.int64()),
    ("_kafka_timestamp", pa.timestamp("ms", tz="UTC")),
)  # fmt: skip
_REJECTS = pa.schema(
    [("partition", pa.int32()), ("offset", pa.int64()), ("value", pa.binary()), ("reason", pa.string())]
)
_decode: Callable[[str], Any] = json.JSONDecoder(parse_float=Decimal).decode


def run(task: Task) -> Timed:
    """Land all of the topic."""
    connection = open_database(task)
    connection.execute("SET preserve_insertion_order = false; SET wal_autocheckpoint = '1GB'")
    reader = READERS[task.contract().stream]
    consumer = _consumer(task)
    left = task.events
    messages: list[Any] = []
    began = time.perf_counter()
    while left:
        for came in consumer.poll(timeout_ms=1000, max_records=_AT_ONCE).values():
            messages += came
            left -= len(came)
        if len(messages) >= _AT_ONCE or not left:
            _land(connection, reader, messages)
            messages = []
    timed = close_database(connection, task, began)
    consumer.close()
    return timed


def _consumer(task: Task) -> KafkaConsumer:
    consumer = KafkaConsumer(
        bootstrap_servers=task.servers, group_id=None, enable_auto_commit=False,
        auto_offset_reset="earliest", isolation_level="read_committed", max_poll_records=_AT_ONCE,
        max_partition_fetch_bytes=8 * 2**20, fetch_max_bytes=64 * 2**20,
    )  # fmt: skip
    partitions = consumer.partitions_for_topic(task.topic) or set()
    consumer.assign([TopicPartition(task.topic, partition) for partition in sorted(partitions)])
    return consumer


def _land(connection: Any, reader: Reader, messages: list[Any]) -> None:
    rows, rejects = [], []
    ends: dict[int, int] = {}
    for message in messages:
        partition, offset, value = message.partition, message.offset, message.value
        try:
            rows.append((*reader.row(_decode(value.decode())), partition, offset, message.timestamp))
        except (ValueError, KeyError, TypeError) as exc:
            rejects.append((partition, offset, value, str(exc)))
        ends[partition] = offset + 1
    connection.execute("BEGIN")
    if rows:
        connection.register("good", _table(rows, pa.schema([*reader.columns, *_PLACE])))
        connection.execute(f"INSERT INTO {TABLE} SELECT * FROM good")
    if rejects:
        connection.register("bad", _table(rejects, _REJECTS))
        connection.execute("INSERT INTO raw.rejects SELECT * FROM bad")
    store_offsets(connection, ends)
    connection.execute("COMMIT")


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(zip(*rows, strict=True), schema.types, strict=True)
    return pa.Table.from_arrays([pa.array(values, kind) for values, kind in columns], schema=schema)
