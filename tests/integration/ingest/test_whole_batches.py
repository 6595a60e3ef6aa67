"""Whole batches of a real broker against kafka-python's own records; and without them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import Fetcher

from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.limits import Limits
from penstock.ingest.consume.source import utc_now
from penstock.ingest.decode import hook as hook
from penstock.ingest.decode.columns import columns
from penstock.ingest.decode.hook import read_whole_batches
from penstock.ingest.kafka.topic import open_consumer
from tests.integration.ingest.own_stream import Stream
from tests.patience import until

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
EVENTS = 60  # of each codec, in each partition


@pytest.fixture
def later_kafka_python(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fetcher that makes its records of a class that Penstock does not know."""
    monkeypatch.setattr(Fetcher, "PartitionRecords", type("Moved", (Fetcher.PartitionRecords,), {}))
    hook._problem.cache_clear()
    hook._warn_once.cache_clear()
    yield
    hook._problem.cache_clear()


def produce(stream: Stream, transactional: bool) -> None:
    """All codecs, keys and values with and without bytes, headers; each first transaction aborted."""
    for number, codec in enumerate(CODECS):
        settings: dict[str, Any] = {"transactional_id": f"{stream.topic}-{number}"} if transactional else {}
        producer = KafkaProducer(
            bootstrap_servers=stream.settings.bootstrap_servers,
            compression_type=codec,
            linger_ms=5,
            **settings,
        )
        for turn in range(2):
            if transactional:
                producer.init_transactions() if turn == 0 else None
                producer.begin_transaction()
            for n in range(EVENTS):
                producer.send(
                    stream.topic,
                    value=[b'{"n": %d}' % n * (n % 40), None, b"", b"\x00\x02\x00" * n][n % 4],
                    key=[None, b"\xffkey", b"", None][n % 4],
                    headers=[(f"h{h}", [b"", b"\x00value", b"v"][h % 3]) for h in range(n % 5)],
                    partition=n % 2,
                    timestamp_ms=1_714_564_800_000 + n,
                )
            if transactional:
                producer.commit_transaction() if turn else producer.abort_transaction()
        producer.flush()
        producer.close()


def read(stream: Stream, ends: dict[int, int], *, whole: bool, start: int = 0) -> list[Any]:
    """All records from `start` on, as rows of partition, offset, time, key, value and headers: from
    whole batches, or one by one."""
    consumer: KafkaConsumer = open_consumer(stream.settings.bootstrap_servers, group_id=None)
    if whole:
        assert read_whole_batches(consumer)
    places = [TopicPartition(stream.topic, partition) for partition in ends]
    consumer.assign(places)
    for place in places:
        consumer.seek(place, start)
    items: list[Any] = []

    def are_all_read() -> bool:
        items.extend(item for part in consumer.poll(500).values() for item in part)
        return all(consumer.position(place) >= ends[place.partition] for place in places)

    until(are_all_read)
    consumer.close(autocommit=False)
    rows = columns(items).to_pylist()
    return sorted(rows, key=lambda row: (row["partition"], row["offset"]))


@pytest.mark.parametrize("transactional", [False, True])
def test_the_same_rows_as_from_single_records(stream: Stream, transactional: bool) -> None:
    produce(stream, transactional)
    consumer = open_consumer(stream.settings.bootstrap_servers, group_id=None)
    places = [TopicPartition(stream.topic, partition) for partition in range(2)]
    ends = {place.partition: end for place, end in consumer.end_offsets(places).items()}
    consumer.close(autocommit=False)
    single = read(stream, ends, whole=False)
    assert len(single) == len(CODECS) * EVENTS * (1 if transactional else 2)
    assert read(stream, ends, whole=True) == single
    middle = ends[0] // 3  # in the middle of a batch
    assert read(stream, ends, whole=True, start=middle) == [row for row in single if row["offset"] >= middle]


def test_a_kafka_python_that_is_built_another_way_is_reported_and_lands_the_same(
    stream: Stream,
    event: Callable[..., bytes],
    later_kafka_python: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fast = Limits(fast_drain_events=0)
    stream.produce([event(number) for number in range(50)])
    with caplog.at_level(logging.WARNING):
        assert drain(stream.settings, stream.contract, run_id="test", clock=utc_now, limits=fast).landed == 50
        stream.produce([event(number) for number in range(50, 60)])
        assert drain(stream.settings, stream.contract, run_id="test", clock=utc_now, limits=fast).landed == 10
    assert stream.event_ids() == [f"e{number:06}" for number in range(60)]
    (warning,) = [record.getMessage() for record in caplog.records if "kafka-python" in record.getMessage()]
    assert "3.0.12" in warning
    assert "slower" in warning
