"""A candidate against the published history of its mart: the measures of what is new, and what is unusual."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import duckdb

from penstock.validate.history.cause import with_causes
from penstock.validate.history.findings import Accepted, Finding, finding_id, judge_period, period_text
from penstock.validate.history.measured import Measured, measured
from penstock.validate.history.measures import Measure, Raw, published_rows
from penstock.validate.history.norm import Limits, Value, Weight
from penstock.validate.history.periods import Period, Periods, find_periods, listed, rows_of
from penstock.validate.history.scales import amount
from penstock.validate.history.usual_set import UsualSet, usual_set

HISTORY_CHECK = "expect_new_periods_to_resemble_history"

_ODD = 5  # standard errors: such a period of the history does not count in a share of all its rows
_IN_WORDS = 3  # findings
Values = dict[Period, Value]


@dataclass(frozen=True)
class Question:
    """What a suite asks: which column says when a row is, how long a period is, how many periods are looked
    back on, how few are too few to judge by, and what is left out, silenced or tuned. Then what people
    decided of its findings, which get an id where `mart` is said, and what the candidate is made without."""

    column: str
    period: str = "day"
    window: int = 56
    min_periods: int = 7
    left_out: Collection[Period] = ()
    silenced: Collection[str] = ()  # measures
    tolerance: Mapping[str, float] = field(default_factory=dict)  # by measure; 2: twice as tolerant
    accepted: Collection[Accepted] = ()
    rejected: Collection[Period] = ()
    unfinished: Collection[Period] = ()  # events of them are in quarantine
    mart: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What was found. `learning`: why nothing could be judged; None where it was."""

    findings: tuple[Finding, ...]
    judged: tuple[Period, ...]
    measures: tuple[str, ...]
    learning: str | None = None

    @property
    def stops(self) -> bool:
        """Is what was found grave enough to stop a run?"""
        return any(one.weight is Weight.IMPOSSIBLE for one in self.findings)

    def text(self, period: str) -> str:
        """One line: why nothing was judged, that all is as usual, or the heaviest of what is not."""
        if self.learning:
            return f"learning: {self.learning}"
        if not self.findings:
            return f"{len(self.judged)} {period}s as usual, in {len(self.measures)} measures"
        texts = [
            f"{one.text(period)} [{one.id}]" if one.id else one.text(period)
            for one in self.findings[:_IN_WORDS]
        ]
        if len(self.findings) > _IN_WORDS:
            texts.append(f"and {len(self.findings) - _IN_WORDS} more")
        return "; ".join(texts)


def compare(
    connection: duckdb.DuckDBPyConnection, candidate: str, published: str, question: Question
) -> Comparison:
    """Judge what is new of `candidate` by the history that `published` holds (both: SQL of tables)."""
    periods = find_periods(
        connection, candidate, published, question.column,
        period=question.period, window=question.window,
        left_out=question.left_out, rejected=question.rejected,
    )  # fmt: skip
    if nothing := without_judgement(periods, question):
        return nothing
    of_history = rows_of(published, question.column, question.period, [*periods.history, *periods.rejected])
    in_norm = f"NOT list_contains([{listed(periods.rejected)}]::TIMESTAMP[], _period) AS _in_norm"
    # Tables, which are read once for each measure; of a view all rows of the mart would be.
    connection.execute(f"CREATE OR REPLACE TEMP TABLE history AS SELECT *, {in_norm} FROM ({of_history})")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS "
        f"{rows_of(candidate, question.column, question.period, periods.judged)}"
    )
    measures = usual_set(connection, published, question.column)
    of_all = measured(connection, measures, question.column, by_hours=question.period == "day")
    compared = judge(periods, question, measures, of_all)
    return replace(compared, findings=with_causes(connection, compared.findings, measures))


def without_judgement(periods: Periods, question: Question) -> Comparison | None:
    """What is said where nothing can be judged: nothing is new, or too little is published; else None."""
    if _known(periods) >= question.min_periods or _knows_far(periods, question):
        return None
    learning = None
    if periods.judged or periods.far or not periods.rows_before:
        known = _known(periods) if periods.judged else len(periods.rows_before)
        learning = f"{known} published {question.period}s so far, of {question.min_periods}"
    return Comparison((), (), (), learning)


def judge(
    periods: Periods,
    question: Question,
    measures: UsualSet,
    of_all: Iterable[tuple[Measure, Measured]],
) -> Comparison:
    """What is unusual of the judged `periods`; `of_all` is what was measured, asked for only if need be."""
    found = list(_far(periods, question)) if _knows_far(periods, question) else []
    if _known(periods) >= question.min_periods:
        for measure, raw in of_all:
            if measure.name not in question.silenced:
                found += _judge(_tuned(measure, question), raw, periods, question)
        if "published_rows" not in question.silenced:
            found += _changes_of_published(periods, _tuned(published_rows(), question), question)
    if question.mart is not None:
        found = [replace(one, id=_id(one, question)) for one in found]
    heaviest_first = sorted(found, key=lambda one: -one.weight)
    return Comparison(tuple(heaviest_first), periods.judged, tuple(measures.names()))


def _knows_far(periods: Periods, question: Question) -> bool:
    """Is something far away from all that is published, and is that enough to say so?"""
    return bool(periods.far) and len(periods.rows_before) >= question.min_periods


