"""With what is unusual a person reads what changed with it, and which commits and offsets are new."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from penstock.cli import main

HISTORY = {
    "type": "expect_new_periods_to_resemble_history",
    "kwargs": {"period_column": "bought_at"},
}
# 200 purchases a day, of 14 days: 40 % cost between 1 and 100, the rest nothing; ten brands, two countries.
PURCHASES = """
create or replace table marts.purchases as
select 'e' || day || '-' || n as event_id, (hash(day, n, 'u') % 400)::bigint as user_id,
    case when hash(day, n, 'f') % 10 < 4 then 1 + hash(day, n, 'p') % 100 else 0 end::decimal(12, 2) as price,
    'brand ' || hash(day, n, 'b') % 10 as brand,
    case when hash(day, n, 'c') % 10 < 7 then 'large' else 'small' end as country,
    timestamp '2026-01-01' + to_days(day::integer) + to_seconds((hash(day, n, 't') % 86400)::bigint)
        as bought_at
from range(14) as days (day), range(200) as of_day (n)
"""
LAST_DAYS = "bought_at >= '2026-01-12'"
INPUTS = """[{"stream": "orders", "landed_commit": %d, "complete_until": "2026-01-12T00:00:00+00:00",
    "landed": 9, "rejected": 0, "offsets": [
    {"epoch": 1, "partition": 0, "next_offset": %d},
    {"epoch": 1, "partition": 1, "next_offset": 7}]}]"""


@pytest.fixture
def judged(shop: Any) -> Callable[..., dict[str, Any]]:
    """The one problem of the gate over 14 days, of which eleven are published, once the others are spoilt."""

    def run(*spoil: str) -> dict[str, Any]:
        shop.sql(PURCHASES)
        shop.publish(
            f"attach '{shop.warehouse}' as warehouse (read_only)",
            "create table purchases as from warehouse.marts.purchases where bought_at < '2026-01-12'",
            "create schema _penstock",
            f"create table _penstock.publications as select 1 as seq, '{INPUTS % (12, 40)}' as inputs",
            "detach warehouse",
        )
        shop.sql(*spoil, f"update _penstock.build set inputs = '{INPUTS % (14, 90)}'")
        shop.suite("purchases", HISTORY)
        result = CliRunner().invoke(main, ["validate", "shop", "-o", "json"])
        assert result.exit_code in (0, 1), result.exception
        (found,) = shop.verdict()["problems"]
        return dict(found)

    return run


@pytest.mark.parametrize(
    ("spoil", "measure", "cause"),
    [
        (
            f"update marts.purchases set price = 100 * price where {LAST_DAYS} and brand = 'brand 3'",
            "mean(price)",
            "without brand 'brand 3' (",
        ),
        (
            f"delete from marts.purchases where {LAST_DAYS} and country = 'large'",
            "rows",
            "% of the difference is country 'large'",
        ),
        (
            f"update marts.purchases set user_id = 7 where {LAST_DAYS} and hash(event_id) % 2 = 0",
            "distinct(user_id)",
            "without user_id '7' (",
        ),
        (
            f"update marts.purchases set brand = 'BRAND' where {LAST_DAYS}",
            "new(brand)",
            "most of it brand 'BRAND'",
        ),
    ],
    ids=["a number", "rows", "a key", "a new value"],
)
def test_the_value_that_explains_most_is_named(
    judged: Callable[..., dict[str, Any]], spoil: str, measure: str, cause: str
) -> None:
    found = judged(spoil)
    causes = {one["measure"]: one["cause"] for one in found["findings"] if one["cause"]}
    assert cause in causes[measure], found["findings"]
    assert cause in json.dumps([one["text"] for one in found["findings"]], ensure_ascii=False)


def test_where_all_rows_are_alike_nothing_is_blamed(judged: Callable[..., dict[str, Any]]) -> None:
    found = judged(f"update marts.purchases set price = 100 * price where {LAST_DAYS}")
    causes = {one["cause"] for one in found["findings"] if one["measure"] in ("mean(price)", "median(price)")}
    assert causes == {""}


def test_the_new_commits_and_offsets_are_named(judged: Callable[..., dict[str, Any]], shop: Any) -> None:
    found = judged(f"update marts.purchases set price = 100 * price where {LAST_DAYS}")
    assert (
        "new since the last publication: orders commits 13 to 14, partition 0 from offset 40;"
        in found["message"]
    )
    assert shop.verdict()["new_inputs"] == [
        {
            "stream": "orders", "first_commit": 13, "last_commit": 14,
            "offsets": [{"epoch": 1, "partition": 0, "from_offset": 40, "next_offset": 90}],
        }
    ]  # fmt: skip
