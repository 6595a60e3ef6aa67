"""The format of warehouses. All in them is derived: an older one is built anew, none is converted.

| version | what it brought |
|---|---|
| 1 | the first, which has no note of its version |
| 2 | the note, `_penstock.warehouse`; staging has `_kafka_partition`; what incremental models are made of |
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from penstock.core.errors import TransformError

WAREHOUSE_FORMAT = 2  # begin_build.sql notes it


def warehouse_format(connection: duckdb.DuckDBPyConnection, path: Path) -> int | None:
    """The version of the warehouse that is open; None where no build has begun.

    Raises TransformError for one of a newer version.
    """
    tables = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
    if ("_penstock.warehouse",) not in tables:
        return 1 if ("_penstock.inputs",) in tables else None
    rows = connection.execute("SELECT max(format_version) FROM _penstock.warehouse").fetchall()
    version = int(rows[0][0] or 1)
    if version > WAREHOUSE_FORMAT:
        raise TransformError(
            f"{path}: a warehouse of format {version}; this Penstock knows formats up to {WAREHOUSE_FORMAT}",
            fix="a newer Penstock has built it: run that version here, too; or move the file away, and it is "
            "built anew",
            where=path,
        )
    return version
