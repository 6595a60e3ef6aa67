"""What is new resembles what is published, or the gate says what does not, and stops what is grave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from penstock.cli import main
from penstock.core.quarantine import Move, Periods, add_moves

HISTORY = {
    "type": "expect_new_periods_to_resemble_history",
    "description": "New days are like those before",
    "kwargs": {"period_column": "bought_at"},
}
KEYS = {
    "type": "expect_values_of_keys_to_stay",
    "kwargs": {"key": "user_id", "columns": ["country", "revenue"]},
}
# 200 purchases a day, of 14 days, by some 150 customers: 40 % cost between 1 and 100, the rest nothing.
PURCHASES = """
create or replace table marts.purchases as
select 'e' || day || '-' || n as event_id, (hash(day, n, 'u') % 400)::bigint as user_id,
    case when hash(day, n, 'f') % 10 < 4 then 1 + hash(day, n, 'p') % 100 else 0 end::decimal(12, 2) as price,
    case when hash(day, n, 'b') % 10 < 8 then 'brand ' || hash(day, n, 'b') % 20 end as brand,
    timestamp '2026-01-01' + to_days(day::integer) + to_seconds((hash(day, n, 't') % 86400)::bigint)
        as bought_at
from range(14) as days (day), range(200) as of_day (n)
"""
CUSTOMERS = """
create or replace table marts.customers as
select user_id, 'country ' || user_id % 7 as country, sum(price)::decimal(12, 2) as revenue
from marts.purchases group by user_id
"""
_AT = "2026-01-14T10:00:00+00:00"
LAST_DAYS = "bought_at >= '2026-01-12'"


@pytest.fixture
def judged(shop: Any) -> Callable[..., Result]:
    """The gate over 14 days, of which the first eleven are published, when `spoil` was done to the others."""

    def run(*spoil: str, published: str = "bought_at < '2026-01-12'", history: Any = HISTORY) -> Result:
        shop.sql(PURCHASES, CUSTOMERS)
        file = shop.warehouse
        shop.publish(
            f"attach '{file}' as warehouse (read_only)",
            f"create table purchases as from warehouse.marts.purchases where {published}",
            "create table customers as from warehouse.marts.customers "
            "where user_id in (from (select user_id from purchases))",
            "detach warehouse",
        )
        shop.sql(*spoil)
        shop.suite("purchases", history)
        shop.suite("customers", KEYS)
        result = CliRunner().invoke(main, ["validate", "shop", "--run-id", "r", "-o", "json"])
        assert result.exit_code in (0, 1), result.exception
        return result

    return run


def problem(shop: Any) -> dict[str, Any]:
    (found,) = shop.verdict()["problems"]
    return dict(found)


def test_usual_days_pass_and_the_verdict_says_nothing(judged: Callable[..., Result], shop: Any) -> None:
    assert judged().exit_code == 0
    assert shop.verdict()["problems"] == []
    assert shop.verdict()["skipped"] == []


@pytest.mark.parametrize(
    ("spoil", "measure"),
    [
        (f"delete from marts.purchases where {LAST_DAYS} and hash(event_id) % 20 > 0", "rows of 2026-01-12"),
        (f"update marts.purchases set price = 100 * price where {LAST_DAYS}", "mean(price)"),
        (f"update marts.purchases set price = 0 where {LAST_DAYS}", "above_zero(price)"),
        (f"update marts.purchases set brand = null where {LAST_DAYS}", "nulls(brand)"),
        (f"update marts.purchases set brand = upper(brand) where {LAST_DAYS}", "new(brand)"),
        (f"update marts.purchases set user_id = 1 where {LAST_DAYS}", "distinct(user_id)"),
        (
            f"update marts.purchases set bought_at = bought_at::date where {LAST_DAYS}",
            "full_hours",
        ),
        (
            "insert into marts.purchases by name select * replace (event_id || 'x' as event_id) "
            f"from marts.purchases where {LAST_DAYS}",
            "copies",
        ),
        (
            f"update marts.purchases set bought_at = bought_at - interval 6 day where {LAST_DAYS}",
            "published_rows of 2026-01-06",
        ),
        (
            "insert into marts.purchases values ('far', 1, 5, null, '1970-05-01 10:00:00')",
            "rows of 1970-05-01 is 1, usual is 0 so far from 2026-01-01 to 2026-01-11",
        ),
        (
            "insert into marts.purchases values ('much', 1, 999999999.99, null, '2026-01-12 10:00:00')",
            "max(price) of 2026-01-12 is 1 000 000 000",
        ),
    ],
)
def test_a_grave_defect_stops_the_run_and_is_named(
    judged: Callable[..., Result], shop: Any, spoil: str, measure: str
) -> None:
    result = judged(spoil)
    assert result.exit_code == 1
    assert shop.verdict()["outcome"] == "refused"
    found = problem(shop)
    assert found["severity"] == "critical"
    assert measure in found["observed"] + json.dumps(found["findings"])
    assert found["message"].startswith("marts.purchases: “New days are like those before” ")


def test_a_mild_one_is_a_warning_with_value_range_and_plot(judged: Callable[..., Result], shop: Any) -> None:
    result = judged(f"delete from marts.purchases where {LAST_DAYS} and hash(event_id) % 3 > 0")
    assert result.exit_code == 0
    found = problem(shop)
    assert found["severity"] == "warning"
    assert "rows of 2026-01-12 is " in found["observed"]
    assert ", usual is 1" in found["observed"]
    assert "(11 days: " in found["observed"]
    assert found["findings"][0]["measure"] == "rows"
    assert found["findings"][0]["periods"] == ["2026-01-12"]


def test_a_declared_warning_never_stops(judged: Callable[..., Result], shop: Any) -> None:
    history = HISTORY | {"severity": "warning"}
    assert judged(f"update marts.purchases set price = 0 where {LAST_DAYS}", history=history).exit_code == 0
    assert problem(shop)["severity"] == "warning"


def test_where_the_pipeline_says_warn_no_check_of_history_stops(
    judged: Callable[..., Result], shop: Any
) -> None:
    with shop.settings.pipeline_file("shop").open("a") as pipeline:
        pipeline.write("on_anomaly: warn\n")
    assert judged(f"update marts.purchases set price = 0 where {LAST_DAYS}").exit_code == 0
    assert problem(shop)["severity"] == "warning"
    shop.suite(
        "purchases",
        {"type": "expect_column_min_to_be_between", "kwargs": {"column": "price", "min_value": 1}},
    )
    result = CliRunner().invoke(main, ["validate", "shop"])
    assert result.exit_code == 1, "any other critical check holds"


@pytest.mark.parametrize(
    ("touched", "stops"),
    [
        (None, True),
        (Periods("purchases", "bought_at", "day", ("2026-01-12",)), False),
        (Periods("purchases", "bought_at", "hour", ("2026-01-12 09:00",)), False),
        (Periods("purchases", "bought_at", "day", ("2026-01-13",)), True),
        (Periods("purchases", "paid_at", "day", ("2026-01-12",)), True),
        (Periods("customers", "bought_at", "day", ("2026-01-12",)), True),
    ],
)
def test_a_day_that_is_in_quarantine_may_be_empty(
    judged: Callable[..., Result], shop: Any, touched: Periods | None, stops: bool
) -> None:
    if touched:
        move = Move(
            action="quarantine", stream="orders", first_commit=3, last_commit=3, landed_at=_AT, by="penstock",
            at=_AT, why="x", run_id="r", automatic=True, touched=(touched,),
        )  # fmt: skip
        add_moves(shop.settings.quarantine_file("shop"), [move])
    result = judged("delete from marts.purchases where bought_at::date = '2026-01-12'")
    assert result.exit_code == stops
    if stops:
        assert "rows of 2026-01-12 is 0" in problem(shop)["observed"]
        return
    assert shop.verdict()["problems"] == []
    add_moves(shop.settings.quarantine_file("shop"), [replace(move, action="release")])
    assert CliRunner().invoke(main, ["validate", "shop"]).exit_code == 1, "once released it must be whole"


@pytest.mark.parametrize(
    "kwargs",
    [
        {"measures": {"above_zero(price)": {"silenced": "a free week"}, "mix(brand)": {"tolerance": 2}}},
        {"exceptional": {f"2026-01-{day}": "a free week" for day in (12, 13, 14)}},
        {"min_periods": 12},
    ],
    ids=str,
)
def test_what_is_silenced_exceptional_or_not_known_well_enough_stops_nothing(
    judged: Callable[..., Result], shop: Any, kwargs: dict[str, Any]
) -> None:
    history = HISTORY | {"kwargs": {"period_column": "bought_at", **kwargs}}
    assert judged(f"update marts.purchases set price = 0 where {LAST_DAYS}", history=history).exit_code == 0
    assert shop.verdict()["problems"] == []


def test_of_little_history_it_says_that_it_learns(judged: Callable[..., Result], shop: Any) -> None:
    result = judged(f"delete from marts.purchases where {LAST_DAYS}", published="bought_at < '2026-01-05'")
    assert result.exit_code == 0
    (skipped,) = shop.verdict()["skipped"]
    assert skipped["reason"] == "4 published days so far, of 7"


def test_of_little_history_no_day_is_too_far_away(judged: Callable[..., Result], shop: Any) -> None:
    far = "insert into marts.purchases values ('far', 1, 5, null, '2025-05-01 10:00:00')"
    result = judged(
        f"delete from marts.purchases where {LAST_DAYS}", far, published="bought_at < '2026-01-05'"
    )
    assert result.exit_code == 0
    (skipped,) = shop.verdict()["skipped"]
    assert skipped["reason"] == "4 published days so far, of 7"


def test_before_the_first_publication_it_learns(shop: Any) -> None:
    shop.sql(PURCHASES, CUSTOMERS)
    shop.suite("purchases", HISTORY)
    shop.suite("customers", KEYS)
    result = CliRunner().invoke(main, ["validate", "shop"])
    assert result.exit_code == 0, result.output
    assert "skipped: 2 checks of purchases, customers: nothing is published yet" in result.output


def test_values_of_a_key_that_change_for_many_stop_the_run(judged: Callable[..., Result], shop: Any) -> None:
    result = judged(
        "update marts.customers set country = 'elsewhere', revenue = revenue + 1 where user_id < 200"
    )
    assert result.exit_code == 1
    found = problem(shop)
    assert "country has changed for " in found["observed"]
    assert " of user_id that came again, e.g. " in found["observed"]


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"period_column": "bougt_at"}, "has no column 'bougt_at'"),
        ({"period_column": "price"}, "period_column price is a DECIMAL(12,2)"),
        ({"period": "week"}, "period is 'week'"),
        ({"window": 0}, "window is 0"),
        ({"exceptional": {"2026-13-01": "x"}}, "'2026-13-01' is no period"),
        ({"exceptional": {"2026-01-01": ""}}, "2026-01-01: a reason is missing"),
        ({"measures": {"maen(price)": {"silenced": "x"}}}, "no measure is called 'maen(price)'"),
        ({"measures": {"rows": {"silenced": ""}}}, "rows is silenced without a reason"),
        ({"measures": {"rows": {"tolerance": 0}}}, "tolerance is 0"),
        ({"measures": {"rows": {"tolerate": 2}}}, "rows is {'tolerate': 2}"),
    ],
    ids=str,
)
def test_what_is_declared_wrongly_is_reported_with_its_line(
    shop: Any, kwargs: dict[str, Any], says: str
) -> None:
    shop.sql(PURCHASES)
    path = shop.suite("purchases", HISTORY | {"kwargs": {"period_column": "bought_at"} | kwargs})
    result = CliRunner().invoke(main, ["validate", "shop"])
    assert result.exit_code == 1
    assert says in result.output
    assert f"{path}:" in result.output
