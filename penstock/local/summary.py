"""What a run did, read from the files that it left, not from what anybody said in a log."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from penstock.core.build_record import Build, NodeCounts, read_builds
from penstock.core.duckdb_file import open_duckdb, quoted
from penstock.core.errors import PenstockError
from penstock.core.settings import Settings
from penstock.core.verdict import Counts, Problem, read_verdict
from penstock.local.produce import Produced
from penstock.publish.ledger import Publication, read_ledger

_TOP = 6  # reasons shown


@dataclass(frozen=True)
class Landed:
    """What became of the events that this run produced. `reasons` has the most frequent ones first; an event
    with two reasons counts in both. `copies` of the landed rows repeat an event_id that landed before them.
    `from_before` counts events of earlier producers that landed or were rejected in this run, too."""

    landed: int
    rejected: int
    copies: int
    reasons: list[dict[str, Any]]
    from_before: int


@dataclass(frozen=True)
class Summary:
    """A run from produced events to published marts. Counts are events, rows, models, checks."""

    run_id: str
    source: str
    produced: int
    landed: int
    rejected: int
    copies: int
    reasons: list[dict[str, Any]]
    from_before: int
    dirt: dict[str, int] | None
    duplicates: int | None
    dbt: NodeCounts
    checks: Counts
    problems: tuple[Problem, ...]
    action: str
    version: int
    changed_marts: list[str]
    marts: dict[str, int]
    complete_until: dt.datetime | None
    marts_file: Path
    docs: Path


def summarise(
    settings: Settings, *, pipeline: str, stream: str, run_id: str, source: str, produced: Produced
) -> Summary:
    """Read the figures of a finished run. Raises PenstockError where they do not add up: every event that was
    produced must have landed once or be a reject, and every deliberate fault must be among the rejects."""
    landed = landed_of(settings, stream, run_id, produced.places)
    compare(produced, landed)
    verdict = read_verdict(settings.verdict_file(pipeline))
    (build,) = _builds(settings, pipeline)
    if verdict is None:
        raise PenstockError(f"{settings.verdict_file(pipeline)}: no such file", fix="look at the run's log")
    publication = _publication(settings, pipeline, run_id)
    return Summary(
        run_id=run_id,
        source=source,
        produced=produced.count,
        landed=landed.landed,
        rejected=landed.rejected,
        copies=landed.copies,
        reasons=landed.reasons,
        from_before=landed.from_before,
        dirt=produced.dirt,
        duplicates=produced.duplicates,
        dbt=build.dbt,
        checks=verdict.checks,
        problems=verdict.problems,
        action=publication.action,
        version=publication.version,
        changed_marts=publication.changed_marts,
        marts={name: mart.rows for name, mart in publication.marts.items()},
        complete_until=publication.complete_until,
        marts_file=settings.marts_link(pipeline),
        docs=verdict.docs,
    )


def landed_of(settings: Settings, stream: str, run_id: str, places: dict[int, tuple[int, int]]) -> Landed:
    """What the landing file holds of the events at `places` (partition → offsets) of the newest topic."""
    table = f"raw.{quoted(stream)}"
    with closing(open_duckdb(settings.landing_file(stream), read_only=True)) as connection:
        connection.execute("CREATE TEMP TABLE places (place INTEGER, first BIGINT, beyond BIGINT)")
        if places:
            rows = [(partition, first, beyond) for partition, (first, beyond) in places.items()]
            connection.executemany("INSERT INTO places VALUES (?, ?, ?)", rows)
        connection.execute("""
            CREATE TEMP VIEW ours AS
            SELECT * FROM raw.rejects JOIN places
            ON "partition" = place AND "offset" >= first AND "offset" < beyond
            WHERE epoch = (SELECT max(epoch) FROM raw.topics)
        """)
        landed, copies = _one(
            connection,
            f"""
            SELECT count(*), count(*) FILTER (WHERE is_copy) FROM (
                SELECT *, row_number() OVER (
                    PARTITION BY event_id ORDER BY _commit, _kafka_partition, _offset
                ) > 1 AS is_copy
                FROM {table}
            ) JOIN places ON _kafka_partition = place AND _offset >= first AND _offset < beyond
            WHERE _epoch = (SELECT max(epoch) FROM raw.topics)
            """,
        )
        (rejected,) = _one(connection, "SELECT count(*) FROM ours")
        reasons = connection.execute(f"""
            SELECT reason.field, reason.rule, count(*)
            FROM (SELECT unnest(reasons) AS reason FROM ours)
            GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT {_TOP}
        """).fetchall()
        (in_run,) = _one(
            connection,
            "SELECT coalesce(sum(landed + rejected), 0)::BIGINT FROM raw.commits WHERE run_id = ?",
            [run_id],
        )
    return Landed(
        landed=landed,
        rejected=rejected,
        copies=copies,
        reasons=[{"field": field, "rule": rule, "count": count} for field, rule, count in reasons],
        from_before=max(in_run - landed - rejected, 0),
    )


def taste(file: Path, mart: str, order_by: str, rows: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and the first `rows` rows of a published mart, largest `order_by` first."""
    with closing(open_duckdb(file, read_only=True)) as connection:
        found = connection.execute(
            f"SELECT * FROM {quoted(mart)} ORDER BY {quoted(order_by)} DESC, 1 LIMIT {rows}"
        )
        return [column[0] for column in found.description or []], found.fetchall()


def compare(produced: Produced, landed: Landed) -> None:
    """Raise PenstockError where an event was lost or doubled, or a deliberate fault passed."""
    there = sum(beyond - first for first, beyond in produced.places.values())
    found = landed.landed + landed.rejected
    if found != there:
        raise PenstockError(
            f"{there:,} events were produced, but {found:,} found: {landed.landed:,} landed, "
            f"{landed.rejected:,} were rejected",
            fix="this must never happen: keep the data folder and report it",
        )
    dirty = sum((produced.dirt or {}).values())
    if produced.dirt is not None and landed.rejected != dirty and there == produced.count:
        raise PenstockError(f"{dirty:,} events were spoilt on purpose, but {landed.rejected:,} were rejected")
    if produced.duplicates is not None and landed.copies < produced.duplicates:
        raise PenstockError(
            f"{produced.duplicates:,} events were sent twice, but only {landed.copies:,} copies landed"
        )


def _builds(settings: Settings, pipeline: str) -> list[Build]:
    with closing(open_duckdb(settings.warehouse_file(pipeline), read_only=True)) as connection:
        return read_builds(connection)


def _publication(settings: Settings, pipeline: str, run_id: str) -> Publication:
    """This run's row of the ledger; the newest one where this run published nothing (on hold)."""
    ledger = read_ledger(settings.marts_link(pipeline))
    return next((row for row in reversed(ledger) if row.run_id == run_id), ledger[-1])


def _one(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None) -> tuple[Any, ...]:
    row = connection.execute(sql, values).fetchone()
    if row is None:
        raise PenstockError(f"no row where one must be: {' '.join(sql.split())[:120]}")
    return row
