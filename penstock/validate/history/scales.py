"""The scales on which values are compared (`norm.py`), and how a value on them reads."""

from __future__ import annotations

import math

from penstock.validate.history.norm import Value

_CERTAIN = 0.5  # of an arcsine: the error of a share of one row

_DISTANCE = 0.3  # of a distance, likewise: half of √(1 - 2/π)


def amount(value: float, relative_error: float, *, unit: float = 0.0) -> Value:
    """An amount that is not negative, as logarithm; `unit` is added, where it may be 0."""
    return Value(math.log(value + unit), relative_error)


def amount_text(value: float, *, unit: float = 0.0) -> str:
    """An amount on its scale, as a number."""
    return number_text(max(0.0, math.exp(value) - unit))


def share(part: float, whole: float, *, rows: float | None = None) -> Value:
    """`part` of `whole`, which is above 0, and the number of rows where it is not `rows`."""
    return Value(math.asin(math.sqrt(min(1.0, part / whole))), _CERTAIN / math.sqrt(rows or whole))


def rows_expected(usual: float, value: Value) -> float:
    """How many rows a usual share makes of those that `value` is a share of."""
    return _part_of(usual) * (_CERTAIN / value.error) ** 2


def share_text(value: float) -> str:
    """A share on its scale, in percent."""
    return f"{number_text(100 * _part_of(value))} %"


def distinct_share_of(usual: float, rows_of_usual: float) -> float:
    """A usual share of different values (on its scale) as it is where there are `rows_of_usual` times as many
    rows: with fewer, fewer values come again. As if all values were as frequent, which moves it most.

    Of N rows that draw from K values, 1 - exp(-N/K) of the K are met: a share of (1 - exp(-x)) / x, x = N/K.
    """
    there = _part_of(usual)
    if there <= 0.0:
        return usual
    low, high = 0.0, 1 / there
    for _ in range(50):  # halves: no closed form
        x = (low + high) / 2
        low, high = (x, high) if -math.expm1(-x) / x > there else (low, x)
    x = high * rows_of_usual
    return math.asin(math.sqrt(-math.expm1(-x) / x)) if x > 0 else math.pi / 2


def _part_of(value: float) -> float:
    """A share on its scale, 0 to 1."""
    return math.sin(min(max(value, 0.0), math.pi / 2)) ** 2


def distance(part: float, whole: float) -> Value:
    """A distance of two distributions, 0 to 1, times the rows `whole`; less what chance makes, so it may lie
    below 0."""
    return Value(part / whole, _DISTANCE / math.sqrt(whole))


def distance_text(value: float) -> str:
    """A distance in percent: so many rows would have to be others."""
    return f"{number_text(100 * max(value, 0.0))} %"


def number_text(value: float) -> str:
    """A number in three digits; all those before the point."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"
