"""Kafka's records become Arrow columns of raw bytes and coordinates: nothing is parsed here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from penstock.core.errors import BrokerError
from penstock.ingest.landing import Batch
from penstock.ingest.topic import Topic, explained

BATCH_BYTES = 64 * 1024 * 1024  # a batch lands when its Arrow columns hold this much
_PAUSE = 0.2  # seconds until a lost broker is asked again
_LAST_TIMESTAMP = 253_402_300_799_999  # milliseconds: the end of year 9999

_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_SCHEMA = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_timestamp", pa.timestamp("ms", tz="UTC")),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", _HEADERS),
    ]
)


class OffsetsGone(Exception):
    """The topic no longer has the next offset: compare what is stored with what the topic holds.

    `cut`: by partition, where the broker saw that its log was cut off before our position, if it saw that.
    """

    def __init__(self, cut: Mapping[int, int]) -> None:
        super().__init__()
        self.cut = cut


class Fetch:
    """Reads a topic from given offsets, one batch at a time."""

    def __init__(self, consumer: KafkaConsumer, topic: Topic, servers: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._servers = servers
        self._places = {partition: TopicPartition(topic.name, partition) for partition in topic.partitions}
        self._stored: dict[int, int | None] = {}

    def start(self, offsets: Mapping[int, int], stored: Mapping[int, int]) -> None:
        """Fetch from `offsets` on. `stored` are those that the landing file holds now."""
        self._consumer.assign(list(self._places.values()))
        self._consumer.resume(*self._places.values())
        for partition, place in self._places.items():
            self._consumer.seek(place, offsets[partition])
        self._stored = {partition: stored.get(partition) for partition in self._places}

    def positions(self) -> dict[int, int]:
        """By partition, the offset of the next event to come. Raises OffsetsGone and BrokerError."""
        with explained(self._servers), _gone():
            return {partition: self._consumer.position(place) for partition, place in self._places.items()}

    def batch(self, *, linger: float, until: Mapping[int, int] | None = None, stall: float = 60.0) -> Batch:
        """The next batch: a full one, or what came within `linger` seconds, or all up to `until`.

        Without `until` it may be empty. With `until`, partitions that are there are paused, and BrokerError
        is raised when nothing has come for `stall` seconds. A broker that goes away is waited for.
        Raises OffsetsGone, once all that came before it has been returned.
        """
        chunks: list[pa.RecordBatch] = []
        size = 0
        began = moved = time.monotonic()
        while True:
            try:
                polled, failure = self._poll(min(linger, 0.5))
            except OffsetsGone:
                if not chunks:
                    raise
                break
            now = time.monotonic()
            if polled:
                moved = now
                chunk = _columns(polled)
                chunks.append(chunk)
                size += chunk.nbytes
            if until is not None and self._is_there(until):
                break
            if size >= BATCH_BYTES or (now - began >= linger and (chunks or until is None)):
                break
            if now - moved > stall:
                raise BrokerError(
                    f"topic {self._topic.name} at {self._servers}: no event for {stall:g} s, though "
                    f"the topic has more: at {self.positions()}, to {dict(until or {})}"
                    + (f" (last error: {failure})" if failure else ""),
                    fix="look at the broker's health and log, then run again: nothing is lost",
                )
        return self._batch(chunks)

    def _poll(self, seconds: float) -> tuple[Mapping[TopicPartition, list[Any]], KafkaError | None]:
        """What came within `seconds`, or the error of a connection that the client makes anew by itself.
        Raises OffsetsGone, and BrokerError for any other."""
        with explained(self._servers), _gone():
            try:
                return self._consumer.poll(timeout_ms=int(seconds * 1000)), None
            except KafkaError as exc:
                if not exc.retriable:
                    raise
                time.sleep(_PAUSE)
                return {}, exc

    def took(self, batch: Batch) -> None:
        """Note that the batch has landed: the next one starts from its ends."""
        self._stored.update(batch.ends)

    def landed(self) -> dict[int, int]:
        """By partition, the offset after the last event that has landed."""
        return {partition: offset or 0 for partition, offset in self._stored.items()}

    def commit_group(self, group_offsets: Mapping[int, int]) -> None:
        """Tell Kafka's group offsets, for lag tools only; Penstock never reads them."""
        self._consumer.commit(
            {self._places[p]: OffsetAndMetadata(offset, "", -1) for p, offset in group_offsets.items()}
        )

    def _is_there(self, until: Mapping[int, int]) -> bool:
        arrived = [p for p, position in self.positions().items() if position >= until[p]]
        self._consumer.pause(*(self._places[partition] for partition in arrived))
        return len(arrived) == len(self._places)

    def _batch(self, chunks: list[pa.RecordBatch]) -> Batch:
        positions = self.positions()
        moved = {p: position for p, position in positions.items() if position != self._stored[p]}
        return Batch(
            events=pa.Table.from_batches(chunks, schema=_SCHEMA),
            starts={partition: self._stored[partition] for partition in moved},
            ends=moved,
        )


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except OffsetOutOfRangeError as exc:
        raise OffsetsGone({}) from exc
    except LogTruncationError as exc:
        ends = exc.divergent_offsets.items()
        raise OffsetsGone({place.partition: end.offset if end else 0 for place, end in ends}) from exc


def _columns(polled: Mapping[TopicPartition, list[Any]]) -> pa.RecordBatch:
    """`KafkaConsumer.poll()`'s records, column by column."""
    records = [record for part in polled.values() for record in part]
    timestamps = pa.array([record.timestamp for record in records], pa.int64())
    in_range = pc.and_(pc.greater_equal(timestamps, 0), pc.less_equal(timestamps, _LAST_TIMESTAMP))
    if any(record.headers for record in records):
        headers = pa.array([record.headers or None for record in records], _HEADERS)
    else:
        headers = pa.nulls(len(records), _HEADERS)
    return pa.record_batch(
        [
            pa.array([record.partition for record in records], pa.int32()),
            pa.array([record.offset for record in records], pa.int64()),
            # -1 means "no timestamp"; one that no TIMESTAMPTZ can hold is none either
            pc.if_else(in_range, timestamps, None).cast(pa.timestamp("ms", tz="UTC")),
            pa.array([record.key for record in records], pa.binary()),
            pa.array([record.value for record in records], pa.binary()),
            headers,
        ],
        schema=_SCHEMA,
    )
