"""Of few rows a larger share is different: that alone is no finding; what it does not explain is one."""

from __future__ import annotations

import datetime as dt
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.validate.history.findings import Finding, judge_period
from penstock.validate.history.measures import distinct
from penstock.validate.history.norm import Weight
from penstock.validate.history.scales import distinct_share_of, share

SHARES = st.floats(0.001, 1.0).map(lambda there: math.asin(math.sqrt(there)))
DAYS = [dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in range(1, 13)]
# 3000 rows a day, of which some 64 % are different.
HISTORY = {day: share(1900 + 7 * (day.day % 5), 3000) for day in DAYS[:-1]}


def found(different: int, rows: int) -> Finding | None:
    return judge_period(
        distinct("product"), [DAYS[-1]], share(different, rows), HISTORY, rows_of_usual=rows / 3000
    )


@given(SHARES)
def test_as_many_rows_as_usual_change_nothing(usual: float) -> None:
    assert distinct_share_of(usual, 1.0) == pytest.approx(usual, abs=1e-6)


@given(SHARES, st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_fewer_rows_are_never_less_different(usual: float, one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    assert 0 <= distinct_share_of(usual, more) <= distinct_share_of(usual, fewer) + 1e-9 <= math.pi / 2 + 1e-9


@pytest.mark.parametrize("values", [200, 2000, 20_000])
def test_it_is_what_chance_makes(values: int) -> None:
    draw = random.Random(values)
    rows = [draw.randrange(values) for _ in range(4000)]
    part = rows[:1000]
    expected = distinct_share_of(share(len(set(rows)), len(rows)).value, len(part) / len(rows))
    assert expected == pytest.approx(share(len(set(part)), len(part)).value, abs=0.05)


def test_a_quarter_of_a_day_is_usual() -> None:
    assert found(664, 750) is None  # 88.5 %
    assert found(520, 750) is None  # 69 %: visits lie together in time, so few of them were cut
    assert found(480, 750) is None


def test_what_few_rows_do_not_explain_is_found() -> None:
    all_different = found(750, 750)
    assert all_different is not None
    assert all_different.weight is Weight.IMPOSSIBLE
    of_one = found(1, 750)
    assert of_one is not None
    assert of_one.weight is Weight.IMPOSSIBLE
    as_many_rows = found(2655, 3000)  # 88.5 %
    assert as_many_rows is not None
