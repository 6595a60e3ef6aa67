"""A real broker of the bench's own, and topics filled as a busy producer fills them.

`python -m bench.topic <filling as JSON>` fills one topic, in a process of its own: what it needs of memory
and of packages is not the bench's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bench.child import add_contenders_packages, has_contenders_packages, run_child
from bench.events import Kind, messages
from penstock.core.settings import Settings
from penstock.local.broker import create_topic, start_broker
from penstock.local.services import Services, free_port

Codec = Literal["none", "lz4", "zstd"]
_Part = list[tuple[bytes, bytes, int]]  # keys, values, numbers of users

_LINGER = 20  # milliseconds
_LIKE_LIBRDKAFKA = 1_000_000  # bytes: librdkafka's own default for a batch


@dataclass(frozen=True)
class Topic:
    """Which events lie in a topic, and how."""

    kind: Kind
    events: int
    partitions: int = 4
    codec: Codec = "zstd"

    @property
    def name(self) -> str:
        """One topic for each content."""
        kind = self.kind
        what = f"{kind.stream}-{kind.size.replace(' ', '')}-{kind.writing}-{kind.bad:g}"
        return f"bench-{what}-{self.events}-{self.partitions}-{self.codec}"


@contextmanager
def own_broker(folder: Path) -> Iterator[str]:
    """Bootstrap servers of a broker whose files lie in `folder`; ended with the block."""
    settings = Settings(project=Path.cwd(), data=folder, environment="bench", bootstrap_servers=None)
    services = Services(settings)
    try:
        yield start_broker(settings, services, free_port())
    finally:
        services.stop_all()


def make_topic(servers: str, topic: Topic) -> None:
    """Make the topic and fill it; nothing to do where it is there."""
    if create_topic(servers, topic.name, topic.partitions):
        run_child("bench.topic", {"servers": servers, "topic": asdict(topic)})


def remove_topic(servers: str, topic: Topic) -> None:
    """Take the topic away; the broker gives its disk back a minute later."""
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.delete_topics([topic.name])
    finally:
        admin.close()


def _fill(servers: str, topic: Topic) -> None:
    if has_contenders_packages():
        _fill_by_confluent(servers, topic)
    else:  # a quick look
        _fill_by_kafka_python(servers, topic)


def _fill_by_confluent(servers: str, topic: Topic) -> None:
    add_contenders_packages()
    from confluent_kafka import Producer

    producer = Producer(
        {
            "bootstrap.servers": servers,
            "linger.ms": _LINGER,
            "compression.type": topic.codec,
            "acks": "all",
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1_000_000,
        }
    )
    failed: list[Any] = []

    def note(error: Any, message: Any) -> None:
        if error is not None:
            failed.append(error)

    for part in _made_ahead(messages(topic.kind, topic.events)):
        producer.produce_batch(
            topic.name,
            [{"key": key, "value": value, "partition": user % topic.partitions} for key, value, user in part],
            on_delivery=note,
        )
        while len(producer) > 4 * len(part):
            producer.poll(0.05)
    if producer.flush(120) or failed:
        raise RuntimeError(f"topic {topic.name} could not be filled: {failed[:1] or 'no answer in time'}")


def _made_ahead(parts: Iterator[_Part]) -> Iterator[_Part]:
    """The next part is made while one is sent."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = thread.submit(next, parts, None)
            yield part


def _fill_by_kafka_python(servers: str, topic: Topic) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(
        bootstrap_servers=servers, linger_ms=_LINGER, batch_size=_LIKE_LIBRDKAFKA, acks="all",
        compression_type=None if topic.codec == "none" else topic.codec,
    )  # fmt: skip
    for part in messages(topic.kind, topic.events):
        for key, value, user in part:
            producer.send(topic.name, value, key=key, partition=user % topic.partitions)
    producer.flush(timeout=120)
    producer.close()


def main() -> None:
    """Fill the topic that the only argument describes."""
    order = json.loads(sys.argv[1])
    described = order["topic"]
    _fill(order["servers"], Topic(**{**described, "kind": Kind(**described["kind"])}))


if __name__ == "__main__":
    main()
