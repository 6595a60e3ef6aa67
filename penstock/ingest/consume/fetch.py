"""Kafka's events become batches of raw bytes and coordinates: nothing is parsed here."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from penstock.core.errors import BrokerError
from penstock.ingest.consume.limits import DEFAULT, Limits
from penstock.ingest.decode.columns import SCHEMA, chunks, events_of, size_of
from penstock.ingest.decode.hook import read_whole_batches
from penstock.ingest.kafka.topic import Topic, broker_errors
from penstock.ingest.landing.batch import Batch

_log = logging.getLogger(__name__)

_PAUSE = 0.2  # seconds until a lost broker is asked again


class OffsetsGone(Exception):
    """The topic no longer has the next offset: compare what is stored with what the topic holds.

    `cut`: by partition, where the broker saw that its log was cut off before our position, if it saw that.
    """

    def __init__(self, cut: Mapping[int, int]) -> None:
        super().__init__()
        self.cut = cut


class Fetch:
    """Reads a topic from given offsets, one batch at a time."""

    def __init__(self, consumer: KafkaConsumer, topic: Topic, servers: str, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self._consumer = consumer
        self._topic = topic
        self._servers = servers
        self._places = {partition: TopicPartition(topic.name, partition) for partition in topic.partitions}
        self._fetched: dict[int, int | None] = {}
        self._landed: dict[int, int | None] = {}
        self._in_use = threading.Lock()  # a consumer is for one thread at a time
        self._landed_since: deque[Mapping[int, int]] = deque()  # group offsets that are still to be committed
        self._stopped = False
        self._enough_bytes = min(limits.first_batch_bytes, limits.batch_bytes)
        self._enough_events = min(limits.first_batch_events, limits.batch_events)

    def start(self, offsets: Mapping[int, int], stored: Mapping[int, int]) -> None:
        """Fetch from `offsets` on. `stored` are those that the landing file holds now."""
        self._consumer.assign(list(self._places.values()))
        self._consumer.resume(*self._places.values())
        for partition, place in self._places.items():
            self._consumer.seek(place, offsets[partition])
        self._fetched = {partition: stored.get(partition) for partition in self._places}
        self._landed = dict(self._fetched)

    def whole_batches(self) -> None:
        """Fetch whole record batches from now on: many times faster, once their reader is loaded."""
        read_whole_batches(self._consumer)

    def positions(self) -> dict[int, int]:
        """By partition, the offset of the next event to come. Raises OffsetsGone and BrokerError."""
        with self._in_use, broker_errors(self._servers), _gone():
            return {partition: self._consumer.position(place) for partition, place in self._places.items()}

    def fetched(self) -> dict[int, int]:
        """By partition, the offset after the last event that `batch` has returned."""
        return {partition: offset or 0 for partition, offset in self._fetched.items()}

    def stop(self) -> None:
        """Let a `batch` that another thread waits for return soon, with what it has."""
        self._stopped = True

    def batch(
        self,
        *,
        linger_s: float,
        until: Mapping[int, int] | None = None,
        on_chunk: Callable[[pa.RecordBatch], None] | None = None,
    ) -> Batch:
        """The next batch: a full one, or what came within `linger` seconds, or all up to `until`.

        `on_chunk` gets each chunk of its events as it comes. Without `until` the batch may be empty. With
        `until`, partitions that are there are paused, and BrokerError is raised when nothing has come for
        `limits.stall_s` seconds. A broker that goes away is waited for.
        Raises OffsetsGone, once all that came before it has been returned.
        """
        decoded = []
        # Chunks are decoded while their bytes are still in the processor's cache.
        for chunk in chunks(self._items(linger_s, until)):
            decoded.append(chunk)
            if on_chunk is not None:
                on_chunk(chunk)
        positions = self.positions()
        moved = {p: position for p, position in positions.items() if position != self._fetched[p]}
        starts = {partition: self._fetched[partition] for partition in moved}
        self._fetched.update(moved)
        self._enough_bytes = min(2 * self._enough_bytes, self.limits.batch_bytes)
        self._enough_events = min(2 * self._enough_events, self.limits.batch_events)
        return Batch(pa.Table.from_batches(decoded, schema=SCHEMA), starts=starts, ends=moved)

    def _items(self, linger_s: float, until: Mapping[int, int] | None) -> Iterator[Any]:
        """What is polled for one batch, as it comes."""
        size = events = 0
        began = moved = time.monotonic()
        while True:
            try:
                polled, failure = self._poll(min(linger_s, 0.5))
            except OffsetsGone:
                if not events:
                    raise
                return
            now = time.monotonic()
            for item in (item for part in polled.values() for item in part):
                moved = now
                size += size_of(item)
                events += events_of(item)
                yield item
            if self._stopped or (until is not None and self._is_there(until)):
                return
            if size >= self._enough_bytes or events >= self._enough_events:
                return
            if now - began >= linger_s and (events or until is None):
                return
            if now - moved > self.limits.stall_s:
                raise BrokerError(
                    f"topic {self._topic.name} at {self._servers}: no event for {self.limits.stall_s:g} s, "
                    f"though the topic has more: at {self.positions()}, to {dict(until or {})}"
                    + (f" (last error: {failure})" if failure else ""),
                    fix="look at the broker's health and log, then run again: nothing is lost",
                )

    def _poll(self, seconds: float) -> tuple[Mapping[TopicPartition, list[Any]], KafkaError | None]:
        """What came within `seconds`, or the error of a connection that the client makes anew by itself.
        Raises OffsetsGone, and BrokerError for any other."""
        with self._in_use, broker_errors(self._servers), _gone():
            try:
                polled = self._consumer.poll(timeout_ms=int(seconds * 1000))
                self._commit_group()
                return polled, None
            except KafkaError as exc:
                if not exc.retriable:
                    raise
                time.sleep(_PAUSE)
                return {}, exc

    def took(self, batch: Batch) -> None:
        """Note that the batch has landed."""
        self._landed.update(batch.ends)

    def landed(self) -> dict[int, int]:
        """By partition, the offset after the last event that has landed."""
        return {partition: offset or 0 for partition, offset in self._landed.items()}

    def commit_group(self, group_offsets: Mapping[int, int]) -> None:
        """Commit Kafka's group offsets, for lag tools only; Penstock never reads them. Where another thread
        polls just now, that one does so."""
        self._landed_since.append(group_offsets)
        if self._in_use.acquire(blocking=False):
            try:
                self._commit_group()
            finally:
                self._in_use.release()

    def _commit_group(self) -> None:
        offsets: dict[int, int] = {}
        while self._landed_since:
            offsets |= self._landed_since.popleft()
        if not offsets:
            return
        try:
            self._consumer.commit(
                {self._places[p]: OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}
            )
        except KafkaError as exc:
            # Lag tools see older offsets until the next batch. What counts is committed already.
            _log.warning("Kafka did not take the group offsets: %s", exc)

    def _is_there(self, until: Mapping[int, int]) -> bool:
        arrived = [p for p, position in self.positions().items() if position >= until[p]]
        self._consumer.pause(*(self._places[partition] for partition in arrived))
        return len(arrived) == len(self._places)


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except OffsetOutOfRangeError as exc:
        raise OffsetsGone({}) from exc
    except LogTruncationError as exc:
        ends = exc.divergent_offsets.items()
        raise OffsetsGone({place.partition: end.offset if end else 0 for place, end in ends}) from exc
