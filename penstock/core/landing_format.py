"""The format of landing files: which version a file has, and how an older one is brought up to date.

| version | what it brought |
|---|---|
| 1 | the first |
| 2 | `_partition` of raw.<stream> is `_kafka_partition`; the reason of a tombstone is `tombstone`, which
      was `value`; a file that is older than raw.gaps has it, too |
| 3 | `huge_events` of raw.landing, which was a sentence in the comment of raw.<stream> |

All stages read landing files; ingest and transform hold the lock under which an older one may be changed. A
version that is newer than this code is refused by all.
"""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import duckdb

from penstock.core.duckdb_file import open_duckdb, quoted
from penstock.core.errors import LandingError
from penstock.core.kill_point import kill_point

FORMAT_VERSION = 3

# How a landing file is written. At a checkpoint DuckDB joins the row groups of small batches, up to three
# full ones in one go; the room that they had stays in the file, free until something fits in. With small row
# groups that is little, and there is less to write again.
# Whoever changes the file without ROW_GROUPS has its row groups joined to DuckDB's usual size, six times it.
ROWS_OF_GROUP = 20_480
ROW_GROUPS = f"ROW_GROUP_SIZE {ROWS_OF_GROUP}"

# Of events that the topic removed before they were read, and somebody accepted that.
GAPS_TABLE = """
CREATE TABLE IF NOT EXISTS raw.gaps (
    epoch INTEGER NOT NULL, "partition" INTEGER NOT NULL, from_offset BIGINT NOT NULL,
    to_offset BIGINT NOT NULL, events BIGINT NOT NULL, "at" TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL
);
"""

# What format 2 said in the comment of raw.<stream>.
_HUGE_EVENTS_OF_2 = "holds huge events: 2048 rows are read at once"

_log = logging.getLogger(__name__)


def landed_at(path: Path) -> dict[int, dt.datetime]:
    """When each commit of a landing file landed, in UTC. Raises BusyError where the file is held."""
    with open_duckdb(path, read_only=True) as connection:
        rows = connection.execute('SELECT "commit", "at" FROM raw.commits').fetchall()
    return {commit: at.astimezone(dt.UTC) for commit, at in rows}


def landing_format(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """The version of the landing file that is open, one that this code can read.

    Raises LandingError for a file of a newer version, or that is no landing file.
    """
    tables = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
    if ("raw.landing",) not in tables:
        raise LandingError(
            f"{path}: a DuckDB file, but not a landing file",
            fix="move it away, bring back a copy of it, or correct the path",
            where=path,
        )
    rows = connection.execute("SELECT format_version FROM raw.landing").fetchall()
    if len(rows) != 1:
        raise LandingError(
            f"{path}: raw.landing has {len(rows)} rows instead of one",
            fix="bring back a copy of the file",
            where=path,
        )
    version = int(rows[0][0])
    if version > FORMAT_VERSION:
        raise LandingError(
            f"{path}: a landing file of format {version}; this Penstock knows formats up to {FORMAT_VERSION}",
            fix="a newer Penstock has written it: run that version here, too",
            where=path,
        )
    return version


def partition_column(connection: duckdb.DuckDBPyConnection, stream: str) -> str:
    """The column of raw.<stream> that says an event's partition; its name in format 1 was `_partition`."""
    older = connection.execute(
        "SELECT 1 FROM duckdb_columns() WHERE schema_name = 'raw' AND table_name = $1 "
        "AND column_name = '_partition'",
        [stream],
    ).fetchall()
    return "_partition" if older else "_kafka_partition"


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, path: Path, stream: str) -> None:
    """Make an older landing file, open for writing, one of today's format: in one transaction, or not at all.

    The caller holds the stream's lock. Raises LandingError, also where somebody made an index, and
    duckdb.Error where the disk does not take it.
    """
    version = landing_format(connection, path)
    if version == FORMAT_VERSION:
        return
    _refuse_indexes(connection, path)
    connection.execute("BEGIN")  # closing the connection, or dying, rolls back
    if version < 2:
        _to_format_2(connection, stream)
    _to_format_3(connection, stream)
    connection.execute("UPDATE raw.landing SET format_version = $1", [FORMAT_VERSION])
    kill_point("landing.migrating")
    connection.execute("COMMIT")
    kill_point("landing.migrated")
    _log.warning(
        "%s: brought up to date, from format %d to %d; no event has changed", path, version, FORMAT_VERSION
    )


def _refuse_indexes(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    # DuckDB changes no column of a table that has one. Landing files have none of ours.
    names = connection.execute(
        "SELECT index_name, schema_name || '.' || table_name FROM duckdb_indexes() "
        "WHERE schema_name = 'raw' ORDER BY ALL"
    ).fetchall()
    if names:
        drops = "; ".join(f"DROP INDEX raw.{quoted(index)}" for index, _ in names)
        tables = ", ".join(sorted({table for _, table in names}))
        raise LandingError(
            f"{path}: an older landing file, and somebody made an index on {tables}: with it, DuckDB does "
            "not let the file be brought up to date",
            fix=f"open the file with DuckDB, run `{drops}`, and run again; nothing has changed",
            where=path,
        )


def _to_format_2(connection: duckdb.DuckDBPyConnection, stream: str) -> None:
    if partition_column(connection, stream) == "_partition":
        connection.execute(f"ALTER TABLE raw.{quoted(stream)} RENAME COLUMN _partition TO _kafka_partition")
    connection.execute(GAPS_TABLE)
    connection.execute(
        "UPDATE raw.rejects SET reasons = [{'field': NULL, 'rule': 'tombstone', 'found': 'no value'}] "
        "WHERE value IS NULL"
    )


def _to_format_3(connection: duckdb.DuckDBPyConnection, stream: str) -> None:
    connection.execute("ALTER TABLE raw.landing ADD COLUMN huge_events BOOLEAN DEFAULT false")
    connection.execute(
        "UPDATE raw.landing SET huge_events = EXISTS (FROM duckdb_tables() "
        "WHERE schema_name = 'raw' AND table_name = $1 AND comment = $2)",
        [stream, _HUGE_EVENTS_OF_2],
    )
    if connection.execute("SELECT huge_events FROM raw.landing").fetchall() == [(True,)]:
        connection.execute(f"COMMENT ON TABLE raw.{quoted(stream)} IS NULL")
