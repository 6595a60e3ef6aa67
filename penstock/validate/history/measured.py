"""The measures of a mart, by period, of the relations `history` and `judged`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import duckdb

from penstock.core.duckdb_file import quoted
from penstock.validate.history import shapes
from penstock.validate.history.measures import Measure, Raw, of_distance, of_share
from penstock.validate.history.periods import Period
from penstock.validate.history.usual_set import UsualSet

Measured = tuple[dict[Period, Raw], dict[Period, Raw]]  # of the history, and of what is judged


def measured(
    connection: duckdb.DuckDBPyConnection, measures: UsualSet, period_column: str, *, by_hours: bool
) -> Iterator[tuple[Measure, Measured]]:
    """Each measure with what its SQL gives; `by_hours`: also how the rows lie over the hours of the day."""
    aliases = [
        (measure, alias, sql) for measure in measures.simple for alias, sql in measure.sql.items()
    ]  # fmt: skip
    aggregates = ", ".join(sql for _, _, sql in aliases)
    of_both: list[dict[Period, list[float | None]]] = []
    for relation in ("history", "judged"):
        rows = connection.execute(f"SELECT _period, {aggregates} FROM {relation} GROUP BY ALL").fetchall()
        of_both.append({period: [_number(value) for value in values] for period, *values in rows})
    for measure in measures.simple:
        places = {alias: n for n, (one, alias, _) in enumerate(aliases) if one is measure}
        history, judged = (_of_measure(part, places) for part in of_both)
        yield measure, (history, judged)
    for measure, sql in _spread(measures, period_column, by_hours=by_hours):
        parts: Measured = ({}, {})
        for is_judged, period, part, whole in connection.execute(
            f"SELECT _is_judged, _period, part, whole FROM ({sql})"
        ).fetchall():
            parts[is_judged][period] = {"part": _number(part), "whole": _number(whole)}
        yield measure, parts


def _of_measure(
    rows: Mapping[Period, Sequence[float | None]], places: Mapping[str, int]
) -> dict[Period, Raw]:
    """By period, what the SQL of one measure gives, of what that of all gives."""
    return {period: {alias: values[n] for alias, n in places.items()} for period, values in rows.items()}


def _spread(measures: UsualSet, period_column: str, *, by_hours: bool) -> Iterator[tuple[Measure, str]]:
    for column in measures.decimals:
        outside = of_share(f"outside({column})", column, adds_up=True, only_more=True)
        yield outside, shapes.outside(column)
    for column in measures.keys:
        largest = of_share(f"largest({column})", column, adds_up=False, only_more=True)
        yield largest, shapes.largest(column)
    for column in measures.texts:
        yield of_share(f"new({column})", column, adds_up=True, only_more=True), shapes.new(column)
    for column in measures.mixes:
        yield of_distance(f"mix({column})", column), shapes.mix(quoted(column))
    if measures.copies:
        yield of_share("copies", None, adds_up=True, only_more=True), shapes.copies(measures.copies)
    if by_hours:
        hours = of_distance("hours", period_column, of_whole_period=True)
        yield hours, shapes.mix(f"hour({quoted(period_column)})")


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]
