"""The tables of a landing file, schema `raw`: made once, checked each time that the file is opened."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import duckdb

from penstock.core.duckdb_file import open_duckdb, quoted
from penstock.core.errors import LandingError, PenstockError, first_line
from penstock.core.kill_point import kill_point
from penstock.core.landing_format import (
    FORMAT_VERSION,
    GAPS_TABLE,
    bring_up_to_date,
    landing_format,
    partition_column,
)
from penstock.core.part_file import flush, part_file
from penstock.ingest.contract.model import Contract

# Small blocks leave less empty at a row group's end. Only a new file takes it.
_BLOCKS = "BLOCK_SIZE 65536"

# What Penstock adds to the contract's columns in raw.<stream>.
_OWN_COLUMNS = (
    ("_unknown", "JSON"),  # fields that the contract does not name; numbers as they were written
    ("_epoch", "INTEGER"),
    ("_kafka_partition", "INTEGER"),
    ("_offset", "BIGINT"),
    ("_kafka_timestamp", "TIMESTAMP WITH TIME ZONE"),
    ("_commit", "BIGINT"),  # the only thing that grows in landing order
    ("_contract_version", "VARCHAR"),
)
_MAY_BE_NULL = {"_unknown", "_kafka_timestamp"}

_TABLES = """
CREATE TABLE raw.rejects (
    epoch INTEGER NOT NULL, "partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL,
    kafka_timestamp TIMESTAMPTZ, "commit" BIGINT NOT NULL, contract_version VARCHAR NOT NULL,
    key BLOB, value BLOB,
    headers STRUCT("key" VARCHAR, "value" BLOB)[],
    reasons STRUCT(field VARCHAR, "rule" VARCHAR, found VARCHAR)[] NOT NULL,
    replayed_commit BIGINT
);
CREATE TABLE raw.offsets (
    epoch INTEGER, "partition" INTEGER, next_offset BIGINT NOT NULL, PRIMARY KEY (epoch, "partition")
);
CREATE TABLE raw.commits (
    "commit" BIGINT PRIMARY KEY, "at" TIMESTAMPTZ NOT NULL, kind VARCHAR NOT NULL, run_id VARCHAR NOT NULL,
    landed BIGINT NOT NULL, rejected BIGINT NOT NULL
);
CREATE TABLE raw.topics (
    epoch INTEGER PRIMARY KEY, cluster_id VARCHAR NOT NULL, topic VARCHAR NOT NULL, topic_id VARCHAR NOT NULL,
    since TIMESTAMPTZ NOT NULL
);
CREATE TABLE raw.landing (
    stream VARCHAR NOT NULL, environment VARCHAR NOT NULL, format_version INTEGER NOT NULL,
    complete_until TIMESTAMPTZ, huge_events BOOLEAN DEFAULT false
);
"""


def create_landing(path: Path, contract: Contract, environment: str) -> None:
    """Make a new landing file at `path`, whole or not at all; one that is there meanwhile stays.

    Raises LandingError where the disk does not take it.
    """
    with part_file(path) as part:
        try:
            with open_duckdb(part, storage=_BLOCKS) as connection:
                _create_tables(connection, contract, environment)
                connection.execute("CHECKPOINT")
        except (duckdb.Error, PenstockError) as exc:
            raise LandingError(
                f"{path}: cannot be made: {first_line(exc)}",
                fix="mend what the message says (a full disk?) and run again",
            ) from exc
        flush(part)
        kill_point("ingest.file_made")
        with suppress(FileExistsError):
            os.link(part, path)  # unlike a rename, it never overwrites
    flush(path.parent)


def ready_landing(
    connection: duckdb.DuckDBPyConnection, path: Path, contract: Contract, environment: str
) -> None:
    """Check that the file, open for writing, is this stream's, of this environment, and has the contract's
    columns; one of an older format is brought up to date. Raises LandingError, which names both sides."""
    check_identity(connection, path, contract.stream, environment)
    bring_up_to_date(connection, path, contract.stream)
    check_columns(connection, path, contract)


def check_identity(connection: duckdb.DuckDBPyConnection, path: Path, stream: str, environment: str) -> None:
    """The file is the landing file of this stream and environment, of today's format or an older one. Raises
    LandingError, with both sides."""
    landing_format(connection, path)
    row = connection.execute("SELECT stream, environment FROM raw.landing").fetchone()
    if row != (stream, environment):
        its_stream, its_environment = row or (None, None)
        raise LandingError(
            f"{path}: filled for stream {its_stream}, environment {its_environment}; this is stream "
            f"{stream}, environment {environment}",
            fix=f"it belongs to the stream {its_stream}"
            if its_stream != stream
            else "set PENSTOCK_ENV and PENSTOCK_DATA to those of the file, or use another data folder",
        )


def note_huge_events(connection: duckdb.DuckDBPyConnection) -> None:
    """Note that many events of the file are huge: who joins their row groups, or reads them, needs memory."""
    connection.execute("UPDATE raw.landing SET huge_events = true WHERE NOT huge_events")


def has_huge_events(connection: duckdb.DuckDBPyConnection) -> bool:
    """Was that noted?"""
    return connection.execute("SELECT huge_events FROM raw.landing").fetchall() == [(True,)]


def _create_tables(connection: duckdb.DuckDBPyConnection, contract: Contract, environment: str) -> None:
    # Texts that do not repeat take DuckDB longest: to compress them is a third of what an insert takes.
    as_is = {field.name for field in contract.fields if field.primary_key and field.kind == "string"}
    columns = ", ".join(
        f"{quoted(name)} {sql_type}"
        + ("" if nullable else " NOT NULL")
        + (" USING COMPRESSION uncompressed" if name in as_is else "")
        for name, sql_type, nullable in _expected_columns(contract)
    )
    connection.execute("BEGIN")
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    connection.execute(f"CREATE TABLE raw.{quoted(contract.stream)} ({columns})")
    connection.execute(_TABLES + GAPS_TABLE)
    connection.execute(
        "INSERT INTO raw.landing (stream, environment, format_version) VALUES ($1, $2, $3)",
        [contract.stream, environment, FORMAT_VERSION],
    )
    connection.execute("COMMIT")


def _expected_columns(contract: Contract, partition: str = "_kafka_partition") -> list[tuple[str, str, bool]]:
    """(name, type as DuckDB names it, may be null) of raw.<stream>, in order. `partition`: the name that the
    file's format has for it."""
    declared = [(field.name, field.sql_type, not field.required) for field in contract.fields]
    own = [
        (partition if name == "_kafka_partition" else name, sql_type, name in _MAY_BE_NULL)
        for name, sql_type in _OWN_COLUMNS
    ]
    return [
        (name, "TIMESTAMP WITH TIME ZONE" if sql_type == "TIMESTAMPTZ" else sql_type, nullable)
        for name, sql_type, nullable in declared + own
    ]


def check_columns(connection: duckdb.DuckDBPyConnection, path: Path, contract: Contract) -> None:
    """The file has the contract's columns, and ours behind them. Raises LandingError, with the first that
    differs."""
    held = connection.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE schema_name = 'raw' AND table_name = $1 ORDER BY column_index",
        [contract.stream],
    ).fetchall()
    expected = _expected_columns(contract, partition_column(connection, contract.stream))
    if held == expected:
        return
    wrong = next((pair for pair in zip(held, expected, strict=False) if pair[0] != pair[1]), None)
    if wrong is not None:
        what = f"the file has {_described(wrong[0])} where the contract wants {_described(wrong[1])}"
    else:
        what = f"the file has {len(held)} columns, the contract wants {len(expected)}"
    raise LandingError(
        f"{path}: raw.{contract.stream} does not fit {contract.file} (version {contract.version}): {what}",
        fix="undo the contract's change, or land into a new data folder: the file's events stay as they are",
    )


def _described(column: tuple[str, str, bool]) -> str:
    name, sql_type, nullable = column
    return f"{name} {sql_type}{'' if nullable else ' NOT NULL'}"
