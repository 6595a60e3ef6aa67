"""A producer that sends what kafka-python's own refuses and Kafka takes: neither key nor value, header names
that are no text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.serializer import Serializer

from tests.faults.hostile_events import Message
from tests.patience import PATIENCE

Place = tuple[int, int]


class _Name(str):
    """A header's name, encoded as these very bytes."""

    raw: bytes

    def encode(self, *args: Any) -> bytes:
        return self.raw


class _Unboxed(Serializer):  # type: ignore[misc]  # kafka-python has no types
    def serialize(self, topic: str, headers: Any, data: tuple[bytes | None]) -> bytes | None:
        return data[0]


def send_all(
    servers: str, topic: str, messages: Iterable[Message], *, partitions: int
) -> Mapping[Place, Message]:
    """Send each in turn to the next partition; returns them by the place (partition, offset) of each."""
    producer = KafkaProducer(
        bootstrap_servers=servers, linger_ms=20, max_request_size=2_000_000,
        key_serializer=_Unboxed(), value_serializer=_Unboxed(),
    )  # fmt: skip
    sent = [
        (message, producer.send(
            topic, (message.value,), key=(message.key,), headers=_headers(message.headers),
            partition=number % partitions, timestamp_ms=message.timestamp_ms,
        ))
        for number, message in enumerate(messages)
    ]  # fmt: skip
    producer.flush()
    producer.close()
    told = ((future.get(PATIENCE), message) for message, future in sent)
    places = {(metadata.partition, metadata.offset): message for metadata, message in told}
    assert len(places) == len(sent)
    return places


def _headers(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, bytes]]:
    made: list[tuple[str, bytes]] = []
    for raw, value in headers:
        name = _Name(raw.decode(errors="backslashreplace"))
        name.raw = raw
        made.append((name, value))
    return made
