"""A check of history as of each earlier period: had all before it been published, and it been new.

Each period is measured once. What it is compared with is the window before it, for each run another one: so
the measures that compare values (`shapes.py`) are asked of many runs at once, from the counts of the values
of each period. The judgement is the gate's own (`comparison.py`), of a period that is over; but the last one
of the mart may not be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import duckdb

from penstock.core.duckdb_file import literal, quoted
from penstock.validate.history.comparison import Comparison, Question, judge, without_judgement
from penstock.validate.history.measured import Measured, Shape, by_run, shapes_of, simple_measures
from penstock.validate.history.measures import Measure, Raw
from penstock.validate.history.periods import LENGTHS, Period, Periods, choose, fingerprints, listed, rows_of
from penstock.validate.history.shapes import new
from penstock.validate.history.usual_set import UsualSet, column_types, naming_columns, usual_set_of

_AT_ONCE = 5_000  # periods of windows, whose values are in memory

_SEEN_BY_RUNS = """
SELECT _as_of, _is_judged, NOT _is_judged AS _in_norm, _period, v, n
FROM windows JOIN {counts} USING (_period) WHERE _as_of IN ({runs})
"""
# As `shapes.new` of each run, which would join each window with all values: one is new in a period if it came
# last before the window began.
_NEW_BY_RUNS = """
WITH counted AS (
    SELECT _period, n, max(CASE WHEN NOT list_contains([{never}], _period) THEN _period END) OVER (
        PARTITION BY v ORDER BY _period ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS last_before
    FROM {counts}
),
sums AS (SELECT _period, last_before, sum(n) AS n FROM counted GROUP BY ALL),
begins AS (SELECT _as_of, min(_period) AS begin FROM windows WHERE NOT _is_judged GROUP BY ALL)
SELECT
    _as_of, _is_judged, _period,
    sum(n) FILTER (last_before IS NULL OR begin IS NULL OR last_before < begin) AS part,
    sum(n) AS whole
FROM windows JOIN sums USING (_period) LEFT JOIN begins USING (_as_of)
WHERE _as_of IN ({runs})
GROUP BY ALL
"""
_SEEN_BY_ITSELF = """
SELECT 0 AS _as_of, false AS _is_judged, true AS _in_norm, _period, {value} AS v, count(*) AS n
FROM rows_of_mart WHERE {value} IS NOT NULL GROUP BY ALL
"""


@dataclass(frozen=True)
class AsOf:
    """What the check would have said of `period`, and of the ones without a row right before it."""

    period: Period
    compared: Comparison


@dataclass(frozen=True)
class _Run:
    """One of the runs: its number, the periods that it would have judged and compared, and its measures."""

    number: int
    periods: Periods
    measures: UsualSet


def as_of_each_period(
    connection: duckdb.DuckDBPyConnection, relation: str, question: Question, *, days: int
) -> list[AsOf]:
    """What the check that asks `question` would have said of `relation` (SQL of a table), as of each period
    of the last `days` days that have rows, but for the periods that are left out; oldest first."""
    rows = fingerprints(connection, relation, question.column, question.period, [question.column])
    said: dict[Period, Comparison] = {}
    to_judge: dict[Period, Periods] = {}
    for one, periods in _runs(rows, question, days):
        if nothing := without_judgement(periods, question):
            said[one] = nothing
        else:
            to_judge[one] = periods
    if to_judge:
        past = _Past(connection, relation, question, to_judge)
        said |= zip(to_judge, past.judgements(), strict=True)
    return [AsOf(one, said[one]) for one in sorted(said)]


def _runs(
    rows: Mapping[Period, tuple[int, int]], question: Question, days: int
) -> Iterator[tuple[Period, Periods]]:
    ordered, reach = sorted(rows.items()), question.window * LENGTHS[question.period]
    asked = set(sorted({one.date() for one in rows})[-days:])
    for place, (one, _) in enumerate(ordered):
        if one.date() in asked and one not in question.left_out:
            start = 0
            if place and one - ordered[place - 1][0] <= reach:  # of what is further back nothing is asked
                start = bisect_left(ordered, one - 2 * reach, key=lambda item: item[0])
            periods = choose(
                dict(ordered[start : place + 1]), dict(ordered[start:place]),
                period=question.period, window=question.window,
                left_out=question.left_out, rejected=question.rejected,
            )  # fmt: skip
            is_last = place == len(ordered) - 1
            yield one, periods if is_last else replace(periods, newest=None)


class _Past:
    """A mart, measured by period, and the runs that look at it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        relation: str,
        question: Question,
        to_judge: Mapping[Period, Periods],
    ) -> None:
        self._connection, self._question = connection, question
        self._counted: dict[str, str] = {}  # tables of counts, by the SQL of what is counted
        self._alone: dict[str, dict[Period, Raw]] = {}  # measures that need no other period
        all_rows = rows_of(relation, question.column, question.period)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW rows_of_mart AS {all_rows}")
        sets = _usual_sets(connection, relation, question.column, list(to_judge))
        self._runs = [
            _Run(number, periods, measures)
            for number, (periods, measures) in enumerate(zip(to_judge.values(), sets, strict=True))
        ]
        first = min((run.periods.history[0] for run in self._runs if run.periods.history), default=None)
        if first is not None:
            seen = f"{all_rows} AND {quoted(question.column)} >= TIMESTAMP {literal(str(first))}"
            connection.execute(f"CREATE OR REPLACE TEMP VIEW rows_of_mart AS {seen}")
        simple = {measure.name: measure for run in self._runs for measure in run.measures.simple}
        self._alone |= simple_measures(connection, "FROM rows_of_mart", list(simple.values()))

    def judgements(self) -> Iterator[Comparison]:
        """What each run would have said."""
        many = max(1, _AT_ONCE // self._question.window)
        for start in range(0, len(self._runs), many):
            runs = self._runs[start : start + many]
            compared = self._compared(runs)
            for run in runs:
                yield judge(run.periods, self._question, run.measures, self._measured(run, compared))

    def _measured(
        self, run: _Run, compared: Mapping[str, Mapping[int, Measured]]
    ) -> Iterator[tuple[Measure, Measured]]:
        for measure in run.measures.simple:
            yield measure, _split(run.periods, self._alone[measure.name])
        for shape in self._shapes(run):
            if shape.of_history:
                yield shape.measure, compared[shape.measure.name].get(run.number, ({}, {}))
            else:
                yield shape.measure, _split(run.periods, self._by_itself(shape))

    def _compared(self, runs: Sequence[_Run]) -> dict[str, Mapping[int, Measured]]:
        """By measure and run, those that compare a period with others."""
        self._note_windows(runs)
        shapes: dict[str, Shape] = {}
        asked_by: dict[str, list[int]] = {}
        for run in runs:
            for shape in self._shapes(run):
                if shape.of_history:
                    shapes[shape.measure.name] = shape
                    asked_by.setdefault(shape.measure.name, []).append(run.number)
        compared = {}
        for name, shape in shapes.items():
            counts, numbers = self._counts(shape.value), ", ".join(map(str, asked_by[name]))
            if shape.sql is new:
                sql = _NEW_BY_RUNS.format(counts=counts, runs=numbers, never=self._never_known())
            else:
                sql = shape.sql(_SEEN_BY_RUNS.format(counts=counts, runs=numbers))
            compared[name] = by_run(self._connection, sql)
        return compared

    def _never_known(self) -> str:
        """SQL of the periods that no run compares others with."""
        return listed([*self._question.left_out, *self._question.rejected]) or "NULL::TIMESTAMP"

    def _shapes(self, run: _Run) -> Iterator[Shape]:
        by_hours = self._question.period == "day"
        return shapes_of(run.measures, self._question.column, by_hours=by_hours)

    def _note_windows(self, runs: Sequence[_Run]) -> None:
        noted = [
            (run.number, one, is_judged)
            for run in runs
            for is_judged, periods in ((False, run.periods.history), (True, run.periods.judged))
            for one in periods
        ]
        columns = [list(column) for column in zip(*noted, strict=True)] or [[], [], []]
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE windows AS SELECT unnest(?::INTEGER[]) AS _as_of, "
            "unnest(?::TIMESTAMP[]) AS _period, unnest(?::BOOLEAN[]) AS _is_judged",
            columns,
        )

    def _counts(self, value: str) -> str:
        """The table of how many rows of each period have which `value` (SQL)."""
        if value not in self._counted:
            table = self._counted[value] = f"counts_{len(self._counted)}"
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT _period, {value} AS v, count(*) AS n "
                f"FROM rows_of_mart WHERE {value} IS NOT NULL GROUP BY ALL"
            )
        return self._counted[value]

    def _by_itself(self, shape: Shape) -> dict[Period, Raw]:
        key = f"{shape.measure.name} of {shape.value}"  # copies may be asked of other columns
        if key not in self._alone:
            sql = shape.sql(_SEEN_BY_ITSELF.format(value=shape.value))
            self._alone[key], _ = by_run(self._connection, sql).get(0, ({}, {}))
        return self._alone[key]


