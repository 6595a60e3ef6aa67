"""The short way of the judgement: plain events become typed columns, here by NumPy; DuckDB checks rules.

It only ever says "good": what is not plain, or does not keep a rule, takes the long way, which knows why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock.core.duckdb_file import quoted
from penstock.ingest.columns import SCHEMA
from penstock.ingest.contract import INTEGER_TYPES, Contract, Field
from penstock.ingest.field_sql import column, has_rules, in_zone, is_good
from penstock.ingest.octets import (
    PADDING,
    Flags,
    Ints,
    bitmap,
    bitmap_of_valid,
    flag_column,
    flags_of,
    view_words,
)
from penstock.ingest.plain_events import Layout, Places, has_plain_bytes, read_by_layout
from penstock.ingest.plain_values import booleans, dates, decimals, instants, integers, uuids
from penstock.ingest.plain_walk import Walk
from penstock.ingest.texts import Texts

PLAIN = "_is_plain"

# Where an event is: the column's name in landing, and in a batch of events.
_PLACE = {"_kafka_partition": "partition", "_offset": "offset", "_kafka_timestamp": "kafka_timestamp"}

_INLINE = 12  # bytes: a value that is no longer lies in its view


ReadEvents = Callable[[Contract, Places, int], tuple[list[pa.Array], Flags]]


def plain_schema(contract: Contract) -> pa.Schema:
    """The contract's fields (a time without a zone as of UTC, and _is_local_<field> where the contract gives
    it a zone), _kafka_partition, _offset, _kafka_timestamp and _is_plain."""
    return pa.schema(
        [name_and_type for field in contract.fields for name_and_type in columns_of(field)]
        + [(name, SCHEMA.field(its).type) for name, its in _PLACE.items()]
        + [(PLAIN, pa.bool_())]
    )


def plain_columns(
    contract: Contract, events: pa.RecordBatch, longest: int, read: ReadEvents
) -> pa.RecordBatch:
    """The events as columns of `plain_schema`; no rows where none is plain. Where _is_plain is false, the
    fields may hold anything.

    `longest`: bytes of an event; more is not plain. `read`: `read_events`, or one that gives the same.
    """
    schema = plain_schema(contract)
    arrays, is_plain = read(contract, _places(events.column("value")), longest)
    if not is_plain.any():
        return pa.record_batch([pa.nulls(0, kind) for kind in schema.types], schema=schema)
    arrays += [events.column(its) for its in _PLACE.values()]
    return pa.record_batch([*arrays, flag_column(is_plain)], schema=schema)


def read_events(contract: Contract, events: Places, longest: int) -> tuple[list[pa.Array], Flags]:
    """Some events' fields as columns, by NumPy, and which events are plain and have only values that read."""
    columns: dict[str, _Column] = {}

    def read(layout: Layout, rows: Ints) -> Flags:
        if not columns:
            found, fits = _columns(contract, layout, events)
            columns.update(found)
            return fits[rows]
        found, fits = _columns(contract, layout, events.of(rows))
        for name, others in found.items():
            columns[name].put(rows[fits], others, fits)
        return fits

    could_be = has_plain_bytes(events, longest)
    is_plain = read_by_layout(contract, events, np.flatnonzero(could_be), read)
    left_out = np.flatnonzero(~is_plain)
    arrays = [
        array
        for field in contract.fields
        if columns
        for array in columns[field.name].arrays(field, events.data, left_out)
    ]
    return arrays, is_plain


def rules_sql(contract: Contract, relation: str) -> str:
    """A SELECT of one number for each event of `relation`, which has the columns of `plain_columns`: 1 where
    it is plain and keeps the rules, else 0."""
    optional = [field for field in contract.fields if not field.required]
    tokens = "".join(f", {quoted(field.name)} AS {column('token', field)}" for field in optional)
    # Of plain events, only a time that the clocks skip or repeat, or what breaks a rule, is not good.
    ruled = [f for f in contract.fields if f.default_timezone is not None or has_rules(f)]
    rules = " AND ".join([PLAIN, *map(is_good, ruled)])
    return f"""
SELECT coalesce({rules}, false)::UTINYINT
FROM (SELECT {_values(contract)}{tokens}, {PLAIN} FROM {relation})
"""


def rows_sql(contract: Contract, relation: str) -> str:
    """A SELECT of the events of `relation`, which has the columns of `plain_columns`, that are marked: the
    contract's columns, _unknown (NULL), _kafka_partition, _offset, _kafka_timestamp."""
    named = ", ".join(f"{column('value', field)} AS {quoted(field.name)}" for field in contract.fields)
    return f"""
SELECT {named}, NULL::JSON AS _unknown, _kafka_partition, _offset, _kafka_timestamp
FROM (SELECT {_values(contract)}, _kafka_partition, _offset, _kafka_timestamp, {PLAIN} FROM {relation})
WHERE coalesce({PLAIN}, false) -- a bare column would be a filter of Arrow's own, which is slower
"""


def _values(contract: Contract) -> str:
    return ", ".join(f"{_value(field)} AS {column('value', field)}" for field in contract.fields)


def _value(field: Field) -> str:
    if field.default_timezone is None:
        return quoted(field.name)
    local = in_zone(field.default_timezone, f"timezone('UTC', {quoted(field.name)})")
    return f"CASE WHEN {quoted(_is_local(field))} THEN {local} ELSE {quoted(field.name)} END"


