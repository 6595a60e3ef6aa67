"""Rejects of a kind that suddenly come: a producer changed something, and most of its events may still pass.

A reason's rejects of one run are compared with those of the commits before it. They are sudden where they are
many (`_FEWEST`), several times as many as usual, and more than chance makes: twice the difference of the
square roots of two counts has a standard deviation of about 1 (Anscombe).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import duckdb

from penstock.ingest.check.tombstones import TOMBSTONE

_LOOKED_BACK = 200  # commits: so that the work does not grow with the history
_FEWEST_BEFORE = 1000  # events: of fewer nobody knows what is usual
_FEWEST, _TIMES, _FAR = 10, 5, 4


@dataclass(frozen=True)
class SuddenRejects:
    """`count` events of this run broke a rule, `usual` are expected of so many events; the first lies at
    `partition` and `offset`. `field` is None for a reason of the event as a whole."""

    field: str | None
    rule: str
    count: int
    usual: float
    partition: int
    offset: int

    def __str__(self) -> str:
        usual = "none" if self.usual < 0.5 else f"{self.usual:.0f}"
        return (
            f"suddenly {self.field or 'the whole event'}: {self.rule} {self.count} times, usual is {usual}; "
            f"the first at partition {self.partition}, offset {self.offset}"
        )


def sudden_rejects(connection: duckdb.DuckDBPyConnection, run_id: str) -> tuple[SuddenRejects, ...]:
    """Of an open landing file: the reasons that came suddenly with the run, the most frequent one first."""
    first, last, events = _one_row(
        connection,
        'SELECT min("commit"), max("commit"), sum(landed + rejected) FROM raw.commits '
        "WHERE run_id = ? AND kind = 'batch'",
        [run_id],
    )
    if first is None:
        return ()
    since, events_before = _one_row(
        connection,
        'SELECT min("commit"), coalesce(sum(landed + rejected), 0) FROM ('
        "FROM raw.commits WHERE \"commit\" < ? AND kind = 'batch' "
        f'ORDER BY "commit" DESC LIMIT {_LOOKED_BACK})',
        [first],
    )
    if events_before < _FEWEST_BEFORE:
        return ()
    rows = connection.execute(
        'SELECT reason.field, reason."rule", '
        'count(*) FILTER ("commit" >= $first) AS now, count(*) FILTER ("commit" < $first) AS before, '
        'arg_min("partition", ("commit", "offset")) FILTER ("commit" >= $first), '
        'arg_min("offset", ("commit", "offset")) FILTER ("commit" >= $first) '
        'FROM (SELECT "commit", "partition", "offset", unnest(reasons) AS reason FROM raw.rejects '
        'WHERE "commit" BETWEEN $since AND $last) GROUP BY ALL ORDER BY now DESC, 1, 2',
        {"first": first, "last": last, "since": since},
    ).fetchall()
    found = [
        SuddenRejects(name, rule, now, before * events / events_before, partition, offset)
        for name, rule, now, before, partition, offset in rows
        if rule != TOMBSTONE
    ]
    return tuple(one for one in found if _is_sudden(one))


def _is_sudden(rejects: SuddenRejects) -> bool:
    far = 2 * (math.sqrt(rejects.count) - math.sqrt(rejects.usual))
    return rejects.count >= _FEWEST and rejects.count > _TIMES * rejects.usual and far > _FAR


def _one_row(connection: duckdb.DuckDBPyConnection, sql: str, values: list[object]) -> tuple[Any, ...]:
    row = connection.execute(sql, values).fetchone()
    assert row is not None
    return row
