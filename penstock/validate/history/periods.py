"""Which periods of a candidate are new or have changed, and which published ones they are compared with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import duckdb

from penstock.core.duckdb_file import literal, quoted

LENGTHS = {"hour": dt.timedelta(hours=1), "day": dt.timedelta(days=1)}
Period = dt.datetime  # its first instant, in UTC, without a zone
Fingerprint = tuple[int, int]  # of a period: its rows, and a number that is another one where they are others

_MOST_JUDGED = 366  # of more, as after a change of the model, the newest


@dataclass(frozen=True)
class Periods:
    """`judged`: of the candidate, new or changed since the last publication, and near to what is published.
    `history`: published periods, without those that are left out or rejected; `rejected`: published periods
    that are, and are judged again. `far`: of the candidate, new, and further from all published ones than the
    window is long. `newest`: the last judged one, which may not be over."""

    judged: tuple[Period, ...]
    history: tuple[Period, ...]
    rejected: tuple[Period, ...]
    far: tuple[Period, ...]
    newest: Period | None
    rows_before: dict[Period, int]  # of published periods
    rows_now: dict[Period, int]  # of the candidate's


def find_periods(
    connection: duckdb.DuckDBPyConnection,
    candidate: str,
    published: str,
    column: str,
    *,
    period: str,
    window: int,
    left_out: Collection[Period],
    rejected: Collection[Period],
) -> Periods:
    """Compare `candidate` with `published` (SQL of tables), period by period, by the time in `column`.

    A period has changed where the rows have, in the columns that both know.
    """
    shared = _columns(connection, published).keys() & _columns(connection, candidate).keys()
    now = fingerprints(connection, candidate, column, period, sorted(shared))
    before = fingerprints(connection, published, column, period, sorted(shared))
    return choose(now, before, period=period, window=window, left_out=left_out, rejected=rejected)


def choose(
    now: Mapping[Period, Fingerprint],
    before: Mapping[Period, Fingerprint],
    *,
    period: str,
    window: int,
    left_out: Collection[Period],
    rejected: Collection[Period],
) -> Periods:
    """What is judged of the periods of a candidate (`now`), and by which of the published ones (`before`).

    `left_out`: periods that somebody declared to be exceptional; they are not judged, and nothing is compared
    with them. `rejected`: those of which somebody said that their data are bad; they are judged.
    """
    length, reach = LENGTHS[period], window * LENGTHS[period]
    if not before:
        return Periods((), (), (), (), None, {}, {})
    first, last = min(before), max(before)
    changed = [one for one in sorted(now) if now[one] != before.get(one) and one not in left_out]
    near = [one for one in changed if first - reach <= one <= last + reach]
    newest = max(near, default=None)
    if newest is not None:  # a period in which nothing came is one, too, once a later one has begun
        silent = [one for one in _between(last, newest, length) if one not in now and one not in left_out]
        near = sorted([*near, *silent])
    judged = near[-_MOST_JUDGED:]
    compared = [one for one in before if judged and judged[0] - reach <= one <= judged[-1] + reach]
    history: list[Period] = []
    if compared:
        history = [min(compared), *_between(min(compared), max(compared) + length, length)]
    return Periods(
        judged=tuple(judged),
        history=tuple(one for one in history if one not in left_out and one not in rejected),
        rejected=tuple(one for one in judged if one in before and one in rejected),
        far=tuple(one for one in changed if one not in near),
        newest=newest,
        rows_before={one: rows for one, (rows, _) in before.items()},
        rows_now={one: rows for one, (rows, _) in now.items()},
    )


def rows_of(relation: str, column: str, period: str, periods: Collection[Period] | None = None) -> str:
    """SQL of the rows of `relation`, of all periods or of these, with their period as `_period`."""
    if periods is None:
        return f"SELECT *, {_start(column, period)} AS _period FROM {relation} WHERE {_readable(column)}"
    bounds = f"{quoted(column)} >= TIMESTAMP {literal(str(min(periods)))}" if periods else "false"
    start = _start(column, period)
    inside = f"{start} IN ({listed(periods) or 'NULL'})"
    return f"SELECT *, {start} AS _period FROM {relation} WHERE {bounds} AND {inside}"


def listed(periods: Iterable[Period]) -> str:
    """SQL of a list of periods."""
    return ", ".join(f"TIMESTAMP {literal(str(one))}" for one in periods)


def _readable(column: str) -> str:
    return f"{quoted(column)} BETWEEN '0001-01-01' AND '9999-12-31'"  # Python's years


def _start(column: str, period: str) -> str:
    return f"date_trunc({literal(period)}, {quoted(column)}::TIMESTAMP)::TIMESTAMP"


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {relation}").fetchall()}


def fingerprints(
    connection: duckdb.DuckDBPyConnection, relation: str, column: str, period: str, columns: list[str]
) -> dict[Period, Fingerprint]:
    """By period, how many rows it has, and a number that is another one where they are others."""
    start, all_of_row = _start(column, period), ", ".join(map(quoted, columns))
    return {
        one: (rows, number)
        for one, rows, number in connection.execute(
            f"SELECT {start}, count(*), bit_xor(hash({all_of_row})) FROM {relation} "
            f"WHERE {_readable(column)} GROUP BY ALL"
        ).fetchall()
    }


def _between(first: Period, last: Period, length: dt.timedelta) -> list[Period]:
    """All periods after `first` and before `last`."""
    periods, one = [], first + length
    while one < last:
        periods.append(one)
        one += length
    return periods
