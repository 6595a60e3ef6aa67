"""`penstock ingest backup`: a consistent copy of a landing file, with its offsets, beside its consumer.

The copy is read through DuckDB between two writes of the consumer, so it is of one moment: the events that it
holds and the offsets that it holds say the same. A consumer that wants to write meanwhile waits.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from penstock.core.duckdb_file import duckdb_errors_as, literal, open_duckdb, quoted, refuse_other_path
from penstock.core.errors import LandingError
from penstock.core.kill_point import kill_point
from penstock.core.part_file import flush, part_file
from penstock.core.settings import Settings
from penstock.ingest.landing.schema import check_identity


@dataclass(frozen=True)
class BackupResult:
    """A finished backup: its newest commit and next offsets (epoch, partition, offset)."""

    stream: str
    file: Path
    commit: int
    offsets: tuple[tuple[int, int, int], ...]
    complete_until: dt.datetime | None
    seconds: float


def backup(settings: Settings, stream: str, file: Path, *, wait: float) -> BackupResult:
    """Copy the landing file of `stream` to `file`, which must not exist; whole, or not at all.

    Raises BusyError where the landing file is held for longer than `wait` seconds; LandingError for a file
    that is there, of another stream or environment, or that cannot be copied.
    """
    began = time.monotonic()
    path = settings.landing_file(stream)
    if not file.parent.is_dir():
        raise LandingError(f"{file.parent}: no such folder", fix="make it, or name a file in another one")
    if os.path.lexists(file):
        raise LandingError(f"{file}: is there already", fix="name a new file; a backup overwrites nothing")
    with part_file(file) as part:
        with open_duckdb(path, read_only=True, wait=wait) as connection:
            check_identity(connection, path, stream, settings.environment)
            copy_database(connection, part)
            newest = connection.execute(
                'SELECT (SELECT coalesce(max("commit"), 0) FROM raw.commits), complete_until FROM raw.landing'
            ).fetchone()
            offsets = connection.execute(
                'SELECT epoch, "partition", next_offset FROM raw.offsets ORDER BY ALL'
            ).fetchall()
        assert newest is not None
        flush(part)
        kill_point("ingest.backup_copied")
        try:
            os.link(part, file)  # unlike a rename, it never overwrites
        except FileExistsError:
            raise LandingError(f"{file}: somebody has made it meanwhile", fix="name a new file") from None
    flush(file.parent)
    return BackupResult(
        stream, file, newest[0], tuple(offsets), newest[1], round(time.monotonic() - began, 3)
    )


def copy_database(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Copy the file that is open into `target`, with types and keys, and compare the two.

    Raises LandingError when it cannot be copied, or the copy is not equal.
    """
    refuse_other_path(target)
    row = connection.execute("SELECT current_database()").fetchone()
    assert row is not None
    name = str(row[0])
    with duckdb_errors_as(LandingError, f"{target}: the copy could not be written", where=target):
        connection.execute(f"ATTACH {literal(os.fspath(target))} AS copied (READ_WRITE)")
        connection.execute(f"COPY FROM DATABASE {quoted(name)} TO copied")
        differ = list(_content(connection, name) ^ _content(connection, "copied"))
        connection.execute("DETACH copied")
    if differ:
        raise LandingError(f"{target}: the copy differs from the original: {differ[0]}")


def _content(connection: duckdb.DuckDBPyConnection, database: str) -> set[tuple[Any, ...]]:
    """What a database holds: each table's columns and keys, number of rows, and sum of the rows' hashes."""
    tables = connection.execute(
        "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = $1", [database]
    ).fetchall()
    found = set()
    for schema, table, sql in tables:
        place = f"{quoted(database)}.{quoted(schema)}.{quoted(table)}"
        sums = connection.execute(f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {place} AS t").fetchone()
        found.add((schema, table, sql, sums))
    return found
