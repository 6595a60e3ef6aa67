"""Kafka's record batches become Arrow columns, many records at a time: no Python object per record.

kafka-python makes an object of each record, which costs more than all the rest of landing. Here its fetcher
hands on whole record batches (message format v2), decompressed, their CRC checked, aborted transactions and
control batches left out; `decode` then reads all records of many batches. Formats v0 and v1 go
kafka-python's own way.

The format: https://kafka.apache.org/documentation/#recordbatch, varints as in Protocol Buffers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from kafka import codec
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch

from penstock.ingest.decode.arrow_bytes import PADDING, Bytes, Ints, as_bytes, bitmap, views

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))

_HEADER = DefaultRecordBatch.HEADER_STRUCT.size
_MAGIC_AT = 16  # in a batch of any format
_LENGTH_AT = 8
_DECOMPRESS = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}


@dataclass(frozen=True, slots=True)
class RawBatch:
    """The records of one batch, decompressed, and what its header says of them.

    `offset` is the batch's last: kafka-python drops what lies before the offset that it asked for. A batch
    may hold records before `wanted_from`, too.
    """

    topic: str
    partition: int
    offset: int
    wanted_from: int
    base_offset: int
    count: int
    first_timestamp: int
    append_timestamp: int | None  # for all records, where the broker sets the time
    records: bytes


class WholeBatches(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What the fetcher reads of one partition's response: batches in place of records."""

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        """As the original, one RawBatch for each batch with data. Raises CorruptRecordError."""
        if _has_old_format(records._buffer):
            yield from super()._unpack_records(tp, records, *deserializers)
            return
        while (batch := records.next_batch()) is not None:
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(
                    f"Record batch for partition {tp} at offset {batch.base_offset} failed crc check"
                )
            self.leader_epoch = batch.leader_epoch
            self.next_fetch_offset = batch.next_offset
            if not self._is_left_out(batch) and batch.records_count:
                raw = _decompressed(batch, tp, self.fetch_offset)
                self.records_read += raw.count
                self.bytes_read += len(raw.records)
                yield raw
        self.drain()

    def _is_left_out(self, batch: Any) -> bool:
        """Is it of an aborted transaction, or a control batch?"""
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return bool(batch.is_control_batch)


@dataclass(frozen=True, slots=True)
class Records:
    """Where the parts of many records lie in one buffer. A negative length: null; `headers_at`: of the first,
    behind their number; `ends`: where each record ends."""

    time_delta: Ints
    offset_delta: Ints
    key_length: Ints
    key_at: Ints
    value_length: Ints
    value_at: Ints
    header_count: Ints
    headers_at: Ints
    ends: Ints


def decode(batches: Sequence[RawBatch]) -> pa.RecordBatch:
    """All records of `batches` from `wanted_from` on, in their order, as columns: partition int32, offset
    int64, kafka_timestamp int64 (milliseconds), key, value binary_view, headers list<struct<key, value>>.

    Keys and values are views of one buffer, which ends with PADDING: nothing is copied. Raises
    CorruptRecordError.
    """
    try:
        return _decode(batches)
    except (IndexError, ValueError) as exc:  # a length or a number that cannot be
        raise _corrupt(batches, f"a record cannot be read ({exc})") from exc


def _found(raw: Bytes, batches: Sequence[RawBatch], counts: Ints) -> Records:
    """The parts of all records. Raises CorruptRecordError, which names the batch."""
    from penstock.ingest.decode.record_scanner import scan_records  # loads numba

    sizes = np.array([len(batch.records) for batch in batches], np.int64)
    found = np.empty((9, int(counts.sum())), np.int64)
    broken = scan_records(raw, np.cumsum(sizes), counts, found)
    if broken >= 0:
        raise _corrupt([batches[broken]], f"its {counts[broken]} records cannot be read")
    return Records(*found)


def _decode(batches: Sequence[RawBatch]) -> pa.RecordBatch:
    data = pa.py_buffer(b"".join([*(batch.records for batch in batches), PADDING]))
    raw = as_bytes(data)[: -len(PADDING)]
    counts = np.array([batch.count for batch in batches], np.int64)
    found = _found(raw, batches, counts)
    headers, behind = _headers(raw, data, found.header_count, found.headers_at, found.ends)
    if (behind != found.ends).any():
        raise ValueError("a record is not as long as it says")

    def of_batch(values: list[int]) -> Ints:
        return np.repeat(np.array(values, np.int64), counts)

    last_delta = of_batch([batch.offset - batch.base_offset for batch in batches])
    if (found.offset_delta < 0).any() or (found.offset_delta > last_delta).any():
        raise ValueError("an offset outside of its batch")
    offset = of_batch([batch.base_offset for batch in batches]) + found.offset_delta
    partition = of_batch([batch.partition for batch in batches]).astype(np.int32)
    time = of_batch([batch.first_timestamp for batch in batches]) + found.time_delta
    if any(batch.append_timestamp is not None for batch in batches):
        appended = of_batch(
            [-1 if batch.append_timestamp is None else batch.append_timestamp for batch in batches]
        )
        time = np.where(appended >= 0, appended, time)
    wanted = offset >= of_batch([batch.wanted_from for batch in batches])
    key_at, key_length = found.key_at, found.key_length
    value_at, value_length = found.value_at, found.value_length
    if not wanted.all():
        headers = headers.filter(_array(wanted, pa.bool_()))
        partition, offset, time = partition[wanted], offset[wanted], time[wanted]
        key_at, key_length = key_at[wanted], key_length[wanted]
        value_at, value_length = value_at[wanted], value_length[wanted]
    return pa.record_batch(
        {
            "partition": _array(partition, pa.int32()),
            "offset": _array(offset, pa.int64()),
            "kafka_timestamp": _array(time, pa.int64()),
            "key": views(pa.binary_view(), data, key_at, key_length),
            "value": views(pa.binary_view(), data, value_at, value_length),
            "headers": headers,
        }
    )


