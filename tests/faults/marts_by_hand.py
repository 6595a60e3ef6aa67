"""The stages after ingest, run by hand, and the marts that they publish."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import duckdb

from penstock.core.settings import Settings
from tests.patience import PATIENCE

PIPELINE = "customer_events"
Marts = dict[str, list[tuple[Any, ...]]]  # by name, all rows in one order


def run_stage(settings: Settings, *words: str) -> str:
    """Run `penstock <words>`, which must succeed; returns what it printed."""
    named = {"PENSTOCK_PROJECT": str(settings.project), "PENSTOCK_DATA": str(settings.data)}
    done = subprocess.run(
        [sys.executable, "-m", "penstock", *words],
        env=os.environ | named, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, f"penstock {' '.join(words)}: {done.stderr}"
    return done.stdout


def published_marts(settings: Settings) -> Marts:
    """transform, validate, publish; then what a reader finds."""
    for stage in ("transform", "validate", "publish"):
        run_stage(settings, stage, PIPELINE)
    return read_marts(settings)


def read_marts(settings: Settings) -> Marts:
    """Every mart's rows, as a BI tool reads them: through the link."""
    with duckdb.connect(settings.marts_link(PIPELINE), read_only=True) as connection:
        marts = connection.execute("SELECT mart FROM mart_status ORDER BY mart").fetchall()
        assert marts
        return {
            mart: connection.execute(f'SELECT * FROM "{mart}" ORDER BY ALL').fetchall() for (mart,) in marts
        }
