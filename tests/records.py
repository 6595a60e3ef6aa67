"""Build records and verdicts for tests, as transform and the gate write them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import penstock
from penstock.core.build_record import Build, Column, Mart, NodeCounts
from penstock.core.verdict import Counts, Verdict

MIDNIGHT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def a_build(pipeline: str, **changes: Any) -> Build:
    """A finished build of this Penstock that read nothing and made no mart, but for `changes`."""
    values: dict[str, Any] = {
        "build_id": "b", "run_id": "run", "pipeline": pipeline, "built_at": MIDNIGHT,
        "code_version": f"{penstock.__version__}+gabc", "code_dirty": False, "declarations_hash": "",
        "complete_until": MIDNIGHT, "inputs": (), "marts": (), "dbt": NodeCounts(1, 0, 0, 0, 0.1),
    }  # fmt: skip
    return Build(**values | changes)


def a_mart(name: str, columns: Iterable[str]) -> Mart:
    """A mart with columns of these names, of which nothing else is declared."""
    return Mart(name, "", "sales", tuple(Column(column, "", "", False) for column in columns))


def a_verdict(pipeline: str, build_id: str, **changes: Any) -> Verdict:
    """A verdict that lets the build pass, but for `changes`."""
    values: dict[str, Any] = {
        "pipeline": pipeline, "build_id": build_id, "run_id": "run", "judged_at": MIDNIGHT,
        "outcome": "passed", "checks": Counts(passed=1), "marts": {}, "problems": (), "skipped": (),
        "warnings_by_mart": {}, "docs": Path("docs/index.html"),
    }  # fmt: skip
    return Verdict(**values | changes)
