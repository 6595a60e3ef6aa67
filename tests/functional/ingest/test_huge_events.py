"""Events of a megabyte each land beyond the memory that DuckDB may take, and stop no later one."""

from __future__ import annotations

import pyarrow as pa
from own_orders import EVENTS, NOW, Orders, order

from penstock.ingest.landing import Batch, open_landing

EACH, BATCHES = 64, 6  # in all more megabytes than DuckDB's limit, 256


def test_huge_events_land_and_later_ones_land_behind_them(orders: Orders) -> None:
    with open_landing(orders.settings, orders.contract) as landing:
        epoch = landing.epoch("cluster", "id1", now=NOW)
        for first in range(0, EACH * BATCHES, EACH):
            rows = [
                {"partition": 0, "offset": n, "value": order(n, note=f"{n} " + "x" * 1_000_000)}
                for n in range(first, first + EACH)
            ]
            events = pa.Table.from_pylist(rows, schema=EVENTS)
            batch = Batch(events, {0: first or None}, {0: first + EACH})
            assert landing.land(batch, epoch=epoch, run_id="test", now=NOW).landed == EACH
    assert orders.land(order(1000), order(1001)).landed == 2
    assert orders.rows("SELECT count(*), count(DISTINCT note) FROM raw.orders") == [
        (EACH * BATCHES + 2, EACH * BATCHES)
    ]
