"""The columns that the fast path makes of a contract's events."""

from __future__ import annotations

import pyarrow as pa

from penstock.ingest.contract.model import Contract, Field
from penstock.ingest.decode.columns import SCHEMA

PARSED = "_is_parsed"

# Where an event is: the column's name in landing, and in a batch of events.
PLACE = {"_kafka_partition": "partition", "_offset": "offset", "_kafka_timestamp": "kafka_timestamp"}

UNKNOWN_TYPE = pa.json_(pa.string_view())  # DuckDB takes it as its JSON, without reading it once more

_TYPES = {
    "string": pa.string_view(),
    "uuid": pa.uuid(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


def parsed_schema(contract: Contract) -> pa.Schema:
    """The contract's fields (a time without a zone as of UTC, and _is_local_<field> where the contract gives
    it a zone), _unknown, _kafka_partition, _offset, _kafka_timestamp and _is_parsed."""
    return pa.schema(
        [name_and_type for field in contract.fields for name_and_type in _columns_of(field)]
        + [("_unknown", UNKNOWN_TYPE)]
        + [(name, SCHEMA.field(its).type) for name, its in PLACE.items()]
        + [(PARSED, pa.bool_())]
    )


def field_type(field: Field) -> pa.DataType:
    """The type of the column that holds a field's values."""
    return pa.decimal128(field.precision, field.scale) if field.kind == "decimal" else _TYPES[field.kind]


def nothing_parsed(schema: pa.Schema) -> pa.RecordBatch:
    """The same where no event is parsed."""
    return pa.record_batch([pa.nulls(0, kind) for kind in schema.types], schema=schema)


def is_local_column(field: Field) -> str:
    """Name of the column that says whether a time was sent without its zone."""
    return f"_is_local_{field.name}"


def _columns_of(field: Field) -> list[tuple[str, pa.DataType]]:
    """Name and type of the columns that hold a field."""
    local = [(is_local_column(field), pa.bool_())] if field.default_timezone else []
    return [(field.name, field_type(field)), *local]
