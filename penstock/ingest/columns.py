"""What a consumer hands on becomes Arrow columns: record batches by `decode`, single records one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.ingest.octets import Ints, bitmap_of_valid
from penstock.ingest.record_batches import HEADERS, RawBatch, decode

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


def chunk(items: Sequence[Any]) -> pa.RecordBatch:
    """The events of polled items of one kind, in their order, as SCHEMA says. Raises CorruptRecordError."""
    return _typed(decode(items)) if isinstance(items[0], RawBatch) else _of_records(items)


def _typed(decoded: pa.RecordBatch) -> pa.RecordBatch:
    milliseconds = np.frombuffer(decoded.column(2).buffers()[1], np.int64, decoded.num_rows)
    return decoded.set_column(2, SCHEMA.field(2), _timestamps(milliseconds))


def _of_records(records: Sequence[Any]) -> pa.RecordBatch:
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
