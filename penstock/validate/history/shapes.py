"""Measures of how the values of a column are spread over the rows of a period, as SQL.

A query reads a relation of counts: how many rows `n` of `_period` have the value `v`, `_is_judged` or
published, whether others are compared with them (`_in_norm`), and as of which run that is asked (`_as_of`, a
number: the gate asks of one run, a back-test of many). What is judged never counts in what it is compared
with. Each gives the columns _as_of, _is_judged, _period, part, whole.
"""

from __future__ import annotations


def largest(counts: str) -> str:
    """The rows of the value that has most of them, of all rows with a value."""
    return f"""
SELECT _as_of, _is_judged, _period, max(n) AS part, sum(n) AS whole FROM ({counts}) GROUP BY ALL
"""


def copies(counts: str) -> str:
    """The rows that equal another of their period, but for one of each."""
    return f"""
SELECT _as_of, _is_judged, _period, sum(n) - count(*) AS part, sum(n) AS whole FROM ({counts}) GROUP BY ALL
"""


def outside(counts: str) -> str:
    """The rows with a value less than half the first percentile of the history's values, or more than twice
    their last."""
    return f"""
WITH counts AS MATERIALIZED ({counts}),
edges AS (SELECT _as_of, quantile_cont(v, [0.01, 0.99]) AS edge FROM counts WHERE _in_norm GROUP BY ALL)
SELECT
    _as_of, _is_judged, _period,
    sum(n) FILTER (v < edge[1] / 2 OR v > edge[2] * 2) AS part,
    sum(n) AS whole
FROM counts INNER JOIN edges USING (_as_of)
GROUP BY ALL
"""


def new(counts: str) -> str:
    """The rows with a value that no earlier period of the history has, of all rows with a value."""
    return f"""
WITH counts AS MATERIALIZED ({counts}),
known AS (SELECT _as_of, v, min(_period) AS first FROM counts WHERE _in_norm GROUP BY ALL)
SELECT
    _as_of, _is_judged, _period,
    sum(n) FILTER (first IS NULL OR (_in_norm AND first = _period)) AS part,
    sum(n) AS whole
FROM counts LEFT JOIN known USING (_as_of, v)
GROUP BY ALL
"""


def mix(counts: str) -> str:
    """How far the shares of the values lie from those of the whole history: half the sum of the differences
    (total variation), less what chance alone makes of it, times the rows."""
    return f"""
WITH counts AS MATERIALIZED ({counts}),
usual AS (SELECT _as_of, v, sum(n) FILTER (_in_norm) AS n FROM counts GROUP BY ALL),
expected AS (SELECT _as_of, v, coalesce(n, 0) / sum(n) OVER (PARTITION BY _as_of) AS p FROM usual),
periods AS (SELECT _as_of, _is_judged, _period, sum(n) AS whole FROM counts GROUP BY ALL)
SELECT
    _as_of, _is_judged, _period,
    (0.5 * sum(abs(coalesce(counts.n, 0) / whole - p))
        - 0.5 * sum(sqrt(2 * p * (1 - p) / (pi() * whole)))) * any_value(whole) AS part,
    any_value(whole) AS whole
FROM periods
JOIN expected USING (_as_of)
LEFT JOIN counts USING (_as_of, _is_judged, _period, v)
GROUP BY ALL
"""
