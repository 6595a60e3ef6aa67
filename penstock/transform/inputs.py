"""What a build read of each stream: the notes `_penstock.inputs`, which dbt's hook makes in the warehouse."""

from __future__ import annotations

from dataclasses import fields

import duckdb

from penstock.core.build_record import Input
from penstock.core.errors import TransformError

_KEPT = tuple(known.name for known in fields(Input))


def read_inputs(connection: duckdb.DuckDBPyConnection, streams: tuple[str, ...]) -> list[Input]:
    """What the warehouse last read of `streams`, in their order; a stream that it never read is left out."""
    known = connection.execute(
        "select 1 from duckdb_tables() where schema_name = '_penstock' and table_name = 'inputs'"
    ).fetchone()
    if known is None:
        return []
    noted = connection.execute("select * from _penstock.inputs")
    # A warehouse may be older than a column; a note may be older than the column's first value.
    names = [column[0] for column in noted.description or ()]
    rows = (dict(zip(names, row, strict=True)) for row in noted.fetchall())
    found = {
        row["stream"]: Input(**{name: row[name] for name in _KEPT if row.get(name) is not None})
        for row in rows
    }
    return [found[stream] for stream in streams if stream in found]


def all_inputs(
    connection: duckdb.DuckDBPyConnection, pipeline: str, streams: tuple[str, ...], invocation_id: str
) -> list[Input]:
    """What the build with this id of dbt's read of each stream of the pipeline.

    Raises TransformError where it noted nothing of one: an older note says nothing of the rows now.
    """
    try:
        rows = connection.execute(
            "select stream from _penstock.inputs where invocation_id = ?", [invocation_id]
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):  # the project leaves begin_build out
        rows = []
    noted = {stream for (stream,) in rows}
    inputs = read_inputs(connection, streams)
    missing = [stream for stream in streams if stream not in noted]
    if missing:
        raise TransformError(
            f"pipeline {pipeline}: no model of this build noted what it read of the stream {missing[0]}",
            fix="give the model that reads it the post-hook "
            f"{{{{ penstock_shared.record_input('{missing[0]}') }}}}, and let the pipeline's `select` not "
            "leave the model out; BI keeps the version before",
        )
    return inputs
