"""What is unusual of the periods that were judged, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.validate.history.measures import Measure
from penstock.validate.history.norm import Norm, Value, Weight, norm_of
from penstock.validate.history.periods import Period

_BARS = "▁▂▃▄▅▆▇█"
_MANY = 12  # rows that are expected: that there is none has a chance of 1 in 160 000
_PLOTTED = 14  # periods of the history, the newest


@dataclass(frozen=True)
class Finding:
    """One measure that is unusual, of a period or of several as one."""

    measure: str
    column: str | None
    periods: tuple[Period, ...]
    weight: Weight
    value: str
    usual: str
    compared_with: int  # periods
    plot: str
    level: float | None  # the value on its scale; None where no norm is around it
    middle: float | None = None  # of the norm, on the scale
    id: str = ""
    lacks: bool = False  # rows are missing: what is there is not what is wrong
    cause: str = ""  # what changed with it

    def text(self, period: str) -> str:
        """One line: the measure, when, what it is, and what is usual."""
        when = period_text(self.periods[0], period)
        if len(self.periods) > 1:
            when = f"{len(self.periods)} {period}s from {when} to {period_text(self.periods[-1], period)}"
        of = f"{self.compared_with} {period}s"
        return (
            f"{self.measure} of {when} is {self.value}, usual is {self.usual} "
            f"({f'{of}: {self.plot}' if self.plot else of}){self.cause and f', {self.cause}'}"
        )

    def as_json(self, column: str, period: str) -> dict[str, object]:
        """The same as data; `column` says when a row is."""
        return {
            "id": self.id,
            "measure": self.measure,
            "column": self.column,
            "period_column": column,
            "period": period,
            "periods": [period_text(one, period) for one in self.periods],
            "stops": self.weight is Weight.IMPOSSIBLE,
            "lacks": self.lacks,
            "value": self.value,
            "usual": self.usual,
            "compared_with": self.compared_with,
            "plot": self.plot,
            "level": self.level,
            "cause": self.cause,
            "text": self.text(period),
        }


@dataclass(frozen=True)
class Accepted:
    """What people said is the new normal: the value of a measure on its scale. Where there is none: that
    these periods are there at all."""

    measure: str
    periods: tuple[Period, ...]
    level: float | None


def judge_period(
    measure: Measure,
    period: Sequence[Period],
    value: Value,
    history: Mapping[Period, Value],
    middle: float | None = None,
    *,
    known: Value | None = None,
    accepted: Sequence[float] = (),
    rows_of_usual: float | None = None,
) -> Finding | None:
    """What is unusual of `value`; None where nothing is. The period itself never counts in its own norm; but
    where readers know it already (`known`), only what has become of it since is news. `middle`: of the norm,
    where it is not the median; what is near to one that people `accepted` is usual, too, and
    so is what `rows_of_usual` times as many rows as usual make of the norm."""
    others = [history[one] for one in sorted(history) if one not in period]
    if not others:
        return None
    norm, limits = norm_of(others, middle), measure.limits
    if middle is None:
        norm = _nearest(norm, _of_season(period, history), value)
    if measure.only_more and value.value <= norm.middle:
        return None
    weight = norm.judge(value, limits)
    if measure.usual_rows and value.value == 0 and measure.usual_rows(norm.middle, value) >= _MANY:
        weight = Weight.IMPOSSIBLE
    also_usual = [*accepted, *([known.value] if known else [])]
    if measure.of_rows and rows_of_usual is not None:
        low, high = sorted((norm.middle, measure.of_rows(norm.middle, rows_of_usual)))
        also_usual.append(min(max(value.value, low), high))
    for other in also_usual:
        weight = min(weight, norm.around(other).judge(value, limits))
    if weight is Weight.USUAL:
        return None
    low, high = norm.usual(limits)
    return Finding(
        measure=measure.name,
        column=measure.column,
        periods=tuple(period),
        weight=weight,
        value=measure.text(value.value),
        usual=" or about ".join(
            [f"{measure.text(low)} to {measure.text(high)}", *dict.fromkeys(map(measure.text, accepted))]
        ),
        compared_with=len(others),
        plot=_plot([one.value for one in others[-_PLOTTED:]], value.value),
        level=value.value,
        middle=norm.middle,
        lacks=measure.is_volume and value.value < norm.middle,
    )


def finding_id(*what: str) -> str:
    """A short name of a finding, the same each time that it is found: of the mart, the check and so on."""
    return hashlib.sha256("\0".join(what).encode()).hexdigest()[:7]


def period_text(period: Period, length: str) -> str:
    """A period as people write it."""
    return f"{period:%Y-%m-%d}" if length == "day" else f"{period:%Y-%m-%d %H:00}"


def _nearest(norm: Norm, of_season: Norm | None, value: Value) -> Norm:
    """A Sunday may be like other days, or like other Sundays; an hour of the night like other such hours."""
    if of_season is None or abs(value.value - norm.middle) <= abs(value.value - of_season.middle):
        return norm
    # The spread is that of all periods: of one or two Sundays none can be known.
    return norm.around(of_season.middle)


def _of_season(period: Sequence[Period], history: Mapping[Period, Value]) -> Norm | None:
    """The norm of the same weekdays, or, where periods are hours, of the same hours of a day."""
    if len(period) != 1:
        return None
    by_hour = any(one.hour for one in history)
    alike = [
        value for one, value in history.items()
        if one != period[0]
        and (one.hour == period[0].hour if by_hour else one.weekday() == period[0].weekday())
    ]  # fmt: skip
    return norm_of(alike) if alike else None


def _plot(history: Sequence[float], value: float) -> str:
    """The history, and after a bar the value, as small columns."""
    low, high = min([*history, value]), max([*history, value])
    step = (high - low) / (len(_BARS) - 1) or 1
    bars = [_BARS[round((one - low) / step)] for one in [*history, value]]
    return f"{''.join(bars[:-1])}|{bars[-1]}"
