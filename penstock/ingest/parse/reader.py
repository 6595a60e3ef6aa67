"""Events' bytes become typed Arrow columns: what `scanner` reads, as Arrow keeps it."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from penstock.ingest.contract.model import INTEGER_TYPES, Contract, Field
from penstock.ingest.decode.arrow_bytes import (
    INLINE,
    PADDING,
    Bytes,
    Flags,
    Ints,
    Words,
    as_bytes,
    bitmap,
    bitmap_of_valid,
    flag_column,
    flags_of,
)
from penstock.ingest.parse import field_plan, scanner
from penstock.ingest.parse.keys import fill_slots
from penstock.ingest.parse.schema import UNKNOWN_TYPE, field_type
from penstock.ingest.parse.values import MOST_DIGITS

_KINDS = {
    "string": field_plan.STRING,
    "uuid": field_plan.UUID,
    "integer": field_plan.INTEGER,
    "decimal": field_plan.DECIMAL,
    "boolean": field_plan.BOOLEAN,
    "timestamp": field_plan.TIMESTAMP,
    "date": field_plan.DATE,
}


@dataclass(frozen=True)
class Places:
    """Byte strings in one buffer, which ends with PADDING: where each begins, and how long it is (-1: there
    is none, or it is null)."""

    data: pa.Buffer
    at: Ints
    length: Ints


def read_events(contract: Contract, values: pa.Array, longest: int) -> tuple[list[pa.Array], pa.Array, Flags]:
    """Some events' fields as columns (behind a time that the contract gives a zone: whether it was sent
    without one), what the contract does not name as JSON text (null: nothing), and which events were taken.

    `values`: binary or binary_view. `longest`: bytes of an event; more is not taken.
    """
    events = places_of_values(values)
    count = len(events.at)
    fields = contract.fields
    wide = [2 if scanner.is_wide(_KINDS[field.kind]) else 1 for field in fields]
    words = [np.zeros(count * size, np.uint64) for size in wide]
    missing, is_local = np.zeros((len(fields), count), bool), np.zeros((len(fields), count), bool)
    plan, slots, _keys = _plan(contract)
    plan = plan.copy()
    for n in range(len(fields)):
        plan[1 + n, field_plan.VALUES] = words[n].ctypes.data
        plan[1 + n, field_plan.MISSING] = missing[n].ctypes.data
        plan[1 + n, field_plan.IS_LOCAL] = is_local[n].ctypes.data
    columns = scanner.Columns(np.zeros(count, bool), np.zeros(2 * count, np.uint64), np.zeros(count, bool))
    total = int(np.maximum(events.length, 0).sum())
    scratch = np.empty(2 * total + 2 * field_plan.SLACK * (count + 1), np.uint8)
    scanner.scan(as_bytes(events.data), events.at, events.length, longest, plan, slots, columns, scratch)
    texts = pa.py_buffer(scratch)
    arrays = [
        array
        for n, field in enumerate(fields)
        for array in _arrays(field, words[n], [events.data, texts], missing[n], is_local[n])
    ]
    unknown = pa.Array.from_buffers(
        pa.string_view(), count, [bitmap(columns.has_unknown), pa.py_buffer(columns.unknown), texts]
    )
    return arrays, pa.ExtensionArray.from_storage(UNKNOWN_TYPE, unknown), columns.is_taken


def load() -> None:
    """Have the machine code loaded from disk, or made: with the first call it takes a second or more."""
    contract = Contract("", "", "", (Field("nothing", "boolean", "BOOLEAN", required=True),), Path())
    read_events(contract, pa.array([b"{}"], pa.binary()), 2)


@functools.lru_cache(maxsize=64)
def _plan(contract: Contract) -> tuple[Ints, Ints, Words]:
    """What the scanner knows of each field, but for the addresses of columns; the slots of the keys; the keys
    themselves, which must live on."""
    # As JSON has it: a key with a quote or a backslash is none that the scanner looks for, as it has escapes.
    keys = [json.dumps(field.key, ensure_ascii=False)[1:-1].encode() for field in contract.fields]
    sizes = [len(key) // 8 + 1 for key in keys]
    stored = np.zeros(sum(sizes), np.uint64)
    plan = np.zeros((1 + len(keys), field_plan.PLANNED), np.int64)
    slots = np.zeros(field_plan.SLOTS, np.int64)
    at = 0
    for n, (field, key) in enumerate(zip(contract.fields, keys, strict=True), start=1):
        stored[at : at + sizes[n - 1]] = np.frombuffer(key.ljust(8 * sizes[n - 1], b"\0"), np.uint64)
        lowest, highest = _bounds(field)
        plan[n, field_plan.KIND], plan[n, field_plan.REQUIRED] = _KINDS[field.kind], field.required
        plan[n, field_plan.LOWEST], plan[n, field_plan.HIGHEST] = lowest, highest
        plan[n, field_plan.SCALE] = field.scale
        plan[n, field_plan.MAY_BE_LOCAL] = field.default_timezone is not None
        plan[n, field_plan.KEY], plan[n, field_plan.KEY_SIZE] = stored.ctypes.data + 8 * at, len(key)
        at += sizes[n - 1]
    fill_slots(plan, slots)
    return plan, slots, stored


def _bounds(field: Field) -> tuple[int, int]:
    """Of the whole part. A decimal of too many decimals for an int64 has none that fits."""
    if field.kind == "decimal":
        digits = min(field.precision, MOST_DIGITS) - field.scale
        return 0, 10**digits - 1 if digits >= 0 and field.scale < MOST_DIGITS else -1
    return INTEGER_TYPES.get(field.sql_type, (0, 0))


def _arrays(
    field: Field, words: Words, texts: list[pa.Buffer], missing: Flags, is_local: Flags
) -> list[pa.Array]:
    kind, count = field_type(field), len(missing)
    valid = None if field.required else bitmap_of_valid(~missing)
    local = [flag_column(is_local)] if field.default_timezone else []
    if field.kind == "uuid":
        stored = pa.Array.from_buffers(kind.storage_type, count, [valid, pa.py_buffer(words)])
        return [pa.ExtensionArray.from_storage(kind, stored)]
    if field.kind == "string":
        return [pa.Array.from_buffers(kind, count, [valid, pa.py_buffer(words), *texts])]
    if field.kind == "boolean":
        held = bitmap(words != 0)
    elif field.kind == "date":
        held = pa.py_buffer(words.astype(np.int32))
    else:
        held = pa.py_buffer(words)
    return [pa.Array.from_buffers(kind, count, [valid, held]), *local]


def places_of_values(events: pa.Array) -> Places:
    """Where the events lie. One that is null or of a few bytes is left out."""
    valid, view, *data = events.buffers()
    if len(data) != 1 or events.type != pa.binary_view() or data[0][-len(PADDING) :].to_pybytes() != PADDING:
        return _places_of_binary(events.cast(pa.large_binary()))
    found = np.frombuffer(view, "<i4").reshape(-1, 4)[events.offset : events.offset + len(events)]
    length, at = found[:, 0].astype(np.int64), found[:, 3].astype(np.int64)
    left_out = length <= INLINE
    if valid is not None:
        left_out |= ~flags_of(valid, events.offset, len(events))
    return Places(data[0], np.where(left_out, 0, at), np.where(left_out, -1, length))


def _places_of_binary(events: pa.Array) -> Places:
    valid, offsets, data = events.buffers()
    found = np.frombuffer(offsets, np.int64)[events.offset : events.offset + len(events) + 1]
    length = np.diff(found)
    if valid is not None:
        length = np.where(flags_of(valid, events.offset, len(events)), length, -1)
    padded: Bytes | bytes = (data.to_pybytes() if data else b"") + PADDING
    return Places(pa.py_buffer(padded), found[:-1].copy(), length)
