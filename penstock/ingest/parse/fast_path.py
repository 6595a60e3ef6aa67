"""The fast path: good events become typed columns by `parse`; DuckDB checks the rules over whole columns.

It only ever says "good": what it does not take, or what breaks a rule, goes to the contract's whole SQL,
which knows why. Loading its code takes a second or two, so a few events go to that SQL at once.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from penstock.ingest.contract.model import Contract
from penstock.ingest.decode.arrow_bytes import bytes_of, flag_column
from penstock.ingest.parse.field_plan import MOST_FIELDS
from penstock.ingest.parse.schema import PLACE, nothing_parsed, parsed_schema

_MOST_BYTES = 2**29  # of the events of a chunk: where a text begins is an int32 in Arrow


def parse_chunk(contract: Contract, events: pa.RecordBatch, longest: int) -> pa.RecordBatch:
    """The events as columns of `parsed_schema`; no rows where none is parsed. Where _is_parsed is false, the
    fields may hold anything. `longest`: bytes of an event; more is not parsed."""
    schema = parsed_schema(contract)
    if len(contract.fields) > MOST_FIELDS:
        return nothing_parsed(schema)
    from penstock.ingest.parse.reader import read_events  # loads numba

    if bytes_of(events.column("value")) > _MOST_BYTES:
        return nothing_parsed(schema)
    arrays, unknown, is_parsed = read_events(contract, events.column("value"), longest)
    if not is_parsed.any():
        return nothing_parsed(schema)
    places = [events.column(its) for its in PLACE.values()]
    return pa.record_batch([*arrays, unknown, *places, flag_column(is_parsed)], schema=schema)


def load(data: Path) -> None:
    """Load the code now, or have it made where it never was: else the first events wait for that. It is kept
    beside the source or, where this user may not write there, in the folder `data`."""
    if not os.access(Path(__file__).parent, os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(data / "numba"))  # numba reads it when it is imported
    from penstock.ingest.decode.record_scanner import load as load_record_scanner
    from penstock.ingest.parse.reader import load as load_reader

    load_reader()
    load_record_scanner()
