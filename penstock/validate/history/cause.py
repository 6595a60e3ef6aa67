"""What changed with a finding: the value of another column that explains most of it.

Of a number or a share: without which rows would it be usual? Of rows: of which value are there more, or
fewer? Of the values of a column: which one? Asked of the relations `history` and `judged` (`comparison.py`),
and only where something was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import duckdb

from penstock.core.duckdb_file import quoted
from penstock.validate.history.findings import Finding
from penstock.validate.history.measured import number
from penstock.validate.history.measures import Measure
from penstock.validate.history.periods import listed
from penstock.validate.history.scales import number_text
from penstock.validate.history.usual_set import UsualSet

_ASKED = 10  # findings, the heaviest
_TRIED = 10  # values of a column, the most frequent ones
_MOST = 0.5  # of a difference: less explains nothing
_MORE_THAN_USUAL = 0.2  # so much more of it than of all rows: or else all rows became more, or fewer
_LONGEST = 40  # characters of a value


def with_causes(
    connection: duckdb.DuckDBPyConnection, findings: Sequence[Finding], measures: UsualSet
) -> tuple[Finding, ...]:
    """The findings, of which the first know what changed with them."""
    by_name = {measure.name: measure for measure in measures.simple}
    asked = [
        replace(one, cause=_cause(connection, one, by_name.get(one.measure), measures))
        for one in findings[:_ASKED]
    ]
    return (*asked, *findings[_ASKED:])


def _cause(
    connection: duckdb.DuckDBPyConnection, finding: Finding, measure: Measure | None, measures: UsualSet
) -> str:
    periods = f"_period IN ({listed(finding.periods)})"
    if measure is None:
        return _value_of_shape(connection, finding, periods)
    if finding.level is None or finding.middle is None:
        return ""
    others = [*(text for text in measures.texts if text != finding.column), *measures.keys]
    if measure.is_volume:
        tried = [_of_rows(connection, column, periods, len(finding.periods)) for column in others]
        share, value = max((one for one in tried if one), default=(0.0, ""))
        return f"{number_text(100 * share)} % of the difference is {value}" if share >= _MOST else ""
    away = abs(finding.level - finding.middle)
    explained, text = max(
        (
            (1 - abs(without - finding.middle) / away, f"without {value} it is {measure.text(without)}")
            for column in others
            for value, without in _without(connection, measure, column, periods)
        ),
        default=(0.0, ""),
    )
    return text if explained >= _MOST else ""


def _of_rows(
    connection: duckdb.DuckDBPyConnection, column: str, periods: str, count: int
) -> tuple[float, str] | None:
    """The value that makes most of the difference between the rows of these `count` periods and as many usual
    ones, and which part of it."""
    name = quoted(column)
    rows = connection.execute(
        f"""
WITH now AS (SELECT {name} AS v, count(*) AS n FROM judged WHERE {periods} GROUP BY ALL),
usual AS (
    SELECT {name} AS v, {count} * count(*) / (SELECT count(DISTINCT _period) FROM history) AS n
    FROM history GROUP BY ALL
),
more AS (
    SELECT
        coalesce(now.v, usual.v) AS v,
        coalesce(now.n, 0) - coalesce(usual.n, 0) AS n,
        coalesce(usual.n, 0) / (SELECT sum(n) FROM usual) AS usual_part
    FROM now FULL JOIN usual ON now.v IS NOT DISTINCT FROM usual.v
)
SELECT coalesce(v::VARCHAR, 'null'), n / (SELECT sum(n) FROM more) AS part
FROM more
WHERE (SELECT sum(n) FROM more) <> 0 AND part > usual_part + {_MORE_THAN_USUAL}
ORDER BY part DESC, 1 LIMIT 1
"""
    ).fetchall()
    return (min(1.0, rows[0][1]), _named(column, rows[0][0])) if rows else None


def _without(
    connection: duckdb.DuckDBPyConnection, measure: Measure, column: str, periods: str
) -> Iterator[tuple[str, float]]:
    """Each of the most frequent values, with what the measure would be without its rows."""
    name = quoted(column)
    rows = connection.execute(
        f"""
WITH rows AS (SELECT * FROM judged WHERE {periods}),
tried AS (
    SELECT {name} AS _tried, count(*) / (SELECT count(*) FROM rows) AS _part
    FROM rows GROUP BY ALL ORDER BY _part DESC, 1 LIMIT {_TRIED}
)
SELECT coalesce(_tried::VARCHAR, 'null'), _part, {", ".join(measure.sql.values())}
FROM tried INNER JOIN rows ON {name} IS DISTINCT FROM _tried GROUP BY ALL
"""
    ).fetchall()
    for value, part, *raw in rows:
        numbers = {alias: number(one) for alias, one in zip(measure.sql, raw, strict=True)}
        if (read := measure.read(numbers)) is not None:
            yield f"{_named(column, value)} ({number_text(100 * part)} % of the rows)", read.value


def _value_of_shape(connection: duckdb.DuckDBPyConnection, finding: Finding, periods: str) -> str:
    """Of how a column's values are spread: the value that makes most of it."""
    kind, column = finding.measure.partition("(")[0], finding.column
    if column is None or kind not in ("largest", "new", "mix", "outside"):
        return ""
    name = quoted(column)
    now = f"FROM judged WHERE {periods} AND {name} IS NOT NULL"
    wanted = {
        "largest": f"SELECT {name} AS v, count(*) AS n {now} GROUP BY ALL",
        "new": f"SELECT {name} AS v, count(*) AS n {now} AND {name} NOT IN (SELECT {name} FROM history "
        f"WHERE {name} IS NOT NULL) GROUP BY ALL",
        "mix": f"""
SELECT v, abs(sum(n)) AS n FROM (
    SELECT {name} AS v, count(*) / sum(count(*)) OVER () AS n {now} GROUP BY ALL
    UNION ALL
    SELECT {name}, -count(*) / sum(count(*)) OVER () FROM history WHERE {name} IS NOT NULL GROUP BY ALL
) GROUP BY ALL""",
        "outside": f"SELECT {name} AS v, abs(ln({name}::double) - (SELECT avg(ln({name}::double)) "
        f"FROM history WHERE {name} > 0)) AS n {now} AND {name} > 0",
    }[kind]
    rows = connection.execute(f"SELECT v::VARCHAR FROM ({wanted}) ORDER BY n DESC, 1 LIMIT 1").fetchall()
    return f"most of it {_named(column, rows[0][0])}" if rows else ""


def _named(column: str, value: str) -> str:
    shown = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return f"{column} {shown!r}"
