"""What was polled for one batch becomes chunks of columns, each as soon as some MiB of it are there."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from penstock.ingest.columns import SCHEMA, chunk
from penstock.ingest.judgement import Judgement
from penstock.ingest.record_batches import RawBatch

_CHUNK = 4 * 2**20  # bytes: some 12 000 events; what a thread of DuckDB takes at once


@dataclass(frozen=True)
class Reading:
    """Threads that decode, and read the plain events, while more is polled."""

    threads: Executor
    judgement: Judgement

    def start(self, items: list[Any]) -> Future[tuple[pa.RecordBatch, pa.Table]]:
        """Make a chunk of polled items, and of its plain events."""
        return self.threads.submit(self._read, items)

    def _read(self, items: list[Any]) -> tuple[pa.RecordBatch, pa.Table]:
        events = chunk(items)
        return events, self.judgement.read_plain(pa.Table.from_batches([events])).read_all()


class Gathered:
    """The items of one batch. `size`: bytes that they hold, about; `events`: how many, or a few more.

    Without a `reading`, they are decoded where they are gathered, and plain events are left to be read.
    """

    def __init__(self, reading: Reading | None = None) -> None:
        self.size = self.events = 0
        self._reading = reading
        self._open: list[Any] = []
        self._open_size = 0
        self._decoded: list[pa.RecordBatch] = []
        self._started: list[Future[tuple[pa.RecordBatch, pa.Table]]] = []

    def add(self, items: Sequence[Any]) -> None:
        """Take what was polled next. Raises CorruptRecordError."""
        for item in items:
            if self._open and isinstance(item, RawBatch) is not isinstance(self._open[0], RawBatch):
                self._close()
            size = _size_of(item)
            self._open.append(item)
            self._open_size += size
            self.size += size
            self.events += item.count if isinstance(item, RawBatch) else 1
            if self._open_size >= _CHUNK:
                self._close()

    def columns(self) -> tuple[pa.Table, pa.Table | None]:
        """All events in their order, as SCHEMA says, and their plain events, where those were read. Raises
        CorruptRecordError."""
        if self._open:
            self._close()
        if not self._started:
            return pa.Table.from_batches(self._decoded, schema=SCHEMA), None
        events, plain = zip(*(future.result() for future in self._started), strict=True)
        return pa.Table.from_batches(events, schema=SCHEMA), pa.concat_tables(plain)

    def _close(self) -> None:
        if self._reading:
            self._started.append(self._reading.start(self._open))
        else:
            self._decoded.append(chunk(self._open))
        self._open, self._open_size = [], 0


def _size_of(item: Any) -> int:
    if isinstance(item, RawBatch):
        return len(item.records)
    return int(max(item.serialized_key_size, 0) + max(item.serialized_value_size, 0) + 100)
