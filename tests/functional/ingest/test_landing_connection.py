"""A landing file that stays open for long takes no more memory than one that was opened just now."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from penstock.core.errors import LandingError
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import LandingFile, open_landing
from tests.functional.ingest.own_orders import EVENTS, NOW, Orders, order

EACH = 30_000  # events with 240 letters that do not compress well: some 4 MB on disk


def batch_of(first: int) -> Batch:
    rows = [
        {"partition": 0, "offset": n, "value": order(n, note=random.Random(n).randbytes(120).hex())}
        for n in range(first, first + EACH)
    ]
    return Batch(pa.Table.from_pylist(rows, schema=EVENTS), {0: first or None}, {0: first + EACH})


def land(landing: LandingFile, first: int) -> int:
    return landing.land(batch_of(first), epoch=1, run_id="test", now=NOW).landed


def megabytes_kept(landing: LandingFile) -> float:
    sql = "SELECT sum(memory_usage_bytes) / 1e6 FROM duckdb_memory()"
    ((kept,),) = landing.connection.execute(sql).fetchall()
    return float(kept)


def test_what_has_landed_is_not_kept_in_memory(orders: Orders) -> None:
    with open_landing(orders.settings, orders.contract) as landing:
        landing.epoch("cluster", "id1", now=NOW)
        for first in range(0, 3 * EACH, EACH):
            assert land(landing, first) == EACH
            assert megabytes_kept(landing) < 5
    assert orders.settings.landing_file("orders").stat().st_size > 10e6


def test_landing_goes_on_when_the_file_has_been_opened_anew(orders: Orders) -> None:
    with open_landing(orders.settings, orders.contract) as landing:
        landing.epoch("cluster", "id1", now=NOW)
        land(landing, 0)
        before = landing.connection.execute("SELECT current_setting('memory_limit')").fetchall()
        landing.file.reopen()
        assert landing.connection.execute("SELECT current_setting('memory_limit')").fetchall() == before
        assert landing.next_offsets(1) == {0: EACH}
        land(landing, EACH)
    assert orders.rows("SELECT count(*), count(DISTINCT id), max(_commit) FROM raw.orders") == [
        (2 * EACH, 2 * EACH, 2)
    ]


def test_a_file_that_is_damaged_meanwhile_is_a_clear_error(orders: Orders) -> None:
    path = orders.settings.landing_file("orders")
    with open_landing(orders.settings, orders.contract) as landing:
        landing.connection.close()
        path.write_bytes(b"no database")
        with pytest.raises(LandingError, match=f"{path}: cannot be opened as a DuckDB file"):
            landing.file.reopen()
