"""Events of a megabyte each land beyond the memory that DuckDB may take, and stop no later one."""

from __future__ import annotations

import pyarrow as pa
from kafka import TopicPartition
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from penstock.ingest.decode.columns import columns
from penstock.ingest.decode.record_batches import RawBatch, WholeBatches
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing
from penstock.ingest.landing.schema import has_huge_events
from tests.functional.ingest.own_orders import EVENTS, NOW, Orders, order

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


def test_few_events_of_a_large_buffer_are_not_huge(orders: Orders) -> None:
    orders.land(order(1), order(2))
    with open_landing(orders.settings, orders.contract) as landing:
        limit = landing.connection.execute("SELECT current_setting('memory_limit')").fetchall()
        events = columns([_raw([order(n, note="x" * 900) for n in range(2_000)], wanted_from=1_999)])
        batch = Batch(events, {0: 2}, {0: 2_000})
        landing.land(batch, epoch=1, run_id="test", now=NOW)
        assert landing.connection.execute("SELECT current_setting('memory_limit')").fetchall() == limit
        assert not has_huge_events(landing.connection)
    assert orders.rows("SELECT count(*) FROM raw.orders") == [(3,)]


def _raw(values: list[bytes], wanted_from: int) -> RawBatch:
    """A record batch of which a fetch wants only what lies behind an offset."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, batch_size=1 << 30)
    for offset, value in enumerate(values):
        builder.append(offset, 0, None, value, [])
    (raw,) = WholeBatches(wanted_from, TopicPartition("orders", 0), MemoryRecords(builder.build())).take()
    assert isinstance(raw, RawBatch)
    return raw
