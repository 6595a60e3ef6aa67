"""A batch of the bench's events, and what a landing file makes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from bench.events import Kind, messages
from penstock.core.settings import Settings
from penstock.ingest.check.checker import open_checker
from penstock.ingest.check.compiler import compile_contract
from penstock.ingest.check.result import Checked
from penstock.ingest.contract.model import read_contract
from penstock.ingest.decode.columns import SCHEMA
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import LandingFile

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

Rows = list[tuple[Any, ...]]


def values_of(kind: Kind, count: int) -> list[bytes]:
    return [value for part in messages(kind, count) for _, value, _ in part]


def batch(values: Sequence[bytes | None]) -> pa.Table:
    """Raw events, all of one partition."""
    rows = len(values)
    columns = [[0] * rows, range(rows), [NOW] * rows, [None] * rows, values, [None] * rows]
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
    )


def checked_fast(kind: Kind, events: pa.Table) -> Checked:
    with open_checker(compile_contract(read_contract(kind.contract)), fast=True) as checker:
        return checker.check(events)


def landed(
    opened: Any, settings: Settings, kind: Kind, events: pa.Table, already: Checked | None = None
) -> tuple[Rows, Rows]:
    """All rows and rejects of a new file, by their offsets. `already`: what was checked ahead."""
    contract = read_contract(kind.contract)
    own = replace(settings, data=settings.data / opened.__name__)
    landing: LandingFile
    with opened(own, contract) as landing:
        epoch = landing.epoch("cluster", "topic", now=NOW)
        whole = Batch(events, starts={0: None}, ends={0: events.num_rows}, checked=already)
        landing.land(whole, epoch=epoch, run_id="test", now=NOW)
        rows, rejects = (
            landing.connection.execute(f"SELECT * FROM raw.{table} ORDER BY {offset}").fetchall()
            for table, offset in ((contract.stream, "_offset"), ("rejects", '"offset"'))
        )
    return rows, rejects
