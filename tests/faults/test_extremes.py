"""A hundred partitions, and partitions that a topic gets later."""

from __future__ import annotations

from collections.abc import Callable

from conftest import FaultStream
from kafka import KafkaAdminClient
from kafka.admin import NewPartitions


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


def test_partitions_that_are_added_between_drains_are_found(
    stream: FaultStream, drain: Callable[..., str]
) -> None:
    stream.produce([stream.event(1)], partition=0)
    drain()
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.create_partitions({stream.topic: NewPartitions(total_count=4)})
    admin.close()
    stream.produce([stream.event(2)], partition=3)
    drain()
    assert stream.event_ids() == ["e000001", "e000002"]
    assert stream.account() == {0: (1, 1), 1: (0, 0), 2: (0, 0), 3: (1, 1)}
