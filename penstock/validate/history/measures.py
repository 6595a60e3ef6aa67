"""What is measured of each period of a mart: as SQL, and as a value on a scale.

The name of a measure is what a suite calls it by, to tune or to silence it:

| name | what | scale |
|---|---|---|
| `rows` | how many there are | amount |
| `mean(c)` | of a number; where it has decimals, of those above 0 | amount |
| `above_zero(c)` | rows in which a number is above 0: a conversion, a free purchase | share |
| `median(c)`, `p90(c)` | of a number with decimals, of those above 0 | amount |
| `outside(c)` | a number with decimals is half as low, or twice as high, as hardly ever before | share |
| `max(c)` | the largest number | amount |
| `top(c)` | the largest number's part of the sum | share |
| `nulls(c)` | rows without a value | share |
| `distinct(c)` | different values of a key, of all rows | share |
| `largest(c)` | rows of the one value of a key that has most | share |
| `new(c)` | rows with a value that came never before | share |
| `mix(c)` | how far the values' shares lie from the usual ones | distance |
| `copies` | rows that equal another in all but what names them | share |
| `full_hours`, `full_minutes` | rows whose time is a full hour, or minute, to the microsecond | share |
| `hours` | how far the shares of the hours of a day lie from the usual ones | distance |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penstock.core.duckdb_file import quoted
from penstock.validate.history.norm import Limits, Value
from penstock.validate.history.scales import (
    amount,
    amount_text,
    distance,
    distance_text,
    distinct_share_of,
    rows_expected,
    share,
    share_text,
)

# A third more or less is nothing; twice as many is worth a word, four times as many is not the same thing.
AMOUNTS = Limits(warn=math.log(1.8), stop=math.log(4), floor=0.15)
# Of what one customer does on average, less is much: it comes from many.
MEANS = Limits(warn=math.log(1.35), stop=math.log(1.8), floor=0.05)
# Cohen's h of 0.2 is small, 0.5 is medium, 0.8 is large; on this scale half of it.
SHARES = Limits(warn=0.07, stop=0.2, floor=0.015)
# New customers and products come with each campaign; that nearly all are unknown is another thing.
NEW_KEYS = Limits(warn=0.2, stop=0.6, floor=0.03)
DISTANCES = Limits(warn=0.15, stop=0.35, floor=0.02)
# Some come late; that half of a day does, or goes, is no such thing.
OF_PUBLISHED = Limits(warn=math.log(1.4), stop=math.log(1.7), floor=0.05)
# A largest value grows with every wild one.
LARGEST_VALUES = Limits(warn=math.log(10), stop=math.log(100), floor=0.3)

_FEWEST = 10  # rows: of fewer, nobody knows how far they are spread
Raw = Mapping[str, float | None]  # what the SQL of a measure gives for one period, by its alias


@dataclass(frozen=True)
class Measure:
    """One measure. `sql`: aggregates by alias; where all of them are sums, several periods can be judged as
    one (`adds_up`). `read` makes a value of what they give, None where there is nothing to measure."""

    name: str
    column: str | None
    sql: Mapping[str, str]
    read: Callable[[Raw], Value | None]
    text: Callable[[float], str]
    limits: Limits
    adds_up: bool = True
    is_volume: bool = False  # of a period that is not over, too little says nothing
    grows: bool = (
        False  # while a period lasts, and what began in it: of one that is not over, less may be usual
    )
    is_share: bool = False
    only_more: bool = False  # less than usual says nothing
    usual_rows: Callable[[float, Value], float] | None = (
        None  # of a usual value: none at all is more than less
    )
    of_whole_period: bool = False  # says nothing of a period that is not over
    of_rows: Callable[[float, float], float] | None = (
        None  # what so many times the usual rows make of a usual value
    )


def rows() -> Measure:
    """How many rows."""
    return Measure(
        "rows", None, {"n": "count(*)"}, lambda raw: _rows(raw["n"]), _rows_text, AMOUNTS,
        adds_up=False, is_volume=True, usual_rows=lambda usual, _: math.exp(usual) - 1,
    )  # fmt: skip


def published_rows() -> Measure:
    """How many rows a period has that is published already."""
    return Measure(
        "published_rows", None, {}, lambda raw: _rows(raw["n"]), _rows_text, OF_PUBLISHED, adds_up=False
    )


def mean(column: str, *, of_positive: bool = False) -> Measure:
    """The mean of a number of which no value is negative."""
    name, only = quoted(column), _positive(column) if of_positive else ""
    sql = {
        "n": f"count({name}){only}", "s": f"sum({name}::double){only}",
        "q": f"sum({name}::double * {name}::double){only}",
    }  # fmt: skip
    limits = AMOUNTS if of_positive else MEANS
    return Measure(f"mean({column})", column, sql, _mean, amount_text, limits, grows=not of_positive)


def above_zero(column: str) -> Measure:
    """The share of rows in which a number is above 0."""
    sql = {"part": f"count(*) filter ({quoted(column)} > 0)", "whole": f"count({quoted(column)})"}
    return Measure(
        f"above_zero({column})",
        column,
        sql,
        _share,
        share_text,
        SHARES,
        is_share=True,
        usual_rows=rows_expected,
    )


def quantile(column: str, name: str, at: float, unit: float) -> Measure:
    """A quantile of a number with decimals, the last of which is `unit`."""
    only = _positive(column)
    quantiles = f"quantile_cont({quoted(column)}::double, [{at}, 0.25, 0.75]){only}"
    sql = {
        "x": f"({quantiles})[1]", "low": f"({quantiles})[2]", "high": f"({quantiles})[3]",
        "n": f"count(*){only}",
    }  # fmt: skip
    # Standard error of a normal distribution's quantile, in its standard deviations, times √n; and how many
    # rows the quantile of anything else is known from.
    error, fewest = (1.25, 20) if at == 0.5 else (1.71, 50)

    def read(raw: Raw) -> Value | None:
        x, low, high, n = raw["x"], raw["low"], raw["high"], raw["n"]
        if not n or n < fewest or x is None or low is None or high is None or x < 0 or low < 0:
            return None
        deviation = (math.log(high + unit) - math.log(low + unit)) / 1.35
        return amount(x, error * max(deviation, 0.1) / math.sqrt(n), unit=unit)

    def text(value: float) -> str:
        return amount_text(value, unit=unit)

    return Measure(f"{name}({column})", column, sql, read, text, AMOUNTS, adds_up=False)


def maximum(column: str, unit: float) -> Measure:
    """The largest number; `unit`: the smallest. Where it has decimals, of a period with one above 0."""

    def read(raw: Raw) -> Value | None:
        x = raw["x"]
        return None if x is None or x < 0 or (x == 0 and unit < 1) else amount(x, 0.0, unit=unit)

    def text(value: float) -> str:
        return amount_text(value, unit=unit)

    sql = {"x": f"max({quoted(column)})::double"}
    return Measure(f"max({column})", column, sql, read, text, LARGEST_VALUES, adds_up=False, only_more=True)


def top(column: str) -> Measure:
    """The largest number's part of the sum."""
    sql = {
        "part": f"max({quoted(column)})::double",
        "whole": f"sum({quoted(column)}::double){_positive(column)}", "n": f"count(*){_positive(column)}",
    }  # fmt: skip

    def read(raw: Raw) -> Value | None:
        part, whole, n = raw["part"], raw["whole"], raw["n"]
        return share(part, whole, rows=n) if part and whole and n and n >= _FEWEST else None

    return Measure(f"top({column})", column, sql, read, share_text, SHARES, adds_up=False, only_more=True)


