"""The contenders' SQL against Penstock's own check: the same rows and the same rejects, whatever comes."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from bench.events import Kind
from bench.json_in_sql import open_landing_in_sql, parsed_sql
from penstock.core.settings import Settings
from penstock.ingest.check.compiler import compile_contract
from penstock.ingest.contract.model import read_contract
from penstock.ingest.landing.file import open_landing
from tests.functional.bench.batches import batch, landed, values_of

ODD = (None, b"", b"[]", b"{", b'{"event_id": 1}', b"\xff", b'{"brand":"' + b"x" * 5000 + b'"}')


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        (Kind(), 0.99),
        (Kind(bad=0.5), 0.4),
        (Kind(writing="producers", bad=0.1), 0.2),
        (Kind("small_events", bad=0.1), 0.8),
    ],
)
def test_both_land_the_same(kind: Kind, share: float, settings: Settings) -> None:
    events = batch(values_of(kind, 3000))
    assert taken_by_its_fast_path(kind, events) > share * events.num_rows
    rows, rejects = landed(open_landing, settings, kind, events)
    assert landed(open_landing_in_sql, settings, kind, events) == (rows, rejects)
    assert len(rows) + len(rejects) == events.num_rows
    assert rejects


def test_what_is_no_event_is_the_same_reject(settings: Settings) -> None:
    kind = Kind(bad=0)
    good = values_of(kind, 10)
    events = batch([*ODD, *good, good[0].replace(b'"page"', b'"pages"'), good[0].replace(b'"', b'\\"')])
    rows, rejects = landed(open_landing, settings, kind, events)
    assert landed(open_landing_in_sql, settings, kind, events) == (rows, rejects)
    assert (len(rows), len(rejects)) == (len(good), len(ODD) + 2)


def taken_by_its_fast_path(kind: Kind, events: pa.Table) -> int:
    contract = read_contract(kind.contract)
    with duckdb.connect() as connection:
        compile_contract(contract).prepare(connection)
        connection.register("batch", events)
        return len(connection.execute(parsed_sql(connection, contract)).fetchall())
