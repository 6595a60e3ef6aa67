"""`mart_status`, for BI: one row per mart, which says what is served and how fresh and sound it is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

from penstock.core.build_record import Build, Mart
from penstock.core.duckdb_file import literal, quoted
from penstock.core.verdict import Verdict

_TABLE_COMMENT = "What is served here: one row per mart. Penstock writes it with each publication."
_COLUMNS = (
    ("mart", "VARCHAR NOT NULL", "Name of the mart: a table of this file."),
    ("version", "BIGINT NOT NULL", "Version of the content. It grows only when a mart changed."),
    ("published_at", "TIMESTAMP NOT NULL", "When this file was published. Time zone: UTC."),
    (
        "complete_until",
        "TIMESTAMP",
        "All events that the broker had by then are in the marts, or rejected, or in quarantine. Time zone: "
        "UTC.",
    ),
    (
        "newest_event_at",
        "TIMESTAMP",
        "The newest time in the mart: the largest value of all its TIMESTAMP columns; NULL where it has none "
        "or no rows. Not a measure of freshness: complete_until is. Time zone: UTC.",
    ),
    ("row_count", "BIGINT NOT NULL", "Number of rows of the mart."),
    (
        "rejected_events",
        "BIGINT NOT NULL",
        "Events of the pipeline's streams that were rejected and not yet replayed; tombstones are none.",
    ),
    (
        "rejected_share",
        "DOUBLE NOT NULL",
        "rejected_events as a share of all events, landed or rejected: from 0 to 1; 0 where there are none.",
    ),
    ("warnings", "BIGINT NOT NULL", "Checks of this mart that failed with severity warning."),
    ("owner", "VARCHAR", "Who answers for the mart."),
    (
        "quarantined_events",
        "BIGINT NOT NULL",
        "Events of the pipeline's streams that landed and that the marts are made without: the gate refused "
        "them, or somebody said so; `penstock quarantine ls` says which and why. Usually 0.",
    ),
)


_FORMER_NAMES = {"rows": "row_count"}  # `rows` is a reserved word, for example in Snowflake


@dataclass(frozen=True)
class Served:
    """What all rows of `mart_status` share."""

    version: int
    published_at: dt.datetime
    complete_until: dt.datetime | None


def write_mart_status(
    connection: duckdb.DuckDBPyConnection, build: Build, verdict: Verdict, served: Served
) -> None:
    """Create and fill `main.mart_status` in the database in use, which holds the build's marts."""
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind, _ in _COLUMNS)
    connection.execute(f"CREATE TABLE main.mart_status ({columns})")
    connection.execute(f"COMMENT ON TABLE main.mart_status IS {literal(_TABLE_COMMENT)}")
    for name, _, text in _COLUMNS:
        connection.execute(f"COMMENT ON COLUMN main.mart_status.{quoted(name)} IS {literal(text)}")
    rejected = sum(read.rejected for read in build.inputs)
    quarantined = sum(read.quarantined_events for read in build.inputs)
    events = rejected + quarantined + sum(read.landed for read in build.inputs)
    for mart in build.marts:
        connection.execute(
            "INSERT INTO main.mart_status "
            f"SELECT ?, ?, ?, ?, {_newest_time(connection, mart)}, count(*), ?, ?, ?, ?, ? "
            f"FROM main.{quoted(mart.name)}",
            [
                mart.name,
                served.version,
                served.published_at,
                served.complete_until,
                rejected,
                rejected / events if events else 0.0,
                verdict.warnings_by_mart.get(mart.name, 0),
                mart.owner,
                quarantined,
            ],
        )


def mark_republished(connection: duckdb.DuckDBPyConnection, published_at: dt.datetime) -> None:
    """A version that is served again: all that its `mart_status` says still holds, but for the time."""
    connection.execute("UPDATE main.mart_status SET published_at = ?", [published_at])


def bring_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a `mart_status` that an older Penstock wrote the columns, and the names of them, of today."""
    there = {column[0] for column in connection.execute("FROM main.mart_status LIMIT 0").description or ()}
    for former, today in _FORMER_NAMES.items():
        if former in there:
            connection.execute(f"ALTER TABLE main.mart_status RENAME {quoted(former)} TO {quoted(today)}")
    if "quarantined_events" not in there:  # it knew no quarantine
        name, kind, text = _COLUMNS[-1]
        table = "ALTER TABLE main.mart_status"
        connection.execute(f"{table} ADD COLUMN {name} {kind.split()[0]} DEFAULT 0")
        connection.execute(f"{table} ALTER COLUMN {name} DROP DEFAULT")
        connection.execute(f"{table} ALTER COLUMN {name} SET NOT NULL")
        connection.execute(f"COMMENT ON COLUMN main.mart_status.{name} IS {literal(text)}")


def _newest_time(connection: duckdb.DuckDBPyConnection, mart: Mart) -> str:
    """SQL for the largest value of the mart's TIMESTAMP columns (as published)."""
    times = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = 'main' AND table_name = ? "
        "AND data_type IN ('TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS')",
        [mart.name],
    ).fetchall()
    newest = ", ".join(f"max({quoted(name)})::TIMESTAMP" for (name,) in times)
    return f"greatest({newest})" if times else "NULL"
