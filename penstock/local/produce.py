"""Send sample events to Kafka and say exactly what was sent, and to which places."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from penstock.core.errors import BrokerError
from penstock.local.sample import Sample

_GIVE_UP_AFTER = 60.0  # seconds for the last messages to be acknowledged


@dataclass(frozen=True)
class Produced:
    """What was sent. `places` maps each partition to its offsets: from the first up to, not including, the
    second. `dirt` and `duplicates` are the sample's (None for a file)."""

    count: int
    places: dict[int, tuple[int, int]]
    dirt: dict[str, int] | None
    duplicates: int | None
    seconds: float


def produce(
    bootstrap_servers: str,
    topic: str,
    sample: Sample,
    progress: Callable[[int, float], None] = lambda *_: None,
) -> Produced:
    """Send every message of `sample`, in order, each stored once, and wait until the broker has all of them.

    `progress` hears the messages sent so far and the share of the sample (0 to 1). Raises BrokerError, which
    says how many were acknowledged, as soon as one is not; PenstockError where the sample cannot be read.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    begun = time.monotonic()
    before = end_offsets(bootstrap_servers, topic)
    receipts = _Receipts()
    sent = 0
    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap_servers, enable_idempotence=True, acks="all",
            compression_type="zstd", linger_ms=20, batch_size=256 * 1024,
        )  # fmt: skip
        try:
            for batch in sample.batches:
                for key, value in batch.messages:
                    sent += 1
                    producer.send(topic, value=value, key=key).add_both(receipts.note)
                if receipts.failure is not None:
                    break
                progress(sent, batch.done)
            producer.flush(timeout=_GIVE_UP_AFTER)
        finally:
            producer.close(timeout=5)
    except KafkaError as exc:
        receipts.failure = receipts.failure or exc
    if receipts.failure is not None or receipts.acknowledged != sent:
        raise BrokerError(
            f"only {receipts.acknowledged:,} of {sent:,} messages reached the topic {topic}: "
            f"{receipts.failure or 'no answer from the broker'}",
            fix="see that the broker is well, then run again: events that are sent twice count once",
        )
    after = end_offsets(bootstrap_servers, topic)
    places = {p: (before.get(p, 0), end) for p, end in sorted(after.items()) if end > before.get(p, 0)}
    return Produced(sent, places, sample.dirt, sample.duplicates, time.monotonic() - begun)


def end_offsets(bootstrap_servers: str, topic: str) -> dict[int, int]:
    """The offset that the next message of each partition will get. Raises BrokerError."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    try:
        consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None)
        try:
            partitions = consumer.partitions_for_topic(topic) or set()
            ends = consumer.end_offsets([TopicPartition(topic, partition) for partition in partitions])
        finally:
            consumer.close()
    except KafkaError as exc:
        raise BrokerError(f"the topic {topic} at {bootstrap_servers} does not answer: {exc}") from exc
    return {place.partition: offset for place, offset in ends.items()}


class _Receipts:
    """Counts the broker's answers, which come on the producer's own thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.acknowledged = 0
        self.failure: BaseException | None = None

    def note(self, answer: object) -> None:
        """Called with the message's metadata, or with what went wrong."""
        with self._lock:
            if isinstance(answer, BaseException):
                self.failure = self.failure or answer
            else:
                self.acknowledged += 1
