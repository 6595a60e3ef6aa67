"""A message beyond every limit, a hundred partitions, and partitions that a topic gets later."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions

from penstock.ingest.consume.limits import DEFAULT
from tests.faults.conftest import Run
from tests.faults.fault_stream import BAD, FaultStream
from tests.faults.in_the_middle import SMALL_BATCHES, read
from tests.patience import PATIENCE, until

LARGE, HUGE = 4_000_000, 68_000_000  # bytes


@pytest.mark.fault(17, "a topic of 100 partitions, all events but 99 in one of them")
def test_a_busy_partition_starves_none_of_ninety_nine_quiet_ones(
    new_stream: Callable[..., FaultStream], drain: Callable[..., str]
) -> None:
    stream = new_stream(partitions=100)
    with closing(KafkaProducer(bootstrap_servers=stream.settings.bootstrap_servers)) as producer:
        for n in range(6_000):
            producer.send(stream.topic, stream.event(n, brand="x" * 500), partition=0)
        for partition in range(1, 100):
            producer.send(stream.topic, stream.event(6_000 + partition), partition=partition)
        producer.flush()
    drain(**SMALL_BATCHES)
    assert stream.event_ids() == [f"e{n:06}" for n in range(6_100) if n != 6_000]
    account = stream.account()
    assert account == {0: (6_000, 6_000)} | dict.fromkeys(range(1, 100), (1, 1))
    ((quiet, busy),) = stream.rows(
        "SELECT max(_commit) FILTER (_kafka_partition > 0), max(_commit) FROM raw.customer_events"
    )
    assert quiet < busy
    stream.witness.saw(f"the 99 quiet partitions were there after commit {quiet} of {busy}")
    stream.witness.counted(f"6,099 events, each once, offsets agree in {len(account)} partitions")


@pytest.mark.fault(17, "a message larger than every fetch limit and than a batch, another than a partition's")
def test_huge_messages_are_kept_and_their_neighbours_land(
    stream: FaultStream, drain: Callable[..., str]
) -> None:
    servers = stream.settings.bootstrap_servers
    admin = KafkaAdminClient(bootstrap_servers=servers)
    limit = {"max.message.bytes": str(2 * HUGE)}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, stream.topic, configs=limit)])
    admin.close()
    fetch = KafkaConsumer.DEFAULT_CONFIG
    assert fetch["max_partition_fetch_bytes"] < LARGE
    assert max(fetch["fetch_max_bytes"], DEFAULT.batch_bytes) < HUGE
    stream.produce_numbers(range(50))
    with closing(KafkaProducer(bootstrap_servers=servers, max_request_size=2 * HUGE)) as producer:
        for number, size in ((50, LARGE), (99, HUGE)):
            value = stream.event(number, brand="x" * size)
            told = producer.send(stream.topic, value, partition=0).get(timeout=PATIENCE)
            stream.witness.saw(f"{told.serialized_value_size:,} bytes lie at offset {told.offset}")
    stream.produce_numbers(range(51, 99))
    drain()
    assert stream.rows("SELECT event_id, length(brand) FROM raw.customer_events ORDER BY 2 DESC LIMIT 1") == [
        ("e000050", LARGE)
    ]
    assert stream.rows("SELECT octet_length(value), reasons[1].rule FROM raw.rejects") == [
        (len(value), "size")
    ]
    stream.assert_each_once(range(100))


@pytest.mark.fault(17, "partitions added between two drains")
def test_partitions_that_are_added_between_drains_are_found(
    stream: FaultStream, drain: Callable[..., str]
) -> None:
    stream.produce([stream.event(1)], partition=0)
    drain()
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.create_partitions({stream.topic: NewPartitions(total_count=4)})
    until(lambda: len(admin.describe_topics([stream.topic])[0]["partitions"]) == 4)
    admin.close()
    stream.witness.saw("the topic has 4 partitions")
    stream.produce([stream.event(2)], partition=3)
    drain()
    assert stream.event_ids() == ["e000001", "e000002"]
    assert stream.account() == {0: (1, 1), 1: (0, 0), 2: (0, 0), 3: (1, 1)}
    stream.witness.counted("2 events, each once, one of them in a new partition")


@pytest.mark.slow
@pytest.mark.fault(17, "partitions added while a follow runs")
def test_partitions_that_are_added_under_a_follow_are_found(stream: FaultStream, penstock: Run) -> None:
    process = penstock("ingest", "follow", "customer_events", look_at_topic=3)
    stream.produce_numbers(range(500))
    until(lambda: read(stream) == 500)
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.create_partitions({stream.topic: NewPartitions(total_count=6)})
    admin.close()
    stream.witness.saw(f"the follow knew {len(stream.account())} partitions, the topic has 6")
    for partition in range(6):
        numbers = [n for n in range(500, 1_000) if n % 6 == partition]
        values = [stream.event(n, brand="", **({"price": -1} if n % 100 == BAD else {})) for n in numbers]
        stream.produce(values, partition=partition)
    until(lambda: read(stream) == 1_000)
    assert process.poll() is None
    process.terminate()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    assert len(stream.account()) == 6
    stream.assert_each_once(range(1_000))
    stream.assert_marts_undisturbed(range(1_000))
