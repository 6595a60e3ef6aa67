"""The measures of a mart, by period: what its SQL gives for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from penstock.core.duckdb_file import quoted
from penstock.validate.history import shapes
from penstock.validate.history.measures import NEW_KEYS, SHARES, Measure, Raw, of_distance, of_share
from penstock.validate.history.periods import Period
from penstock.validate.history.usual_set import UsualSet

Measured = tuple[dict[Period, Raw], dict[Period, Raw]]  # of what is published, and of what is judged

_SEEN_BY_THE_GATE = """
SELECT 0 AS _as_of, _is_judged, _in_norm, _period, {value} AS v, count(*) AS n FROM (
    SELECT *, false AS _is_judged FROM history
    UNION ALL BY NAME SELECT *, true AS _is_judged, false AS _in_norm FROM judged
) WHERE {value} IS NOT NULL GROUP BY ALL
"""


@dataclass(frozen=True)
class Shape:
    """A measure of how the values of `value` (SQL) are spread: `sql` of their counts (`shapes.py`). Does it
    compare a period with others (`of_history`)?"""

    measure: Measure
    value: str
    sql: Callable[[str], str]
    of_history: bool


def measured(
    connection: duckdb.DuckDBPyConnection, measures: UsualSet, period_column: str, *, by_hours: bool
) -> Iterator[tuple[Measure, Measured]]:
    """Each measure of the relations `history` and `judged`: the rows of a mart with their period as
    `_period`, and those of `history` with `_in_norm`: is anything compared with them? `by_hours`: also how
    the rows lie over the hours of the day."""
    history, judged = (
        simple_measures(connection, f"FROM {relation}", measures.simple) for relation in ("history", "judged")
    )
    for measure in measures.simple:
        yield measure, (history[measure.name], judged[measure.name])
    for shape in shapes_of(measures, period_column, by_hours=by_hours):
        seen = _SEEN_BY_THE_GATE.format(value=shape.value)
        yield shape.measure, by_run(connection, shape.sql(seen)).get(0, ({}, {}))


def simple_measures(
    connection: duckdb.DuckDBPyConnection, rows: str, measures: Sequence[Measure]
) -> dict[str, dict[Period, Raw]]:
    """By measure and period, what the SQL of each gives for `rows`: SQL from FROM on."""
    aggregates = [sql for measure in measures for sql in measure.sql.values()]
    found = connection.execute(f"SELECT _period, {', '.join(aggregates)} {rows} GROUP BY ALL").fetchall()
    raw: dict[str, dict[Period, Raw]] = {}
    start = 1
    for measure in measures:
        places = dict(zip(measure.sql, range(start, start + len(measure.sql)), strict=True))
        raw[measure.name] = {row[0]: {alias: number(row[n]) for alias, n in places.items()} for row in found}
        start += len(measure.sql)
    return raw


def shapes_of(measures: UsualSet, period_column: str, *, by_hours: bool) -> Iterator[Shape]:
    """The measures of how values are spread."""
    for name in measures.decimals:
        outside = of_share(f"outside({name})", name, adds_up=True, only_more=True)
        positive = f"CASE WHEN {quoted(name)} > 0 THEN {quoted(name)}::double END"
        yield Shape(outside, positive, shapes.outside, of_history=True)
    for name in measures.keys:
        most = of_share(f"largest({name})", name, adds_up=False, only_more=True)
        yield Shape(most, quoted(name), shapes.largest, of_history=False)
    for name in (*measures.texts, *measures.known_keys):
        limits = NEW_KEYS if name in measures.keys else SHARES
        new = of_share(f"new({name})", name, adds_up=True, only_more=True, limits=limits)
        yield Shape(new, quoted(name), shapes.new, of_history=True)
    for name in measures.mixes:
        yield Shape(of_distance(f"mix({name})", name), quoted(name), shapes.mix, of_history=True)
    if measures.copies:
        same = f"hash({', '.join(map(quoted, measures.copies))})"
        copies = of_share("copies", None, adds_up=True, only_more=True)
        yield Shape(copies, same, shapes.copies, of_history=False)
    if by_hours:
        hours = of_distance("hours", period_column, of_whole_period=True)
        yield Shape(hours, f"hour({quoted(period_column)})", shapes.mix, of_history=True)


def by_run(connection: duckdb.DuckDBPyConnection, sql: str) -> Mapping[int, Measured]:
    """What the SQL of a shape gives, by the run as of which it was asked."""
    found: dict[int, Measured] = {}
    for as_of, is_judged, period, part, whole in connection.execute(
        f"SELECT _as_of, _is_judged, _period, part, whole FROM ({sql})"
    ).fetchall():
        raw = {"part": number(part), "whole": number(whole)}
        found.setdefault(as_of, ({}, {}))[is_judged][period] = raw
    return found


def number(value: object) -> float | None:
    """A number as DuckDB gives it, as Python calculates with it."""
    return None if value is None else float(value)  # type: ignore[arg-type]
