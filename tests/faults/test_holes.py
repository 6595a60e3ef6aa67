"""Offsets without an event are no loss: aborted transactions, their markers, and compaction.

The account is made with a client of its own: what a consumer of committed events reads is what lands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from tests.faults.fault_stream import BAD, FaultStream
from tests.patience import PATIENCE, until

Place = tuple[int, int]  # partition, offset


def committed(stream: FaultStream) -> tuple[dict[Place, bytes], dict[int, int]]:
    """What the topic holds for a consumer of committed events, by place; and where each partition ends."""
    with closing(
        KafkaConsumer(
            bootstrap_servers=stream.settings.bootstrap_servers, isolation_level="read_committed",
            auto_offset_reset="earliest", enable_auto_commit=False,
        )
    ) as consumer:  # fmt: skip
        places = [TopicPartition(stream.topic, partition) for partition in (0, 1)]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        seen: dict[Place, bytes] = {}

        def are_all_read() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                seen.update({(record.partition, record.offset): record.value for record in records})
            return all(consumer.position(place) >= ends[place] for place in places)

        until(are_all_read)
    return seen, {place.partition: end for place, end in ends.items()}


def landed(stream: FaultStream) -> dict[Place, str]:
    """By place, the event of each row and reject."""
    found = stream.rows(
        "SELECT _kafka_partition, _offset, event_id FROM raw.customer_events UNION ALL "
        """SELECT "partition", "offset", json_extract_string(decode(value), 'event_id') FROM raw.rejects"""
    )
    by_place = {(partition, offset): event_id for partition, offset, event_id in found}
    assert len(by_place) == len(found), "an event landed twice"
    return by_place


def next_offsets(stream: FaultStream) -> dict[int, int]:
    return dict(stream.rows('SELECT "partition", next_offset FROM raw.offsets'))


def assert_lands_what_is_committed(stream: FaultStream) -> dict[Place, str]:
    """Place by place; and the offsets stand at the end of what is committed."""
    seen, ends = committed(stream)
    there = landed(stream)
    assert there.keys() == seen.keys()
    assert all(f'"{event_id}"'.encode() in seen[place] for place, event_id in there.items())
    assert next_offsets(stream) == ends
    return there


@pytest.fixture
def transactions(stream: FaultStream) -> Iterator[list[KafkaProducer]]:
    """Two transactional producers."""
    producers = [
        KafkaProducer(
            bootstrap_servers=stream.settings.bootstrap_servers, transactional_id=f"{stream.topic}-{name}",
            acks="all", linger_ms=0, transaction_timeout_ms=int(PATIENCE * 1000),
        )
        for name in "ab"
    ]  # fmt: skip
    for producer in producers:
        producer.init_transactions()
    yield producers
    for producer in producers:
        producer.close(timeout=5)


@pytest.mark.fault(16, "two transactional producers in turn: committed, aborted, and one left open")
def test_aborted_and_open_transactions_never_land(
    stream: FaultStream, transactions: list[KafkaProducer], drain: Callable[..., str]
) -> None:
    good, bad = transactions
    kept, aborted = set(), set()
    for number in range(0, 300, 30):  # both are open at once, their events lie between one another
        good.begin_transaction()
        bad.begin_transaction()
        for n in range(number, number + 30):
            producer, told = (bad, aborted) if n % 3 == 0 else (good, kept)
            told.add(f"e{n:06}")
            producer.send(stream.topic, stream.event(n), partition=n % 2).get(timeout=PATIENCE)
        bad.abort_transaction()
        good.commit_transaction()
    bad.begin_transaction()
    for n in range(300, 310):
        bad.send(stream.topic, stream.event(n), partition=0).get(timeout=PATIENCE)
    stream.produce([stream.event(n) for n in range(400, 404)])  # behind an open transaction in partition 0
    drain()
    there = assert_lands_what_is_committed(stream)
    assert set(there.values()) == kept | {"e000401", "e000403"}
    holes = sum(next_offsets(stream).values()) - len(there)
    assert holes == len(aborted) + 2 * 2 * 10  # two markers in each partition, ten times
    stream.witness.saw(
        f"{len(aborted)} events aborted; {holes} of {holes + len(there)} offsets hold no event"
    )
    bad.commit_transaction()
    drain()
    there = assert_lands_what_is_committed(stream)
    assert set(there.values()) == kept | {f"e{n:06}" for n in (*range(300, 310), *range(400, 404))}
    stream.witness.counted(
        f"{len(there)} committed events, each once at its place; none of the aborted ones; the open ones "
        "only once they were committed"
    )


def compact(stream: FaultStream) -> None:
    """Let the broker compact the topic, and soon."""
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    settings = {
        "cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.001",
        "max.compaction.lag.ms": "200",
    }  # fmt: skip
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, stream.topic, configs=settings)])
    admin.close()


def send_by_key(stream: FaultStream, numbers: Iterable[int]) -> None:
    """As `produce_numbers`, but each number is its event's key."""
    with closing(KafkaProducer(bootstrap_servers=stream.settings.bootstrap_servers)) as producer:
        for n in numbers:
            value = stream.event(n, brand="", **({"price": -1} if n % 100 == BAD else {}))
            producer.send(stream.topic, value, partition=n % 2, key=str(n).encode())
        producer.flush()


def until_compacted(stream: FaultStream, below: int, last: int) -> None:
    """Wait until the topic holds fewer than `below` events: the newest wait for others to come."""

    def is_compacted() -> bool:
        send_by_key(stream, (last, last - 1))
        return len(committed(stream)[0]) < below

    until(is_compacted)


@pytest.mark.slow
@pytest.mark.fault(16, "a compacted topic: each event is sent twice under its key, and the first copy goes")
def test_compaction_leaves_holes_and_they_are_no_gap(stream: FaultStream, drain: Callable[..., str]) -> None:
    compact(stream)
    for begin in (0, 500):  # what is sent in the second round goes while the drain's offsets lie before it
        for _ in range(2):
            send_by_key(stream, range(begin, begin + 500))
        until_compacted(stream, begin + 700, last=begin + 498)
        drain()
        seen, ends = committed(stream)
        there = landed(stream)
        assert seen.keys() <= there.keys()
        assert set(there.values()) == {f"e{n:06}" for n in range(begin + 500)}
        assert next_offsets(stream) == ends
        holes = sum(ends.values()) - len(there)
        assert holes >= 100
        stream.witness.saw(f"of {sum(ends.values()):,} offsets, {holes:,} held no event any more when read")
    stream.witness.counted(
        f"the last copy of 1,000 events is there; {len(there):,} places, each once; no gap was told"
    )
    stream.assert_marts_undisturbed(range(1_000))
