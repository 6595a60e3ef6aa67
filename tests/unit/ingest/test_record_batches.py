"""Whole batches, decoded many records at a time, give what kafka-python's own records give."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c

from penstock.ingest.decode.record_batches import RawBatch, WholeBatches, decode
from penstock.ingest.kafka.header_names import read_any_header_name

read_any_header_name()  # as every consumer of Penstock's
TOPIC = TopicPartition("events", 3)
TIMES = st.integers(0, 2**42)
OCTETS = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(str.encode),
    st.integers(0, 300).map(bytes),  # nothing but zero bytes
    st.sampled_from([b"", b'{"a":1}', b"x" * 12, b"x" * 13, b"y" * 70, b"z" * 9000, b"\x00\x0c\x00"]),
)
HEADERS = st.lists(st.tuples(st.text(max_size=8), st.none() | OCTETS), max_size=3)
RECORD = st.tuples(st.integers(1, 5), TIMES, st.none() | OCTETS, st.none() | OCTETS, st.just([]) | HEADERS)


@dataclass(frozen=True)
class Sent:
    """A batch to build: its records as (step to the next offset, time, key, value, headers)."""

    records: list[Any]
    codec: int = 0
    append_time: int | None = None
    producer: int = -1
    gap: int = 0  # offsets that compaction took from the batch's end
    marker: int | None = None  # 0: abort, 1: commit


BATCHES = st.lists(
    st.builds(
        Sent,
        records=st.lists(RECORD, min_size=1, max_size=12),
        codec=st.integers(0, 4),
        append_time=st.none() | TIMES,
        producer=st.sampled_from([-1, 1, 2]),
        gap=st.integers(0, 3),
        marker=st.sampled_from([None, None, None, 0, 1]),
    ),
    max_size=6,
)


def built(batch: Sent, base: int) -> tuple[bytes, int]:
    """The batch as a broker sends it, and the offset behind it."""
    is_marker = batch.marker is not None and batch.producer > 0
    records = [(1, 0, struct.pack(">hh", 0, batch.marker), b"", [])] if is_marker else batch.records
    sequence = 0 if batch.producer > 0 else -1
    builder = DefaultRecordBatchBuilder(
        2, batch.codec, batch.producer > 0, batch.producer, sequence, sequence, batch_size=1 << 24
    )
    delta = -1
    for step, time, key, value, headers in records:
        delta += step if delta >= 0 else 1
        builder.append(delta, time, key, value, headers)
    raw = builder.build()
    attributes = struct.unpack_from(">h", raw, 21)[0] | (0x20 if is_marker else 0)
    if batch.append_time is not None:
        attributes |= 0x08
        struct.pack_into(">q", raw, 35, batch.append_time)
    struct.pack_into(">q", raw, 0, base)
    struct.pack_into(">i", raw, 12, 7)  # the leader's epoch
    struct.pack_into(">hi", raw, 21, attributes, delta + batch.gap)
    struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[21:]))
    return bytes(raw), base + delta + batch.gap + 1


def response(batches: list[Sent], base: int) -> bytes:
    raw = b""
    for batch in batches:
        more, base = built(batch, base)
        raw += more
    return raw


def read(reader: type, raw: bytes, fetch_offset: int, aborted: list[Any]) -> tuple[list[Any], int, int]:
    """All that a reader gives for a response, its next offset and its leader's epoch."""
    part = reader(
        fetch_offset, TOPIC, MemoryRecords(raw), isolation_level=IsolationLevel.READ_COMMITTED,
        aborted_transactions=aborted,
    )  # fmt: skip
    return part.take(), part.next_fetch_offset, part.leader_epoch


def as_rows(records: list[Any]) -> list[tuple[Any, ...]]:
    return [(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers or None) for r in records]


def decoded(batches: list[RawBatch]) -> list[tuple[Any, ...]]:
    columns = decode(batches)
    columns.validate(full=True)
    rows = zip(*(column.to_pylist() for column in columns.columns), strict=True)
    return [
        (*row, headers and [(header["key"], header["value"]) for header in headers]) for *row, headers in rows
    ]


@given(
    BATCHES,
    st.integers(0, 50),
    st.integers(0, 30),
    st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(0, 90))),
)
@settings(max_examples=400)
def test_the_same_records_as_the_stock_consumer(
    batches: list[Sent], base: int, ahead: int, aborts: list[tuple[int, int]]
) -> None:
    raw = response(batches, base)
    aborted = [SimpleNamespace(producer_id=producer, first_offset=at) for producer, at in aborts]
    stock, *stock_position = read(Fetcher.PartitionRecords, raw, base + ahead, aborted)
    whole, *position = read(WholeBatches, raw, base + ahead, aborted)
    assert all(isinstance(batch, RawBatch) for batch in whole)
    assert (decoded(whole) if whole else []) == as_rows(stock)
    assert position == stock_position


def test_old_formats_come_as_stock_records() -> None:
    for magic in (0, 1):
        builder = MemoryRecordsBuilder(magic, 1, 1 << 16)
        for number in range(3):
            builder.append(timestamp=number, key=b"k", value=b"v%d" % number)
        builder.close()
        stock = read(Fetcher.PartitionRecords, builder.buffer(), 0, [])
        assert read(WholeBatches, builder.buffer(), 0, []) == stock
        assert [record.value for record in stock[0]] == [b"v0", b"v1", b"v2"]


def test_a_batch_whose_crc_is_wrong_is_an_error_after_those_before_it() -> None:
    records = [(1, 5, b"k", b"value", [])]
    raw = bytearray(response([Sent(records), Sent(records)], 0))
    raw[-1] ^= 1
    part = WholeBatches(0, TOPIC, MemoryRecords(bytes(raw)))
    assert decoded(part.take()) == [(3, 0, 5, b"k", b"value", None)]
    with pytest.raises(CorruptRecordError, match="offset 1 failed crc"):
        part.take()


@given(st.lists(RECORD, min_size=1, max_size=5), st.data())
def test_records_that_make_no_sense_are_an_error_or_the_same(records: list[Any], data: st.DataObject) -> None:
    """A producer's CRC is right over records that are not: no crash, and nothing else than the stock's."""
    raw = bytearray(response([Sent(records)], 0))
    at = data.draw(st.integers(61, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[21:]))
    try:
        stock = as_rows(read(Fetcher.PartitionRecords, bytes(raw), 0, [])[0])
    except CorruptRecordError:
        stock = None
    try:
        ours = decoded(read(WholeBatches, bytes(raw), 0, [])[0])
    except CorruptRecordError:
        ours = None
    # The stock consumer hands on what comes before a record that it cannot read, and takes any offset.
    last = sum(step for step, *_ in records[1:])
    is_cut = stock is not None and len(stock) < len(records)
    is_astray = any(not 0 <= offset <= last for _, offset, *_ in stock or [])
    assert ours == stock or (ours is None and (is_cut or is_astray))
