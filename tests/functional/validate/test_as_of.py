"""A back-test says of a day what the gate says of it, when it is really the new one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from penstock.validate.history.as_of import as_of_each_period
from penstock.validate.history.comparison import Comparison, Question, compare
from penstock.validate.history.findings import Accepted

FIRST, DAYS = dt.datetime.fromisoformat("2026-01-01"), 24
# The rows of a day are as those of any other, but for brands: some come and go.
PURCHASES = f"""
create or replace table purchases as
select 'e' || day || '-' || n as event_id, (hash(day, n, 'u') % 400)::bigint as user_id,
    case when hash(day, n, 'f') % 10 < 4 then 1 + hash(day, n, 'p') % 100 else 0 end::decimal(12, 2) as price,
    case when hash(day, n, 'b') % 10 < 8 then 'brand ' || (hash(day, n, 'b') % 20 + day // 4) end as brand,
    (hash(day, n, 's') % 90)::integer as seconds, 'v' || hash(n) % 3 as v,
    timestamp '{FIRST}' + to_days(day::integer) + to_seconds((hash(day, n, 't') % 86400)::bigint) as bought_at
from range({DAYS}) as days (day), range(120) as of_day (n)
"""
SPOILS = {
    "nothing": "select 1",
    "nearly no row": "delete from purchases where {day} and hash(event_id) % 40 > 0",
    "no row on the day before": "delete from purchases where {day_before}",
    "twice the rows": "insert into purchases by name select * replace (event_id || 'x' as event_id) "
    "from purchases where {day}",
    "prices in cents": "update purchases set price = 100 * price where {day}",
    "free": "update purchases set price = 0 where {day}",
    "no brand": "update purchases set brand = null where {day}",
    "brands in capitals": "update purchases set brand = upper(brand) where {day}",
    "one brand": "update purchases set brand = 'brand 7' where {day}",
    "one user": "update purchases set user_id = 1 where {day}",
    "times without hours": "update purchases set bought_at = bought_at::date where {day}",
    "seconds longer": "update purchases set seconds = seconds + 40 where {day}",
    "one value": "update purchases set v = 'v0' where {day}",
    "a far day": "insert into purchases by name select * replace (bought_at - interval 99 year as bought_at) "
    "from purchases where {day} limit 3",
}  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def said(compared: Comparison, but_for: dt.datetime | None = None) -> Any:
    """All that was said, but of the day after; the gate alone asks for causes."""
    findings = {
        replace(one, level=None, middle=None, cause="")
        for one in compared.findings
        if but_for not in one.periods
    }
    return findings, compared.learning, compared.measures


@settings(max_examples=25, deadline=None)
@given(
    number=st.integers(0, DAYS - 1),
    spoils=st.lists(st.sampled_from(sorted(SPOILS)), min_size=1, max_size=3, unique=True),
    spoilt=st.integers(0, DAYS - 1),
    window=st.sampled_from([5, 8, 56]),
    left_out=st.frozensets(st.integers(0, DAYS - 1), max_size=3),
    rejected=st.frozensets(st.integers(0, DAYS - 1), max_size=3),
    accepted=st.booleans(),
    hours=st.booleans(),
)
def test_it_says_what_the_gate_says(
    connection: duckdb.DuckDBPyConnection, number: int, spoils: list[str], spoilt: int, window: int,
    left_out: frozenset[int], rejected: frozenset[int], accepted: bool, hours: bool,
) -> None:  # fmt: skip
    day = FIRST + dt.timedelta(days=number)
    connection.execute(PURCHASES)
    for spoil, of_day in zip(spoils, (number, number, spoilt), strict=False):
        date = f"bought_at::date = date '2026-01-01' + {of_day}"
        connection.execute(SPOILS[spoil].format(day=date, day_before=date.replace("+", "- 1 +")))
    question = Question(
        "bought_at", window=window, min_periods=5, tolerance={"rows": 1.2}, silenced=["max(price)"],
        left_out={FIRST + dt.timedelta(days=one) for one in left_out - {number + 1}},
        rejected={FIRST + dt.timedelta(days=one) for one in rejected},
        accepted=[Accepted("above_zero(price)", (), 0.0)] if accepted else [],
    )  # fmt: skip
    if hours:
        connection.execute(
            "update purchases set bought_at = bought_at - interval 1 hour where hour(bought_at) > 22"
        )
    backtest = {
        one.period: one.compared for one in as_of_each_period(connection, "purchases", question, days=DAYS)
    }

    # It is over when the next one has begun; the last one may not be.
    next_day = day + dt.timedelta(days=1)
    begun = f"bought_at::date = '{next_day.date()}' and hash(event_id) % 9 = 0"
    of_day, of_next, later = (
        len(connection.execute(f"from purchases where {condition}").fetchall())
        for condition in (f"bought_at::date = '{day.date()}'", begun, f"bought_at > '{next_day}'")
    )
    assert (day in backtest) == (of_day > 0 and number not in left_out)
    assume(day in backtest and (of_next or not later))
    connection.execute(f"create or replace view published as from purchases where bought_at < '{day}'")
    connection.execute(
        f"create or replace view candidate as from purchases where bought_at < '{next_day}' or ({begun})"
    )
    gate = compare(connection, "candidate", "published", question)
    assert said(backtest[day]) == said(gate, next_day)