def _split(periods: Periods, raw: Mapping[Period, Raw]) -> Measured:
    history, judged = (
        {one: raw[one] for one in some if one in raw} for some in (periods.history, periods.judged)
    )
    return history, judged


def _usual_sets(
    connection: duckdb.DuckDBPyConnection, relation: str, column: str, as_of: Sequence[Period]
) -> list[UsualSet]:
    """The usual measures of the rows before each of these periods."""
    types = column_types(connection, relation)
    rows = _growing(connection, "SELECT _period AS first, count(*) AS n FROM rows_of_mart GROUP BY _period")
    different = {
        name: _growing(
            connection,
            f"SELECT first, count(*) AS n FROM (SELECT min(_period) AS first FROM rows_of_mart "
            f"WHERE {quoted(name)} IS NOT NULL GROUP BY {quoted(name)}) GROUP BY ALL",
        )
        for name in naming_columns(types, column)
    }
    sets = []
    for one in as_of:
        known = {name: up_to.before(one) for name, up_to in different.items()}
        sets.append(usual_set_of(types, column, known, rows.before(one)))
    return sets


@dataclass(frozen=True)
class _Growing:
    """A number that grows from period to period."""

    periods: list[Period]
    numbers: list[int]

    def before(self, period: Period) -> int:
        place = bisect_left(self.periods, period)
        return self.numbers[place - 1] if place else 0


def _growing(connection: duckdb.DuckDBPyConnection, sql: str) -> _Growing:
    """What `sql` adds (`n`) in each period (`first`), added up."""
    rows = connection.execute(f"SELECT first, n FROM ({sql}) ORDER BY first").fetchall()
    return _Growing([first for first, _ in rows], list(accumulate(n for _, n in rows)))
