"""The build record: the row of `_penstock.build` that says what the candidates in the warehouse are."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import duckdb

from penstock.core.code_version import CodeVersion
from penstock.core.command import to_json
from penstock.core.errors import TransformError
from penstock.core.kill_point import kill_point
from penstock.transform.artifacts import NodeCounts
from penstock.transform.marts import Mart


@dataclass(frozen=True)
class Input:
    """What a build read of one stream: the row that dbt noted in `_penstock.inputs`."""

    stream: str
    landed_commit: int
    complete_until: dt.datetime
    landed: int
    rejected: int  # open rejects
    offsets: list[dict[str, int]]  # epoch, partition, next_offset


@dataclass(frozen=True)
class BuildRecord:
    """One row of `_penstock.build`, in the order of its columns."""

    build_id: str
    run_id: str
    pipeline: str
    built_at: dt.datetime
    code: CodeVersion
    declarations_hash: str
    inputs: list[Input]
    marts: list[Mart]
    counts: NodeCounts

    @property
    def complete_until(self) -> dt.datetime:
        """Up to when all events are in: the oldest of the streams."""
        return min(read.complete_until for read in self.inputs)


def read_inputs(connection: duckdb.DuckDBPyConnection, streams: tuple[str, ...]) -> list[Input]:
    """What the warehouse last read of `streams`, in their order; a stream that it never read is left out."""
    known = connection.execute(
        "select 1 from duckdb_tables() where schema_name = '_penstock' and table_name = 'inputs'"
    ).fetchone()
    if known is None:
        return []
    rows = connection.execute(
        "select stream, landed_commit, complete_until, landed, rejected, offsets from _penstock.inputs"
    ).fetchall()
    found = {row[0]: Input(*row) for row in rows}
    return [found[stream] for stream in streams if stream in found]


def write_record(connection: duckdb.DuckDBPyConnection, record: BuildRecord) -> None:
    """Make `record` the one row of `_penstock.build`, in one transaction."""
    columns: dict[str, Any] = {
        "build_id": record.build_id,
        "run_id": record.run_id,
        "pipeline": record.pipeline,
        "built_at": record.built_at,
        "code_version": record.code.version,
        "code_dirty": record.code.dirty,
        "declarations_hash": record.declarations_hash,
        "complete_until": record.complete_until,
        "inputs": _json(record.inputs),
        "marts": _json(record.marts),
        "dbt": _json(record.counts),
    }
    connection.execute("begin")
    connection.execute("delete from _penstock.build")
    connection.execute(
        f"insert into _penstock.build ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
        list(columns.values()),
    )
    kill_point("transform.inserted")
    connection.execute("commit")
    kill_point("transform.committed")


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


def _json(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False)