def _is_local(field: Field) -> str:
    return f"_is_local_{field.name}"


_TYPES = {
    "string": pa.string_view(),
    "uuid": pa.uuid(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


def columns_of(field: Field) -> list[tuple[str, pa.DataType]]:
    """Name and type of the columns that hold a field."""
    kind = pa.decimal128(field.precision, field.scale) if field.kind == "decimal" else _TYPES[field.kind]
    local = [(_is_local(field), pa.bool_())] if field.default_timezone else []
    return [(field.name, kind), *local]


@dataclass(frozen=True)
class _Column:
    """A field's values as Arrow keeps them; which are missing (None: none may be); which are times without a
    zone, if they may be."""

    values: npt.NDArray[Any]
    missing: Flags | None
    local: Flags | None

    def put(self, rows: Ints, others: _Column, those: Flags) -> None:
        """Put `those` of `others` into some rows."""
        self.values[rows] = others.values[those]
        for mine, other in ((self.missing, others.missing), (self.local, others.local)):
            if mine is not None and other is not None:
                mine[rows] = other[those]

    def arrays(self, field: Field, data: pa.Buffer, left_out: Ints) -> list[pa.Array]:
        """The columns of the field. What an event holds that is left out may lead out of its buffer, or be
        beyond what DuckDB takes."""
        self.values[left_out] = 0
        kind = columns_of(field)[0][1]
        valid = None if self.missing is None else bitmap_of_valid(~self.missing)
        if field.kind == "string":
            array = pa.Array.from_buffers(kind, len(self.values), [valid, pa.py_buffer(self.values), data])
        else:
            array = array_of(kind, self.values, valid)
        return [array] if self.local is None else [array, flag_column(self.local)]


def _columns(contract: Contract, layout: Layout, events: Places) -> tuple[dict[str, _Column], Flags]:
    """By field its values, and which events have this layout and only values that read."""
    by_name = {field.name: field for field in contract.fields}
    walk = Walk(events, spaced=layout.spaced)
    columns, fits = {}, np.ones(len(events.at), bool)
    for name in layout.fields:
        field = by_name[name]
        texts, has_field = walk.field(field)
        fits &= has_field
        values, holds, *local = _read(field, texts)
        missing = None if field.required else texts.length < 0
        fits &= holds if missing is None else holds | missing
        columns[name] = _Column(values, missing, local[0] if local else None)
    return columns, fits & walk.is_over()


def _read(field: Field, texts: Texts) -> tuple[npt.NDArray[Any], ...]:
    """The values as Arrow keeps them, and which of them hold; then which times are local, if they may be."""
    if field.kind == "string":
        return view_words(texts.at, texts.length, texts.word(0), texts.word(4)), np.ones(len(texts.at), bool)
    if field.kind == "integer":
        return integers(texts, *INTEGER_TYPES[field.sql_type])
    if field.kind == "decimal":
        return decimals(texts, field.precision, field.scale)
    if field.kind == "boolean":
        return booleans(texts)
    if field.kind == "date":
        return dates(texts)
    if field.kind == "uuid":
        return uuids(texts)
    values, holds, has_zone = instants(texts)
    return (values, holds, ~has_zone) if field.default_timezone else (values, holds & has_zone)


def array_of(kind: pa.DataType, values: npt.NDArray[Any], valid: pa.Buffer | None) -> pa.Array:
    """Values as Arrow keeps them: a decimal's in units of its last decimal, a UUID's as rows of bytes."""
    if kind == pa.uuid():
        return pa.ExtensionArray.from_storage(kind, array_of(kind.storage_type, values, valid))
    if kind == pa.bool_():
        stored = bitmap(values)
    elif kind == pa.date32():
        stored = pa.py_buffer(values.astype(np.int32))
    elif pa.types.is_decimal(kind):
        stored = pa.py_buffer(np.column_stack((values, values >> 63)))
    else:
        stored = pa.py_buffer(values)
    return pa.Array.from_buffers(kind, len(values), [valid, stored])


def _places(events: pa.Array) -> Places:
    """Where the events lie. One that is null or of a few bytes is left out."""
    valid, view, *data = events.buffers()
    if len(data) != 1 or events.type != pa.binary_view() or data[0][-len(PADDING) :].to_pybytes() != PADDING:
        return _places_of_binary(events.cast(pa.large_binary()))
    found = np.frombuffer(view, "<i4").reshape(-1, 4)[events.offset : events.offset + len(events)]
    length, at = found[:, 0].astype(np.int64), found[:, 3].astype(np.int64)
    left_out = length <= _INLINE
    if valid is not None:
        left_out |= ~flags_of(valid, events.offset, len(events))
    return Places(data[0], np.where(left_out, 0, at), np.where(left_out, -1, length))


def _places_of_binary(events: pa.Array) -> Places:
    valid, offsets, data = events.buffers()
    found = np.frombuffer(offsets, np.int64)[events.offset : events.offset + len(events) + 1]
    length = np.diff(found)
    if valid is not None:
        length = np.where(flags_of(valid, events.offset, len(events)), length, -1)
    return Places(pa.py_buffer((data.to_pybytes() if data else b"") + PADDING), found[:-1], length)