def _known(periods: Periods) -> int:
    return sum(1 for one in periods.history if periods.rows_before.get(one))


def _judge(measure: Measure, raw: Measured, periods: Periods, question: Question) -> Iterator[Finding]:
    published, judged = (_values(measure, one) for one in raw)
    history = {one: value for one, value in published.items() if one not in periods.rejected}
    middle = _middle(measure, raw[0], history, periods.judged)
    accepted = [
        one.level for one in question.accepted if one.measure == measure.name and one.level is not None
    ]
    if measure.is_volume and (none := measure.read({"n": 0})):  # a period without a row is one, too
        history = dict.fromkeys(periods.history, none) | history
        judged = dict.fromkeys(periods.judged, none) | judged
    singles = []
    for one in periods.judged:
        may_lack = one == periods.newest or one in question.unfinished  # it may not be over, or not be whole
        if one not in judged or (measure.of_whole_period and may_lack):
            continue
        asked = _tolerant(measure, 1.5) if may_lack else measure
        known = history.get(one) or published.get(one)
        finding = judge_period(
            asked, [one], judged[one], history, middle, known=known, accepted=accepted,
            rows_of_usual=_rows_of_usual(raw, one) if measure.of_rows else None,
        )  # fmt: skip
        if finding:
            if may_lack and _is_less(judged[one], history):
                if measure.is_volume:
                    continue
                if measure.grows:
                    finding = replace(finding, weight=min(finding.weight, Weight.UNUSUAL))
            singles.append(finding)
    yield from singles
    together = [one for one in periods.judged if one in raw[1]]
    if measure.adds_up and len(together) > 1 and not any(one.weight is Weight.IMPOSSIBLE for one in singles):
        value = measure.read(_sum([raw[1][one] for one in together]))
        if value and (finding := judge_period(measure, together, value, history, middle, accepted=accepted)):
            yield finding


def _middle(
    measure: Measure, raw: Mapping[Period, Raw], history: Values, judged: Collection[Period]
) -> float | None:
    """Of a share, that of all rows of the history: of few rows a day, the share of most days is 0. Periods
    that are far from most do not count. None for other measures: theirs is the median."""
    if not measure.is_share or not measure.adds_up:
        return None
    counted = [(value, raw[one]) for one, value in history.items() if one not in judged]
    if not counted:
        return None
    usual = median(value.value for value, _ in counted)
    whole = measure.read(
        _sum([numbers for value, numbers in counted if abs(value.value - usual) <= _ODD * value.error])
    )
    return whole.value if whole else None


def _rows_of_usual(raw: Measured, one: Period) -> float | None:
    """How many times as many rows as usual a share of the period is of."""
    usual = median(numbers["whole"] or 0 for numbers in raw[0].values())
    return (raw[1][one]["whole"] or 0) / usual if usual else None


def _values(measure: Measure, raw: Mapping[Period, Raw]) -> Values:
    return {one: value for one, numbers in raw.items() if (value := measure.read(numbers))}


def _sum(raws: Sequence[Raw]) -> Raw:
    return {alias: sum(raw[alias] or 0 for raw in raws) for alias in raws[0]}


def _is_less(value: Value, history: Values) -> bool:
    return value.value < median(one.value for one in history.values())


def _changes_of_published(periods: Periods, measure: Measure, question: Question) -> Iterator[Finding]:
    """Of a period that readers know, rows that went or came: but for the newest, which was not over."""
    newest = max(periods.rows_before)
    for one in periods.judged:
        before, now = periods.rows_before.get(one), periods.rows_now.get(one, 0)
        if before and one < newest and (now >= before or one not in question.unfinished):
            value = measure.read({"n": now})
            known = amount(before, 1 / math.sqrt(before), unit=1.0)
            accepted = [
                said.level for said in question.accepted
                if said.measure == measure.name and said.periods == (one,) and said.level is not None
            ]  # fmt: skip
            if value and (finding := judge_period(measure, [one], value, {newest: known}, accepted=accepted)):
                yield finding


def _far(periods: Periods, question: Question) -> Iterator[Finding]:
    accepted = {said.periods for said in question.accepted if said.measure == "rows" and said.level is None}
    for one in [one for one in periods.far if (one,) not in accepted][:3]:
        yield Finding(
            measure="rows",
            column=question.column,
            periods=(one,),
            weight=Weight.IMPOSSIBLE,
            value=str(periods.rows_now[one]),
            usual=f"0 so far from {period_text(min(periods.rows_before), question.period)} to "
            f"{period_text(max(periods.rows_before), question.period)}, which are published",
            compared_with=len(periods.rows_before),
            plot="",
            level=None,
        )


def _id(finding: Finding, question: Question) -> str:
    when = [period_text(one, question.period) for one in finding.periods]
    return finding_id(question.mart or "", HISTORY_CHECK, question.column, finding.measure, *when)


def _tuned(measure: Measure, question: Question) -> Measure:
    return _tolerant(measure, question.tolerance.get(measure.name, 1.0))


def _tolerant(measure: Measure, by: float) -> Measure:
    limits = measure.limits
    return replace(measure, limits=Limits(limits.warn * by, limits.stop * by, limits.floor * by))
