"""confluent-kafka (librdkafka in C) with Arrow, our SQL and our settings: what its users would build at best.

Tuned: `consume` brings many messages at once; the queue inside the client holds much more than one batch, and
fetches are large; a thread fetches the next batch while this one lands; batches and chunks are of our size;
columns are gathered by `map` over the client's own methods, which costs less than a loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from bench.child import add_contenders_packages
from bench.json_in_sql import open_landing_in_sql
from bench.run import Task, Timed
from penstock.ingest.consume.limits import DEFAULT
from penstock.ingest.consume.source import utc_now
from penstock.ingest.decode.columns import SCHEMA
from penstock.ingest.landing.batch import Batch

_AT_ONCE = 25_000  # messages: also the rows of a chunk, which DuckDB scans in parallel


def run(task: Task) -> Timed:
    """Land all of the topic."""
    settings, contract = task.settings(), task.contract()
    consumer, places = open_consumer(task)
    with open_landing_in_sql(settings, contract) as landing, ThreadPoolExecutor(1) as thread:
        epoch = landing.epoch("bench", "bench", now=utc_now())
        reader = tables(consumer, task.events, _chunk)
        ends: dict[int, int | None] = dict.fromkeys(place.partition for place in places)
        began = committed = time.perf_counter()
        consumer.assign(places)
        coming = thread.submit(next, reader, None)
        while (table := coming.result()) is not None:
            coming = thread.submit(next, reader, None)
            batch = _batch(table, ends)
            landing.land(batch, epoch=epoch, run_id="bench", now=utc_now())
            ends.update(batch.ends)
            committed = time.perf_counter()
    closed = time.perf_counter()
    consumer.close()
    return Timed(
        seconds=committed - began,
        checkpointed=closed - began,
        database=settings.landing_file(contract.stream),
        table=f"raw.{contract.stream}",
    )


def open_consumer(task: Task) -> tuple[Any, list[Any]]:
    """A consumer, and all partitions from their beginning: once they are assigned, it fetches."""
    add_contenders_packages()
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": task.servers,
            "group.id": "bench",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "queued.min.messages": 1_000_000,
            "queued.max.messages.kbytes": 262_144,
            "fetch.message.max.bytes": 8 * 2**20,
            "fetch.max.bytes": 64 * 2**20,
            "fetch.wait.max.ms": 100,
        }
    )
    partitions = sorted(consumer.list_topics(task.topic).topics[task.topic].partitions)
    return consumer, [TopicPartition(task.topic, partition, OFFSET_BEGINNING) for partition in partitions]


def tables(consumer: Any, events: int, chunk: Callable[[list[Any]], pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of `batch_bytes`, until `events` have come."""
    chunks: list[pa.RecordBatch] = []
    size = 0
    for messages in consume(consumer, events, _AT_ONCE):
        chunks.append(chunk(messages))
        size += chunks[-1].nbytes
        if size >= DEFAULT.batch_bytes:
            yield pa.Table.from_batches(chunks)
            chunks, size = [], 0
    if chunks:
        yield pa.Table.from_batches(chunks)


def consume(consumer: Any, events: int, at_once: int) -> Iterator[list[Any]]:
    """All messages, many at a time. Raises RuntimeError where the client reports an error."""
    while events > 0:
        messages = consumer.consume(min(at_once, events), timeout=1.0)
        if not messages:
            continue
        if errors := list(filter(None, map(_methods(messages).error, messages))):
            raise RuntimeError(f"confluent-kafka: {errors[0]}")
        events -= len(messages)
        yield messages


def _methods(messages: list[Any]) -> Any:
    """confluent_kafka.Message, which `map` calls without a frame of Python for each message."""
    return type(messages[0])


def _chunk(messages: list[Any]) -> pa.RecordBatch:
    """As the columns of SCHEMA."""
    methods = _methods(messages)
    partition, offset, kafka_timestamp, value = columns_of(messages).values()
    key = pa.array(list(map(methods.key, messages)), pa.binary())
    headers = pa.array(list(map(methods.headers, messages)), SCHEMA.field("headers").type)
    return pa.record_batch([partition, offset, kafka_timestamp, key, value, headers], names=SCHEMA.names)


def columns_of(messages: list[Any]) -> dict[str, pa.Array]:
    """partition, offset, kafka_timestamp, value."""
    methods, rows = _methods(messages), len(messages)
    times = pa.array([at for _, at in map(methods.timestamp, messages)], pa.int64())
    return {
        "partition": pa.array(np.fromiter(map(methods.partition, messages), np.int32, rows)),
        "offset": pa.array(np.fromiter(map(methods.offset, messages), np.int64, rows)),
        "kafka_timestamp": times.cast(SCHEMA.field("kafka_timestamp").type),
        "value": pa.array(list(map(methods.value, messages)), pa.binary()),
    }


def _batch(table: pa.Table, ends: dict[int, int | None]) -> Batch:
    """What lands, with the offsets before and after it."""
    after = ends_of(table)
    return Batch(events=table, starts={partition: ends[partition] for partition in after}, ends=after)


def ends_of(table: pa.Table) -> dict[int, int]:
    """By partition, the offset behind the last one."""
    last = table.group_by("partition").aggregate([("offset", "max")])
    return {
        int(partition): int(offset) + 1
        for partition, offset in zip(
            last["partition"].to_pylist(), last["offset_max"].to_pylist(), strict=True
        )
    }
