"""What a consumer hands on becomes Arrow columns: record batches by `decode`, single records one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.ingest.decode.arrow_bytes import Ints, bitmap_of_valid
from penstock.ingest.decode.record_batches import HEADERS, RawBatch, decode

DECODED_AT_ONCE = 4 * 1024 * 1024  # bytes: some 12 000 events; a chunk is what a thread of DuckDB takes
_RECORDS_AT_ONCE = 12_000
_LAST_TIMESTAMP = 253_402_300_799_999  # milliseconds: the end of year 9999

SCHEMA = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_timestamp", pa.timestamp("ms", tz="UTC")),
        ("key", pa.binary_view()),
        ("value", pa.binary_view()),
        ("headers", HEADERS),
    ]
)


def size_of(item: Any) -> int:
    """Bytes that a polled item will hold as columns, about."""
    if isinstance(item, RawBatch):
        return len(item.records)
    return int(max(item.serialized_key_size, 0) + max(item.serialized_value_size, 0) + 100)


def events_of(item: Any) -> int:
    """How many events a polled item holds, or a few more."""
    return item.count if isinstance(item, RawBatch) else 1


def columns(items: Iterable[Any]) -> pa.Table:
    """The events of polled items, in their order, in chunks. Raises CorruptRecordError."""
    return pa.Table.from_batches(chunks(items), schema=SCHEMA)


def chunks(items: Iterable[Any]) -> Iterator[pa.RecordBatch]:
    """The same, chunk by chunk: as soon as there are items enough for one."""
    for is_raw, run in groupby(items, lambda item: isinstance(item, RawBatch)):
        if is_raw:
            for group in _groups(run):
                yield _typed(decode(group))
        else:
            while records := list(islice(run, _RECORDS_AT_ONCE)):
                yield _of_records(records)


def _groups(batches: Iterator[RawBatch]) -> Iterator[list[RawBatch]]:
    group: list[RawBatch] = []
    size = 0
    for batch in batches:
        group.append(batch)
        size += len(batch.records)
        if size >= DECODED_AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _typed(decoded: pa.RecordBatch) -> pa.RecordBatch:
    milliseconds = np.frombuffer(decoded.column(2).buffers()[1], np.int64, decoded.num_rows)
    return decoded.set_column(2, SCHEMA.field(2), _timestamps(milliseconds))


def _of_records(records: list[Any]) -> pa.RecordBatch:
    """`KafkaConsumer.poll()`'s records, column by column."""
    if any(record.headers for record in records):
        headers = pa.array([record.headers or None for record in records], HEADERS)
    else:
        headers = pa.nulls(len(records), HEADERS)
    return pa.record_batch(
        [
            pa.array([record.partition for record in records], pa.int32()),
            pa.array([record.offset for record in records], pa.int64()),
            _timestamps(np.array([record.timestamp for record in records], np.int64)),
            pa.array([record.key for record in records], pa.binary_view()),
            pa.array([record.value for record in records], pa.binary_view()),
            headers,
        ],
        schema=SCHEMA,
    )


def _timestamps(milliseconds: Ints) -> pa.Array:
    """-1 means "no timestamp"; one that no TIMESTAMPTZ can hold is none either."""
    in_range = (milliseconds >= 0) & (milliseconds <= _LAST_TIMESTAMP)
    buffers = [bitmap_of_valid(in_range), pa.py_buffer(milliseconds)]
    return pa.Array.from_buffers(SCHEMA.field(2).type, len(milliseconds), buffers)
