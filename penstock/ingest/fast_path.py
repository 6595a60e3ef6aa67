"""The fast path: good events become typed columns by `parse`; DuckDB checks the rules over whole columns.

It only ever says "good": what it does not take, or what breaks a rule, goes to the contract's whole SQL,
which knows why. Loading its code takes a second or two, so a few events go to that SQL at once.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from penstock.core.duckdb_file import quoted
from penstock.ingest.columns import SCHEMA
from penstock.ingest.contract import Contract, Field
from penstock.ingest.field_sql import column, has_rules, in_years, in_zone, is_good
from penstock.ingest.octets import bytes_of, flag_column

WORTH_IT = 300_000  # events: fewer are judged by SQL in the time in which the code is loaded
MOST_FIELDS = 512  # half of the scanner's SLOTS: a contract of more is judged by SQL
PLAIN = "_is_plain"
_MOST_BYTES = 2**29  # of the events of a chunk: where a text begins is an int32 in Arrow

# Where an event is: the column's name in landing, and in a batch of events.
_PLACE = {"_kafka_partition": "partition", "_offset": "offset", "_kafka_timestamp": "kafka_timestamp"}

_TYPES = {
    "string": pa.string_view(),
    "uuid": pa.uuid(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


def plain_schema(contract: Contract) -> pa.Schema:
    """The contract's fields (a time without a zone as of UTC, and _is_local_<field> where the contract gives
    it a zone), _unknown, _kafka_partition, _offset, _kafka_timestamp and _is_plain."""
    return pa.schema(
        [name_and_type for field in contract.fields for name_and_type in _columns_of(field)]
        + [("_unknown", pa.string_view())]
        + [(name, SCHEMA.field(its).type) for name, its in _PLACE.items()]
        + [(PLAIN, pa.bool_())]
    )


def field_type(field: Field) -> pa.DataType:
    """The type of the column that holds a field's values."""
    return pa.decimal128(field.precision, field.scale) if field.kind == "decimal" else _TYPES[field.kind]


def plain_columns(contract: Contract, events: pa.RecordBatch, longest: int) -> pa.RecordBatch:
    """The events as columns of `plain_schema`; no rows where none is plain. Where _is_plain is false, the
    fields may hold anything. `longest`: bytes of an event; more is not plain."""
    schema = plain_schema(contract)
    if len(contract.fields) > MOST_FIELDS:
        return no_plain_columns(schema)
    from penstock.ingest.parse.reader import read_events  # loads numba

    if bytes_of(events.column("value")) > _MOST_BYTES:
        return no_plain_columns(schema)
    arrays, unknown, is_plain = read_events(contract, events.column("value"), longest)
    if not is_plain.any():
        return no_plain_columns(schema)
    places = [events.column(its) for its in _PLACE.values()]
    return pa.record_batch([*arrays, unknown, *places, flag_column(is_plain)], schema=schema)


def load(data: Path) -> None:
    """Load the code now, or have it made where it never was: else the first events wait for that. It is kept
    beside the source or, where this user may not write there, in the folder `data`."""
    if not os.access(Path(__file__).parent / "parse", os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(data / "numba"))  # numba reads it when it is imported
    from penstock.ingest.parse.reader import load as load_reader
    from penstock.ingest.record_walk import load as load_record_walk

    load_reader()
    load_record_walk()


def no_plain_columns(schema: pa.Schema) -> pa.RecordBatch:
    """The same where no event is plain."""
    return pa.record_batch([pa.nulls(0, kind) for kind in schema.types], schema=schema)


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
    contract's columns, _unknown, _kafka_partition, _offset, _kafka_timestamp."""
    named = ", ".join(f"{column('value', field)} AS {quoted(field.name)}" for field in contract.fields)
    place = ", ".join(_PLACE)
    return f"""
SELECT {named}, _unknown::JSON AS _unknown, {place}
FROM (SELECT {_values(contract)}, _unknown, {place}, {PLAIN} FROM {relation})
WHERE coalesce({PLAIN}, false) -- a bare column would be a filter of Arrow's own, which is slower
"""


def _values(contract: Contract) -> str:
    return ", ".join(f"{_value(field)} AS {column('value', field)}" for field in contract.fields)


def _value(field: Field) -> str:
    if field.default_timezone is None:
        return quoted(field.name)
    local = in_zone(field.default_timezone, f"timezone('UTC', {quoted(field.name)})")
    # A local time of the years 1 to 9999 may be an instant of another.
    return f"CASE WHEN {quoted(_is_local(field))} THEN {in_years(local)} ELSE {quoted(field.name)} END"


def _is_local(field: Field) -> str:
    return f"_is_local_{field.name}"


def _columns_of(field: Field) -> list[tuple[str, pa.DataType]]:
    """Name and type of the columns that hold a field."""
    local = [(_is_local(field), pa.bool_())] if field.default_timezone else []
    return [(field.name, field_type(field)), *local]
