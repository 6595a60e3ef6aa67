"""What is usual of a measure, and how far a value lies from it.

A value stands on a scale on which its noise does not depend on its height: the logarithm of an amount, and
for a share arcsin(√share), on which twice a difference is Cohen's effect size h. The norm is robust, so that
some odd periods do not move it: the median, and the median absolute deviation (MAD, × 1.4826 it estimates a
standard deviation).

Two things must both be so for a value to be unusual. It is far, in standard deviations of the history's own
spread and of its sampling error. And it is large: an effect that matters, for on much data the smallest
difference is far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from statistics import median

_MAD_TO_DEVIATION = 1.4826  # of a normal distribution
_FAR, _VERY_FAR = 4.0, 6.0  # standard deviations


class Weight(IntEnum):
    """How unusual a value is."""

    USUAL = 0
    UNUSUAL = 1  # a warning
    IMPOSSIBLE = 2  # stops the run


@dataclass(frozen=True)
class Value:
    """A measure of one period on its scale, and one standard deviation of its sampling error there."""

    value: float
    error: float


@dataclass(frozen=True)
class Limits:
    """By how much a value may differ, on the scale: past `warn` it is unusual, past `stop` it stops the run.
    `floor` is a deviation that every history has, so that a quiet one does not make the smallest change loud.
    """

    warn: float
    stop: float
    floor: float


@dataclass(frozen=True)
class Norm:
    """The middle of a history on the scale, its standard deviation, how many periods it is of, and between
    which values all lie but a quarter on either side: what lies there is usual, however few values there are.
    """

    middle: float
    deviation: float
    periods: int
    low: float
    high: float

    def judge(self, value: Value, limits: Limits) -> Weight:
        """How unusual `value` is."""
        if self.low <= value.value <= self.high:
            return Weight.USUAL
        away = abs(value.value - self.middle)
        far = away / math.hypot(self.deviation, value.error, limits.floor)
        if away > limits.stop and far > _VERY_FAR:
            return Weight.IMPOSSIBLE
        return Weight.UNUSUAL if away > limits.warn and far > _FAR else Weight.USUAL

    def around(self, middle: float) -> Norm:
        """The same spread, around another middle."""
        return Norm(middle, self.deviation, self.periods, middle, middle)

    def usual(self, limits: Limits) -> tuple[float, float]:
        """The range, on the scale, outside of which a value is unusual, but for its sampling error."""
        reach = max(limits.warn, _FAR * math.hypot(self.deviation, limits.floor))
        return min(self.low, self.middle - reach), max(self.high, self.middle + reach)


def norm_of(history: Sequence[Value], middle: float | None = None) -> Norm:
    """The norm of a history of at least one period, around `middle`, or else its median."""
    values = sorted(one.value for one in history)
    middle = median(values) if middle is None else middle
    quarter = -(-len(values) // 4)
    spread = (_MAD_TO_DEVIATION * median(abs(value - middle) for value in values)) ** 2
    # Sampling error is in the spread, too; a value that is judged brings its own. And of few periods the
    # middle is known only roughly.
    between = max(0.0, spread - median(one.error**2 for one in history))
    deviation = math.sqrt(between + spread * 1.57 / len(values))
    return Norm(middle, deviation, len(values), low=values[quarter - 1], high=values[-quarter])
