"""The optional extra `compiled`: records and plain events read by machine code in place of NumPy.

What is a plain event, which values hold, and so which rows land, is the same; it takes a third of the time.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock.ingest import compiled_events as kernel
from penstock.ingest.compiled_records import walk_records
from penstock.ingest.contract import INTEGER_TYPES, Contract, Field
from penstock.ingest.octets import (
    PADDING,
    Bytes,
    Flags,
    Ints,
    Words,
    as_bytes,
    bitmap_of_valid,
    flag_column,
    word_of,
)
from penstock.ingest.plain_events import Layout, Places, is_text, key_of, read_by_layout
from penstock.ingest.plain_values import MOST_DIGITS
from penstock.ingest.record_batches import RawBatch, Records, counts_of, read_records
from penstock.ingest.short_way import array_of, columns_of

_KINDS = {
    "string": kernel.STRING,
    "uuid": kernel.UUID,
    "integer": kernel.INTEGER,
    "decimal": kernel.DECIMAL,
    "boolean": kernel.BOOLEAN,
    "timestamp": kernel.TIMESTAMP,
    "date": kernel.DATE,
}
_WIDE = ("string", "uuid", "decimal")  # two words, the others one


def read_records_compiled(octets: Bytes, batches: Sequence[RawBatch]) -> Records:
    """As `read_records`, which also tells what is broken."""
    counts = counts_of(batches)
    ends = np.cumsum([len(batch.records) for batch in batches], dtype=np.int64)
    found = np.empty((9, int(counts.sum())), np.int64)
    if not walk_records(octets, ends, counts, found):
        return read_records(octets, batches)
    return Records(*found)


def read_events_compiled(contract: Contract, events: Places, longest: int) -> tuple[list[pa.Array], Flags]:
    """As `short_way.read_events`."""
    count = len(events.at)
    columns = _empty(contract, count)

    def read(layout: Layout, rows: Ints) -> Flags:
        kernel.read_events(
            as_bytes(events.data), events.at, events.length, rows, longest, _fields(contract, layout), columns
        )
        return columns.is_plain[rows]

    is_plain = read_by_layout(contract, events, np.flatnonzero(events.length >= 2), read)
    doubtful = np.flatnonzero(is_plain & columns.beyond_ascii)
    if doubtful.size:
        is_plain[doubtful] = is_text(events.of(doubtful))
    no_text = np.flatnonzero(columns.beyond_ascii & ~is_plain)  # a column of texts holds nothing else
    ends = [*columns.starts[1:], len(columns.words)]
    arrays = []
    for n, field in enumerate(contract.fields):
        words = columns.words[columns.starts[n] : ends[n]]
        if field.kind == "string":
            words.reshape(-1, 2)[no_text] = 0
        arrays += _arrays(field, words, events.data, columns.missing[n], columns.is_local[n])
    return arrays, is_plain


def load() -> None:
    """Have the machine code made, or loaded from disk, now: with the first call it takes a second or more."""
    read_records_compiled(as_bytes(pa.py_buffer(PADDING)), [])
    nothing = np.zeros(0, np.int64)
    contract = Contract("", "", "", (Field("nothing", "boolean", "BOOLEAN", required=True),), Path())
    kernel.read_events(
        as_bytes(pa.py_buffer(PADDING)), nothing, nothing, nothing, 0,
        _fields(contract, Layout(("nothing",), spaced=False)), _empty(contract, 0),
    )  # fmt: skip


def _empty(contract: Contract, events: int) -> kernel.Columns:
    sizes = np.array([2 * events if field.kind in _WIDE else events for field in contract.fields])
    return kernel.Columns(
        words=np.zeros(sizes.sum(), np.uint64),
        starts=np.cumsum(sizes) - sizes,
        missing=np.zeros((len(sizes), events), bool),
        is_local=np.zeros((len(sizes), events), bool),
        is_plain=np.zeros(events, bool),
        beyond_ascii=np.zeros(events, bool),
    )


@functools.lru_cache(maxsize=64)  # for each chunk the same few layouts
def _fields(contract: Contract, layout: Layout) -> kernel.Fields:
    fields = contract.fields
    names = [field.name for field in fields]
    by_name = dict(zip(names, fields, strict=True))
    keys = {
        name: key_of(by_name[name], is_first=n == 0, spaced=layout.spaced)
        for n, name in enumerate(layout.fields)
    }
    words = [[word_of(keys[name][at : at + 8]) for at in range(0, len(keys[name]), 8)] for name in names]
    sizes = np.array([len(of_key) for of_key in words])
    bounds = np.array([_bounds(field) for field in fields], np.int64)
    return kernel.Fields(
        kind=np.array([_KINDS[field.kind] for field in fields]),
        required=np.array([field.required for field in fields]),
        lowest=bounds[:, 0].copy(),
        highest=bounds[:, 1].copy(),
        scale=np.array([field.scale for field in fields]),
        may_be_local=np.array([field.default_timezone is not None for field in fields]),
        keys=np.concatenate(words),
        key_at=np.cumsum(sizes) - sizes,
        key_size=np.array([len(keys[name]) for name in names]),
        order=np.array([names.index(name) for name in layout.fields]),
    )


def _bounds(field: Field) -> tuple[int, int]:
    """Of the whole part. A decimal of too many decimals for an int64 has none that fits."""
    if field.kind == "decimal":
        digits = min(field.precision, MOST_DIGITS) - field.scale
        return 0, 10**digits - 1 if digits >= 0 and field.scale < MOST_DIGITS else -1
    return INTEGER_TYPES.get(field.sql_type, (0, 0))


def _arrays(
    field: Field,
    words: Words,
    data: pa.Buffer,
    missing: npt.NDArray[np.bool_],
    is_local: npt.NDArray[np.bool_],
) -> list[pa.Array]:
    """The columns of a field, as `short_way` names them."""
    kind, *others = (kind for _, kind in columns_of(field))
    valid = None if field.required else bitmap_of_valid(~missing)
    if field.kind == "string":
        array = pa.Array.from_buffers(kind, len(missing), [valid, pa.py_buffer(words), data])
    elif field.kind == "decimal":
        array = pa.Array.from_buffers(kind, len(missing), [valid, pa.py_buffer(words)])
    elif field.kind == "uuid":
        array = array_of(kind, words.reshape(-1, 2), valid)
    else:
        array = array_of(kind, words != 0 if field.kind == "boolean" else words, valid)
    return [array, *(flag_column(is_local) for _ in others)]
