"""Measures of how the values of a column are spread over the rows of a period, as SQL.

A query reads the relations `history` and `judged`: the rows of a mart with their period as `_period`. What is
judged never counts in what it is compared with. Each gives the columns _is_judged, _period, part, whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.core.duckdb_file import quoted


def largest(column: str) -> str:
    """The rows of the value that has most of them, of all rows with a value."""
    return f"""
WITH {_counts(quoted(column))}
SELECT _is_judged, _period, max(n) AS part, sum(n) AS whole FROM counts GROUP BY ALL
"""


def outside(column: str) -> str:
    """The rows with a number less than half the history's first percentile, or more than twice its last; of
    all rows with a number above 0."""
    name = quoted(column)
    return f"""
WITH edges AS (
    SELECT quantile_cont({name}::double, [0.01, 0.99]) AS edge FROM history WHERE {name} > 0
)
SELECT
    _is_judged, _period,
    count(*) FILTER ({name} < edge[1] / 2 OR {name} > edge[2] * 2) AS part,
    count(*) AS whole
FROM {_ROWS}, edges
WHERE {name} > 0
GROUP BY ALL
"""


def new(column: str) -> str:
    """The rows with a value that no earlier period of the history has, of all rows with a value."""
    return f"""
WITH {_counts(quoted(column))},
known AS (SELECT v, min(_period) AS first FROM counts WHERE NOT _is_judged GROUP BY v)
SELECT
    _is_judged, _period,
    sum(n) FILTER (first IS NULL OR (NOT _is_judged AND first = _period)) AS part,
    sum(n) AS whole
FROM counts LEFT JOIN known USING (v)
GROUP BY ALL
"""


def mix(value: str) -> str:
    """How far the shares of the values of `value` (SQL) lie from those of the whole history: half the sum of
    the differences (total variation), less what chance alone makes of it, times the rows."""
    return f"""
WITH {_counts(value)},
usual AS (SELECT v, sum(n) AS n FROM counts WHERE NOT _is_judged GROUP BY v),
vals AS (SELECT DISTINCT v FROM counts),
expected AS (
    SELECT v, coalesce(usual.n, 0) / (SELECT sum(n) FROM usual) AS p FROM vals LEFT JOIN usual USING (v)
),
periods AS (SELECT _is_judged, _period, sum(n) AS whole FROM counts GROUP BY ALL)
SELECT
    _is_judged, _period,
    (0.5 * sum(abs(coalesce(counts.n, 0) / whole - p))
        - 0.5 * sum(sqrt(2 * p * (1 - p) / (pi() * whole)))) * any_value(whole) AS part,
    any_value(whole) AS whole
FROM periods
CROSS JOIN expected
LEFT JOIN counts USING (_is_judged, _period, v)
GROUP BY ALL
"""


def copies(columns: Sequence[str]) -> str:
    """The rows that equal another of their period in all of `columns`, but for one of each."""
    same = f"hash({', '.join(map(quoted, columns))})"
    return f"""
SELECT _is_judged, _period, count(*) - count(DISTINCT {same}) AS part, count(*) AS whole
FROM {_ROWS} GROUP BY ALL
"""


_ROWS = (
    "(SELECT *, false AS _is_judged FROM history UNION ALL BY NAME SELECT *, true AS _is_judged FROM judged)"
)


def _counts(value: str) -> str:
    return f"""counts AS (
    SELECT _is_judged, _period, {value} AS v, count(*) AS n FROM {_ROWS}
    WHERE {value} IS NOT NULL GROUP BY ALL
)"""
