"""A hundred partitions, and partitions that a topic gets later."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_stream import FaultStream
from kafka import KafkaAdminClient
from kafka.admin import NewPartitions


@pytest.mark.fault(17, "a topic of 100 partitions")
def test_a_hundred_partitions_all_land(
    new_stream: Callable[..., FaultStream], drain: Callable[..., str]
) -> None:
    stream = new_stream(partitions=100)
    for partition in (0, 57, 99):
        stream.produce([stream.event(partition)], partition=partition)
    drain()
    assert stream.event_ids() == ["e000000", "e000057", "e000099"]
    account = stream.account()
    assert len(account) == 100
    assert {partition for partition, pair in account.items() if pair == (1, 1)} == {0, 57, 99}
    stream.witness.saw(f"the offsets know {len(account)} partitions")
    stream.witness.counted("events of the first, a middle and the last partition, each once")


@pytest.mark.fault(17, "partitions added between two drains")
def test_partitions_that_are_added_between_drains_are_found(
    stream: FaultStream, drain: Callable[..., str]
) -> None:
    stream.produce([stream.event(1)], partition=0)
    drain()
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.create_partitions({stream.topic: NewPartitions(total_count=4)})
    partitions = admin.describe_topics([stream.topic])[0]["partitions"]
    admin.close()
    stream.witness.saw(f"the topic has {len(partitions)} partitions")
    assert len(partitions) == 4
    stream.produce([stream.event(2)], partition=3)
    drain()
    assert stream.event_ids() == ["e000001", "e000002"]
    assert stream.account() == {0: (1, 1), 1: (0, 0), 2: (0, 0), 3: (1, 1)}
    stream.witness.counted("2 events, each once, one of them in a new partition")
