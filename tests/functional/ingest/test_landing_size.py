"""The landing file's size on disk does not depend much on how many batches its rows came in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from penstock.core.duckdb_file import open_duckdb
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing
from tests.functional.ingest.own_orders import EVENTS, NOW, Orders

BATCH, BATCHES = 13_000, 40  # so many that the free room of one join is a small part

ORDERS = f"""
SELECT
    0::INTEGER AS "partition", n AS "offset", NULL::TIMESTAMPTZ AS kafka_timestamp, NULL::BLOB AS key,
    encode('{{"id":' || n || ',"price":' || n % 100 || ',"note":"' || sha256(n::VARCHAR) || '"}}') AS value,
    NULL::STRUCT(key VARCHAR, value BLOB)[] AS headers
FROM range({BATCH * BATCHES}) AS t (n)
ORDER BY n
"""


def bytes_landed(orders: Orders, folder: Path, events: pa.Table, batch: int) -> int:
    """Land `events` in batches of so many, the file opened and closed for each, as `follow` does. Returns
    what the file takes, with the log if one is left."""
    settings = replace(orders.settings, data=folder)
    for first in range(0, events.num_rows, batch):
        part = events.slice(first, batch)
        one = Batch(part, {0: first or None}, {0: first + part.num_rows})
        with open_landing(settings, orders.contract) as landing:
            epoch = landing.epoch("cluster", "id1", now=NOW)
            landing.land(one, epoch=epoch, run_id="test", now=NOW)
    file = settings.landing_file("orders")
    with open_duckdb(file, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM raw.orders").fetchall() == [(events.num_rows,)]
    return sum(each.stat().st_size for each in file.parent.iterdir())


def test_many_small_batches_take_little_more_room_than_one(orders: Orders, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        events = connection.sql(ORDERS).to_arrow_table().cast(EVENTS)
    at_once = bytes_landed(orders, tmp_path / "once", events, events.num_rows)
    in_small_batches = bytes_landed(orders, tmp_path / "small", events, BATCH)
    assert in_small_batches <= 1.2 * at_once
