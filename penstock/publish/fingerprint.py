"""Has a mart changed? A fingerprint of its columns and rows that does not depend on the rows' order."""

from __future__ import annotations

import hashlib
import json

import duckdb

from penstock.core.duckdb_file import quoted
from penstock.publish.column_types import json_as_text


def fingerprint(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, str]:
    """Rows and fingerprint of `main.<table>` in the database in use.

    It covers the columns (names, types, NOT NULL, order; not their comments) and the rows as a bag: how
    often each occurs counts, their order does not. Per row the MD5 of its JSON, summed: unlike DuckDB's
    `hash`, it stays the same when DuckDB is upgraded, and unlike XOR, a row that stands twice counts twice.
    """
    columns = connection.execute(
        "SELECT column_name, data_type, NOT is_nullable FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = 'main' AND table_name = ? "
        "ORDER BY column_index",
        [table],
    ).fetchall()
    # JSON holds both SQL's NULL and JSON's null: as text they differ, as JSON they would not.
    values = ", ".join(
        f"{quoted(name)} := CAST({quoted(name)} AS {json_as_text(connection.sqltype(data_type))})"
        for name, data_type, _ in columns
    )
    found = connection.execute(
        f"SELECT count(*), coalesce(sum(md5_number_lower(to_json(struct_pack({values})))), 0) "
        f"FROM main.{quoted(table)}"
    ).fetchone()
    assert found is not None
    rows, content = found
    shape = hashlib.md5(json.dumps(columns).encode(), usedforsecurity=False).hexdigest()
    return rows, f"{shape}-{rows}-{content:x}"
