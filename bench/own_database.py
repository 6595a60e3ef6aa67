"""The database of a contender that is not Penstock: the contract's columns, rejects, offsets."""

from __future__ import annotations

import time

import duckdb

from bench.run import Task, Timed
from penstock.core.duckdb_file import quoted

TABLE = "raw.events"


def open_database(task: Task, *, checked: bool = True) -> duckdb.DuckDBPyConnection:
    """A new database with empty tables. `checked`: no required column may be null."""
    connection = duckdb.connect(task.database)
    connection.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(
        f"{quoted(field.name)} {field.sql_type}{' NOT NULL' if field.required and checked else ''}"
        for field in task.contract().fields
    )
    connection.execute(
        f"""
        CREATE SCHEMA raw;
        CREATE TABLE {TABLE} ({columns}, _unknown JSON, _kafka_partition INTEGER, _offset BIGINT,
            _kafka_timestamp TIMESTAMPTZ);
        CREATE TABLE raw.rejects ("partition" INTEGER, "offset" BIGINT, value BLOB, reason VARCHAR);
        CREATE TABLE raw.offsets ("partition" INTEGER PRIMARY KEY, next_offset BIGINT NOT NULL);
        """
    )
    return connection


def store_offsets(connection: duckdb.DuckDBPyConnection, ends: dict[int, int]) -> None:
    """Note where to go on, in the transaction that is open."""
    connection.executemany("INSERT OR REPLACE INTO raw.offsets VALUES ($1, $2)", list(ends.items()))


def close_database(connection: duckdb.DuckDBPyConnection, task: Task, began: float) -> Timed:
    """To call right after the last commit: how long all took since `began`, also with a CHECKPOINT."""
    committed = time.perf_counter()
    connection.execute("CHECKPOINT")
    checkpointed = time.perf_counter()
    connection.close()
    return Timed(committed - began, checkpointed - began, task.database, TABLE)
