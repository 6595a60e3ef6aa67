"""Group offsets are for lag tools only: landing does not wait for them; the last ones are always there."""

from __future__ import annotations

import threading
from typing import Any

from kafka.errors import KafkaError

from penstock.ingest.consume.fetch import Fetch
from penstock.ingest.kafka.topic import Topic
from tests.patience import PATIENCE


class FakeConsumer:
    """Polls until it is told to stop; notes what is committed."""

    def __init__(self) -> None:
        self.polling, self.enough = threading.Event(), threading.Event()
        self.committed: list[dict[int, int]] = []
        self.error: KafkaError | None = None

    def poll(self, timeout_ms: int) -> dict[Any, Any]:
        self.polling.set()
        assert self.enough.wait(PATIENCE)
        return {}

    def commit(self, offsets: dict[Any, Any]) -> None:
        if self.error:
            raise self.error
        self.committed.append({place.partition: at.offset for place, at in offsets.items()})


def fetch_from(consumer: Any) -> Fetch:
    return Fetch(consumer, Topic("orders", "id", "cluster", (0, 1)), "127.0.0.1:1")


def test_they_are_committed_at_once_where_nobody_polls() -> None:
    consumer = FakeConsumer()
    fetch = fetch_from(consumer)
    fetch.commit_group({0: 5})
    fetch.commit_group({0: 7, 1: 2})
    assert consumer.committed == [{0: 5}, {0: 7, 1: 2}]


def test_while_another_thread_polls_it_takes_them_over_all_at_once() -> None:
    consumer = FakeConsumer()
    fetch = fetch_from(consumer)
    poller = threading.Thread(target=fetch._poll, args=[0.5])
    poller.start()
    assert consumer.polling.wait(PATIENCE)
    fetch.commit_group({0: 5, 1: 1})
    fetch.commit_group({0: 9})
    assert consumer.committed == []
    consumer.enough.set()
    poller.join(PATIENCE)
    assert consumer.committed == [{0: 9, 1: 1}]


def test_a_broker_that_does_not_take_them_stops_nothing(caplog: Any) -> None:
    consumer = FakeConsumer()
    consumer.error = KafkaError("not today")
    fetch_from(consumer).commit_group({0: 5})
    assert "Kafka did not take the group offsets: KafkaError: not today" in caplog.text