def nulls(column: str) -> Measure:
    """The share of rows without a value."""
    sql = {"part": f"count(*) - count({quoted(column)})", "whole": "count(*)"}
    return Measure(f"nulls({column})", column, sql, _share, share_text, SHARES, is_share=True)


def distinct(column: str) -> Measure:
    """How many different values of a key there are, as a share of the rows."""
    sql = {"part": f"count(distinct {quoted(column)})", "whole": f"count({quoted(column)})"}

    def read(raw: Raw) -> Value | None:
        return _share(raw) if (raw["whole"] or 0) >= _FEWEST else None

    return Measure(
        f"distinct({column})", column, sql, read, share_text, SHARES,
        adds_up=False, of_rows=distinct_share_of,
    )  # fmt: skip


def full(unit: str, column: str) -> Measure:
    """The share of rows whose time is a full hour, or minute."""
    is_full = f"{quoted(column)} = date_trunc('{unit}', {quoted(column)})"
    sql = {"part": f"count(*) filter ({is_full})", "whole": f"count({quoted(column)})"}
    return Measure(f"full_{unit}s", column, sql, _share, share_text, SHARES, is_share=True, only_more=True)


def of_share(
    name: str, column: str | None, *, adds_up: bool, only_more: bool = False, limits: Limits = SHARES
) -> Measure:
    """A share whose part and whole are counted elsewhere (`shapes.py`)."""
    return Measure(
        name, column, {}, _share, share_text, limits, adds_up=adds_up, is_share=True, only_more=only_more
    )


def of_distance(name: str, column: str, *, of_whole_period: bool = False) -> Measure:
    """A distance between two distributions, of which `part` is the distance times `whole`, the rows."""

    def read(raw: Raw) -> Value | None:
        part, whole = raw["part"], raw["whole"]
        return distance(part or 0.0, whole) if whole else None

    return Measure(
        name, column, {}, read, distance_text, DISTANCES,
        adds_up=False, only_more=True, of_whole_period=of_whole_period,
    )  # fmt: skip


def _positive(column: str) -> str:
    return f" FILTER ({quoted(column)} > 0)"


def _rows(n: float | None) -> Value:
    n = n or 0
    return amount(n, 1 / math.sqrt(n + 1), unit=1.0)


def _rows_text(value: float) -> str:
    return amount_text(value, unit=1.0)


def _mean(raw: Raw) -> Value | None:
    n, s, q = raw["n"], raw["s"], raw["q"]
    if not n or n < _FEWEST or not s or s < 0 or q is None or not math.isfinite(q):
        return None
    average = s / n
    variance = max(q / n - average**2, 0.0) / n
    return amount(average, math.sqrt(variance) / average + 1 / n)


def _share(raw: Raw) -> Value | None:
    part, whole = raw["part"], raw["whole"]
    return share(part or 0, whole) if whole else None