def _varints(raw: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """The zigzag varint at each place, and the place behind it."""
    byte = raw.take(at, mode="clip")
    value = (byte & 0x7F).astype(np.uint64)
    behind = at + 1
    longer = np.flatnonzero(byte >= 0x80)
    for shift in range(7, 70, 7):
        if not longer.size:
            break
        byte = raw.take(behind[longer], mode="clip")
        value[longer] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
        behind[longer] += 1
        longer = longer[byte >= 0x80]
    if longer.size:
        raise ValueError("a number of more than 64 bits")
    return (value >> np.uint64(1)).view(np.int64) ^ -(value & np.uint64(1)).view(np.int64), behind


def _strings(raw: Bytes, at: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
    """Of the byte string at each place: its length (negative: null), where it begins, the place behind it.
    Raises ValueError for one that goes on behind the end of its record."""
    length, begin = _varints(raw, at)
    if (length > ends - begin).any():
        raise ValueError("a length leads out of its record")
    return length, begin, begin + np.maximum(length, 0)


def _headers(raw: Bytes, data: pa.Buffer, count: Ints, at: Ints, ends: Ints) -> tuple[pa.Array, Ints]:
    """The headers of each record (null where it has none), and the places behind them."""
    if not count.any():
        return pa.nulls(len(count), HEADERS), at
    if (count < 0).any() or (count > ends - at).any():
        raise ValueError("a number of headers that cannot be")
    behind = at.copy()
    firsts = np.cumsum(count) - count
    key_at, key_length, value_at, value_length = np.zeros((4, count.sum()), np.int64)
    for n in range(count.max()):
        rows = np.flatnonzero(count > n)
        here = firsts[rows] + n
        key_length[here], key_at[here], behind[rows] = _strings(raw, behind[rows], ends[rows])
        value_length[here], value_at[here], behind[rows] = _strings(raw, behind[rows], ends[rows])
    if (key_length < 0).any():
        raise ValueError("a header without a name")
    keys = _names(views(pa.binary_view(), data, key_at, key_length).cast(pa.binary()))
    values = views(pa.binary_view(), data, value_at, value_length).cast(pa.binary())
    pairs = pa.StructArray.from_arrays([keys, values], fields=list(HEADERS.value_type))
    offsets = _array(np.append(firsts, count.sum()).astype(np.int32), pa.int32())
    return pa.ListArray.from_arrays(offsets, pairs, mask=_array(count == 0, pa.bool_())), behind


def _names(keys: pa.Array) -> pa.Array:
    """Header names as text; one that is not UTF-8 as `header_names` reads it."""
    try:
        return keys.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([key.decode("utf-8", "backslashreplace") for key in keys.to_pylist()], pa.string())


def _array(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """`pa.array` would import pandas first, which takes a second."""
    stored = bitmap(values) if kind == pa.bool_() else pa.py_buffer(values)
    return pa.Array.from_buffers(kind, len(values), [None, stored])


def _decompressed(batch: DefaultRecordBatch, tp: Any, wanted_from: int) -> RawBatch:
    records = memoryview(batch._buffer)[_HEADER:]
    if batch.compression_type:
        batch._assert_has_codec(batch.compression_type)
        records = _DECOMPRESS[batch.compression_type](records.tobytes())
    return RawBatch(
        topic=tp.topic,
        partition=tp.partition,
        offset=batch.last_offset,
        wanted_from=wanted_from,
        base_offset=batch.base_offset,
        count=batch.records_count,
        first_timestamp=batch.first_timestamp,
        append_timestamp=batch.max_timestamp if batch.timestamp_type else None,
        records=bytes(records),
    )


def _has_old_format(response: bytes) -> bool:
    """Does it hold a batch of a format before v2?"""
    at = 0
    while at + _MAGIC_AT < len(response):
        if response[at + _MAGIC_AT] < 2:
            return True
        at += 12 + int.from_bytes(response[at + _LENGTH_AT : at + 12], "big")
    return False


def _corrupt(batches: Sequence[RawBatch], why: str) -> CorruptRecordError:
    places = ", ".join(f"{b.topic}/{b.partition}/{b.base_offset}-{b.offset}" for b in batches[:5])
    return CorruptRecordError(f"{why}, in {places}")
