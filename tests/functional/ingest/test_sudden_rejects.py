"""Rejects of a kind that suddenly come are reported, with the field and the first of them."""

from __future__ import annotations

from penstock.ingest.landing.file import open_landing
from penstock.ingest.landing.sudden_rejects import SuddenRejects, sudden_rejects
from tests.functional.ingest.own_orders import Orders, order


def land(orders: Orders, run_id: str, *, bad: int, good: int = 1000, partition: int = 0) -> None:
    orders.land(
        *(order(n) for n in range(good)), *(order(n, 500) for n in range(bad)),
        run_id=run_id, partition=partition,
    )  # fmt: skip


def sudden(orders: Orders, run_id: str) -> tuple[SuddenRejects, ...]:
    with open_landing(orders.settings, orders.contract) as landing:
        return sudden_rejects(landing.connection, run_id)


def test_a_new_kind_is_sudden_and_its_first_event_is_named(orders: Orders) -> None:
    land(orders, "monday", bad=0)
    land(orders, "tuesday", bad=30, partition=1)
    land(orders, "tuesday", bad=5)
    (found,) = sudden(orders, "tuesday")
    assert found == SuddenRejects("price", "maximum", 35, 0, partition=1, offset=1000)
    assert str(found) == (
        "suddenly price: maximum 35 times, usual is none; the first at partition 1, offset 1000"
    )


def test_many_more_than_usual_are_sudden_as_many_as_usual_are_not(orders: Orders) -> None:
    land(orders, "monday", bad=10)
    land(orders, "tuesday", bad=14)
    land(orders, "wednesday", bad=120)
    assert sudden(orders, "tuesday") == ()
    (found,) = sudden(orders, "wednesday")
    assert (found.count, round(found.usual)) == (120, 13)
    assert "price: maximum 120 times, usual is 13; the first at" in str(found)


def test_tombstones_few_rejects_and_a_first_run_are_not(orders: Orders) -> None:
    land(orders, "monday", bad=500)
    assert sudden(orders, "monday") == ()
    orders.land(*[None] * 100, order(1, "text"), run_id="tuesday")
    assert sudden(orders, "tuesday") == ()
    assert sudden(orders, "another run") == ()
