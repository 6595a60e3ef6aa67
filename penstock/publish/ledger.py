"""The ledger `_penstock.publications`: one row per publication, carried whole into each new file."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from penstock.core.duckdb_file import duckdb_errors_as, literal, open_duckdb, quoted
from penstock.core.errors import PublishError

Action = Literal["publish", "refresh", "rollback", "resume"]


@dataclass(frozen=True)
class PublishedMart:
    """One mart in one publication. `changed`: against the publication before."""

    rows: int
    fingerprint: str
    changed: bool


@dataclass(frozen=True)
class Publication:
    """One row of the ledger. Times have the zone UTC."""

    seq: int
    version: int
    action: Action
    run_id: str
    build_id: str
    published_at: dt.datetime
    code_version: str
    code_dirty: bool
    declarations_hash: str
    inputs: list[dict[str, Any]]
    complete_until: dt.datetime | None
    marts: dict[str, PublishedMart]
    checks: dict[str, int]
    done_by: str | None = None
    why: str | None = None

    @property
    def changed_marts(self) -> list[str]:
        """The marts whose columns or rows differ from the publication before."""
        return [name for name, mart in self.marts.items() if mart.changed]


# Name, type, comment. Times are UTC without a zone, which BI tools and old clients read alike.
_COLUMNS = (
    ("seq", "BIGINT NOT NULL", "Number of the publication. Never used twice."),
    ("version", "BIGINT NOT NULL", "Number of the content: it grows only when a mart changed."),
    ("action", "VARCHAR NOT NULL", "publish (new content), refresh (no mart changed), rollback or resume."),
    ("run_id", "VARCHAR NOT NULL", "The run that published; Airflow's run id in a DAG."),
    ("build_id", "VARCHAR NOT NULL", "The build that the content comes from, as the gate judged it."),
    ("published_at", "TIMESTAMP NOT NULL", "When it was published. Time zone: UTC."),
    (
        "code_version",
        "VARCHAR NOT NULL",
        "Penstock's version and the project's commit that built the content.",
    ),
    ("code_dirty", "BOOLEAN NOT NULL", "Whether the project had uncommitted changes at the build."),
    (
        "declarations_hash",
        "VARCHAR NOT NULL",
        "SHA-256 over the files that declare the pipeline, at the build.",
    ),
    (
        "inputs",
        "JSON NOT NULL",
        "Per stream and partition the offsets that the content adds to the publication before: from_offset "
        "(0: from the first) up to, but without, next_offset; but for commits that are in quarantine.",
    ),
    (
        "complete_until",
        "TIMESTAMP",
        "All events up to then are in the content, rejected, or in quarantine. Time zone: UTC.",
    ),
    ("marts", "JSON NOT NULL", "Per mart: rows, fingerprint of columns and rows, changed or not."),
    ("checks", "JSON NOT NULL", "How many checks of the gate passed, warned, failed."),
    ("done_by", "VARCHAR", "Who rolled back or resumed."),
    ("why", "VARCHAR", "Why, in that person's words."),
)
_FORMER_NAMES = {"by": "done_by"}  # `by` is a reserved word, for example in Snowflake
_JSON_COLUMNS = frozenset(name for name, kind, _ in _COLUMNS if kind.startswith("JSON"))


def write_ledger(connection: duckdb.DuckDBPyConnection, ledger: list[Publication]) -> None:
    """Create `_penstock.publications` anew in the database in use, with these rows."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS _penstock")
    connection.execute("DROP TABLE IF EXISTS _penstock.publications")
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind, _ in _COLUMNS)
    connection.execute(f"CREATE TABLE _penstock.publications ({columns})")
    comment = "The ledger: every publication of this pipeline up to the one in this file, which is the last."
    connection.execute(f"COMMENT ON TABLE _penstock.publications IS {literal(comment)}")
    for name, _, text in _COLUMNS:
        connection.execute(f"COMMENT ON COLUMN _penstock.publications.{quoted(name)} IS {literal(text)}")
    # As one list per column: row by row, the history of a year would take seconds.
    lists = ", ".join(f"unnest(CAST(? AS {kind.split()[0]}[]))" for _, kind, _ in _COLUMNS)
    rows = [_as_row(publication) for publication in ledger]
    connection.execute(
        f"INSERT INTO _penstock.publications SELECT {lists}",
        [[row[name] for row in rows] for name, _, _ in _COLUMNS],
    )


def read_ledger(file: Path, *, wait: float = 30.0) -> list[Publication]:
    """The ledger in a published file, oldest row first; also of a file that an older Penstock made.

    Raises PublishError for a file without a ledger, or with one that we do not know; BusyError where another
    process still holds it after `wait` seconds.
    """
    with closing(open_duckdb(file, read_only=True, wait=wait)) as connection:
        with duckdb_errors_as(
            PublishError,
            f"{file}: its ledger cannot be read",
            fix="put a published file, or a copy of one, in its place",
            where=file,
        ):
            found = connection.execute("SELECT * FROM _penstock.publications ORDER BY seq")
        names = [_FORMER_NAMES.get(column[0], column[0]) for column in found.description or ()]
        rows = found.fetchall()
    if set(names) != {name for name, _, _ in _COLUMNS}:
        raise PublishError(
            f"{file}: its ledger is not one of this Penstock: it has the columns {', '.join(names)}",
            fix="use the Penstock that wrote it, or a newer one",
            where=file,
        )
    return [_from_row(dict(zip(names, row, strict=True))) for row in rows]


def on_hold(ledger: list[Publication]) -> bool:
    """Whether the pipeline publishes nothing because it was rolled back and not resumed."""
    return bool(ledger) and ledger[-1].action == "rollback"


def next_version(ledger: list[Publication]) -> int:
    """The number of the next new content: one that no content has had."""
    return 1 + max((row.version for row in ledger), default=0)


def version_before(ledger: list[Publication]) -> int | None:
    """The different version that was served before the one served now; None where there is none.

    A version that was rolled back is not "before": of 1, 2, 3, rollback to 2, then 4, the one before 4 is 2.
    """
    served: list[int] = []
    for row in ledger:
        if row.version in served:
            del served[served.index(row.version) + 1 :]
        else:
            served.append(row.version)
    return served[-2] if len(served) > 1 else None


def _as_row(publication: Publication) -> dict[str, Any]:
    row = dataclasses.asdict(publication)
    for name in _JSON_COLUMNS:
        row[name] = json.dumps(row[name])
    for name in ("published_at", "complete_until"):
        row[name] = row[name] and row[name].astimezone(dt.UTC).replace(tzinfo=None)
    return row


def _from_row(row: dict[str, Any]) -> Publication:
    for name in _JSON_COLUMNS:
        row[name] = json.loads(row[name])
    for name in ("published_at", "complete_until"):
        row[name] = row[name] and row[name].replace(tzinfo=dt.UTC)
    row["marts"] = {name: PublishedMart(**mart) for name, mart in row["marts"].items()}
    return Publication(**row)
