"""Where Penstock reaches into kafka-python: its fetcher is made to hand on whole record batches.

No public way leads there, so a later kafka-python may move it. Therefore each process tries it once, on a
batch of its own, before it relies on it; where it does not hold, events are read one by one: slower, no less
right.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import kafka
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from penstock.ingest.decode.record_batches import WholeBatches, decode

KNOWN = "3.0.12"  # the kafka-python that Penstock was written with
_POLLED_AT_ONCE = 8  # record batches, so that a full one lands soon after it is full

_log = logging.getLogger(__name__)


def read_whole_batches(consumer: KafkaConsumer) -> bool:
    """Make `poll` hand on RawBatches, and True; where this kafka-python is built another way it stays as it
    is, with a warning that names the versions."""
    fetcher: Any = getattr(consumer, "_fetcher", None)
    made_by: Any = type(fetcher)
    if problem := _problem(made_by):
        _warn_once(problem)
        return False
    fetcher.PartitionRecords = WholeBatches
    consumer.config["max_poll_records"] = _POLLED_AT_ONCE
    return True


@functools.cache
def _problem(fetcher: type) -> str | None:
    """Why whole batches cannot be had from this class of fetcher, if so."""
    parse = getattr(getattr(fetcher, "_parse_fetched_data", None), "__code__", None)
    if "PartitionRecords" not in getattr(parse, "co_names", ()):
        return "its fetcher makes records elsewhere"
    if getattr(fetcher, "PartitionRecords", None) is not WholeBatches.__mro__[1]:
        return "its fetcher makes records of another class"
    try:
        return None if _tried(WholeBatches) == _tried(Fetcher.PartitionRecords) else "a batch reads otherwise"
    except Exception as exc:  # whatever a kafka-python that is built another way may raise
        return f"a batch cannot be read ({type(exc).__name__}: {exc})"


def _tried(reader: Any) -> list[tuple[Any, ...]]:
    """The records of a small batch, without the first, as this reader gives them; then its position."""
    builder = MemoryRecordsBuilder(2, 1, 1 << 16)
    for number in range(3):
        headers = [("name", b"header")] * number
        builder.append(timestamp=1_700_000_000_000 + number, key=None, value=b'{"n":1}' * 3, headers=headers)
    builder.close()
    part = reader(1, TopicPartition("tried", 2), MemoryRecords(builder.buffer()))
    taken = part.take()
    position = (part.next_fetch_offset, part.leader_epoch)
    if reader is WholeBatches:
        columns = decode(taken)
        rows = zip(*(column.to_pylist() for column in columns.columns), strict=True)
        return [
            (*row, [(header["key"], header["value"]) for header in headers or []]) for *row, headers in rows
        ] + [position]
    return [
        (record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)
        for record in taken
        if record.offset >= 1
    ] + [position]


@functools.cache
def _warn_once(problem: str) -> None:
    _log.warning(
        "kafka-python %s is not built as %s, which Penstock knows: %s; events are read one by one, which is "
        "several times slower",
        kafka.__version__,
        KNOWN,
        problem,
    )
