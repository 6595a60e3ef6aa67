"""What was polled becomes chunks in the order in which it came, in threads or not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from penstock.ingest.contract import Contract, Field
from penstock.ingest.gathered import Gathered, Reading
from penstock.ingest.judgement import compile_judgement
from penstock.ingest.record_batches import RawBatch, WholeBatches

CONTRACT = Contract(
    "things",
    "things",
    "1.0.0",
    (Field("number_of_it", "integer", "BIGINT", required=True),),
    Path("things.odcs.yaml"),
)
LONG = " " * 9_000


def polled(reader: type, first: int, count: int) -> list[Any]:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, batch_size=1 << 24)
    for n in range(count):
        builder.append(
            n, 0, None, b'{"number_of_it":%d%s}' % (first + n, b"" if n % 2 else LONG.encode()), []
        )
    return list(reader(0, TopicPartition("things", 0), MemoryRecords(builder.build())).take())


def runs() -> list[list[Any]]:
    """Of 2 000 events: whole batches, single records, whole batches; more than 4 MiB each."""
    return [
        polled(reader, 1_000 * at, 1_000)
        for at, reader in enumerate([WholeBatches, Fetcher.PartitionRecords, WholeBatches])
    ]


def sent(events: Any) -> list[int]:
    return [int(value[len(b'{"number_of_it":') : -1]) for value in events["value"].to_pylist()]


def test_all_comes_in_its_order_in_chunks() -> None:
    gathered = Gathered()
    for items in runs():
        gathered.add(items)
    events, plain = gathered.columns()
    assert plain is None
    assert sent(events) == list(range(3_000))
    assert events["value"].num_chunks >= 3
    assert gathered.events == 3_000
    assert gathered.size >= 3 * 500 * len(LONG)


def test_threads_read_the_plain_events_of_each_chunk() -> None:
    with ThreadPoolExecutor(2) as threads:
        gathered = Gathered(Reading(threads, compile_judgement(CONTRACT)))
        for items in runs():
            gathered.add(items)
        events, plain = gathered.columns()
    assert sent(events) == list(range(3_000))
    assert plain is not None
    read = [row["number_of_it"] for row in plain.to_pylist() if row["_is_plain"]]
    assert read == [n for n in range(3_000) if n % 2]


def test_nothing_is_an_empty_table() -> None:
    with ThreadPoolExecutor(1) as threads:
        events, plain = Gathered(Reading(threads, compile_judgement(CONTRACT))).columns()
    assert (events.num_rows, plain) == (0, None)


def test_a_batch_that_cannot_be_read_is_an_error_in_a_thread_too() -> None:
    (batch,) = polled(WholeBatches, 0, 3)
    broken = RawBatch(**{name: getattr(batch, name) for name in batch.__slots__} | {"count": 4})
    with ThreadPoolExecutor(1) as threads:
        gathered = Gathered(Reading(threads, compile_judgement(CONTRACT)))
        gathered.add([broken])
        with pytest.raises(CorruptRecordError, match="things/0/0-2"):
            gathered.columns()
