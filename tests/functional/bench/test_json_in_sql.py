"""The rivals' SQL against Penstock's own check: the same rows and the same rejects, whatever comes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from bench.events import Kind, messages
from bench.json_in_sql import open_landing_in_sql, parsed_sql
from penstock.core.settings import Settings
from penstock.ingest.check.compiler import compile_contract
from penstock.ingest.contract.model import read_contract
from penstock.ingest.decode.columns import SCHEMA
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import LandingFile, open_landing

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
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
def test_both_ways_land_the_same(kind: Kind, share: float, settings: Settings) -> None:
    events = batch([value for part in messages(kind, 3000) for _, value, _ in part])
    assert taken_by_the_short_way(kind, events) > share * events.num_rows
    rows, rejects = landed(open_landing, settings, kind, events)
    assert landed(open_landing_in_sql, settings, kind, events) == (rows, rejects)
    assert len(rows) + len(rejects) == events.num_rows
    assert rejects


def test_what_is_no_event_is_the_same_reject(settings: Settings) -> None:
    kind = Kind(bad=0)
    good = [value for part in messages(kind, 10) for _, value, _ in part]
    events = batch([*ODD, *good, good[0].replace(b'"page"', b'"pages"'), good[0].replace(b'"', b'\\"')])
    rows, rejects = landed(open_landing, settings, kind, events)
    assert landed(open_landing_in_sql, settings, kind, events) == (rows, rejects)
    assert (len(rows), len(rejects)) == (len(good), len(ODD) + 2)


def batch(values: list[bytes | None]) -> pa.Table:
    """Raw events, all of one partition."""
    rows = len(values)
    columns = [[0] * rows, range(rows), [0] * rows, [None] * rows, values, [None] * rows]
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
    )


def taken_by_the_short_way(kind: Kind, events: pa.Table) -> int:
    contract = read_contract(kind.contract)
    with duckdb.connect() as connection:
        compile_contract(contract).prepare(connection)
        connection.register("batch", events)
        return len(connection.execute(parsed_sql(connection, contract)).fetchall())


def landed(opened: Any, settings: Settings, kind: Kind, events: pa.Table) -> tuple[list[Any], list[Any]]:
    """All rows and rejects of a new file, by their offsets."""
    contract = read_contract(kind.contract)
    own = replace(settings, data=Path(settings.data) / opened.__name__)
    landing: LandingFile
    with opened(own, contract) as landing:
        epoch = landing.epoch("cluster", "topic", now=NOW)
        whole = Batch(events, starts={0: None}, ends={0: events.num_rows})
        landing.land(whole, epoch=epoch, run_id="test", now=NOW)
        rows, rejects = (
            landing.connection.execute(f"SELECT * FROM raw.{table} ORDER BY {offset}").fetchall()
            for table, offset in ((contract.stream, "_offset"), ("rejects", '"offset"'))
        )
    return rows, rejects
