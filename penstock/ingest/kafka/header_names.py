"""Header names that are not UTF-8, which kafka-python takes for a damaged record: it then reads no further.

Kafka passes any bytes on. Read here with \\x… for each byte that is not UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka.errors import CorruptRecordError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class _Lenient(bytearray):
    """Bytes, of which any piece is a text."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


class _Batch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python has no types
    _buffer: bytearray

    def __iter__(self) -> Iterator[Any]:
        """As kafka-python's own, but for names. A generator, since every record of a topic passes here."""
        self._maybe_uncompress()
        while self._next_record_index < self._num_records:
            try:
                record = self._read_msg()
            except UnicodeDecodeError:  # the position has not moved
                self._buffer = _Lenient(self._buffer)
                continue
            except (ValueError, IndexError) as exc:
                raise CorruptRecordError(f"Found invalid record structure: {exc!r}") from exc
            self._next_record_index += 1
            yield record
        if self._pos != len(self._buffer):
            raise CorruptRecordError(f"{len(self._buffer) - self._pos} bytes left after all records")


def read_any_header_name() -> None:
    """From now on this process' consumers read them. kafka-python has no setting for it."""
    memory_records.DefaultRecordBatch = _Batch
