"""A batch whose events and offsets do not fit together is refused, and nothing of it is written."""

from __future__ import annotations

import pyarrow as pa
import pytest

from penstock.core.errors import LandingError
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing
from tests.functional.ingest.own_orders import EVENTS, NOW, Orders, order


def events_at(*offsets: int, partition: int = 0) -> pa.Table:
    rows = [{"partition": partition, "offset": n, "value": order(n)} for n in offsets]
    return pa.Table.from_pylist(rows, schema=EVENTS)


@pytest.mark.parametrize(
    ("batch", "says"),
    [
        (Batch(events_at(), {0: 10}, {0: 5}), "the offset would move backwards, from 10 to 5"),
        (Batch(events_at(), {0: 10}, {0: -1}), "the offset would move backwards, from 10 to -1"),
        (Batch(events_at(), {1: None}, {1: -1}), "the offset would move backwards, from 0 to -1"),
        (Batch(events_at(9, 10), {0: 10}, {0: 11}), "events from offset 9 to 10 do not lie within the batch"),
        (Batch(events_at(10, 12), {0: 10}, {0: 12}), "do not lie within the batch, from 10 to before 12"),
        (Batch(events_at(3, partition=1), {0: 10}, {0: 12}), "partition 1: events from offset 3 to 3"),
    ],
)
def test_it_is_refused_and_the_next_one_lands(orders: Orders, batch: Batch, says: str) -> None:
    with open_landing(orders.settings, orders.contract) as landing:
        epoch = landing.epoch("cluster", "id1", now=NOW)
        landing.land(Batch(events_at(*range(10)), {0: None}, {0: 10}), epoch=epoch, run_id="a", now=NOW)
        with pytest.raises(LandingError, match=says):
            landing.land(batch, epoch=epoch, run_id="b", now=NOW)
        assert landing.next_offsets(epoch) == {0: 10}
        landing.land(Batch(events_at(10), {0: 10}, {0: 11}), epoch=epoch, run_id="c", now=NOW)
    assert orders.rows("SELECT count(*), max(_commit) FROM raw.orders") == [(11, 2)]
