"""Copy one candidate mart into the new file: created as its model declares it, then filled."""

from __future__ import annotations

import re

import duckdb

from penstock.core.duckdb_file import literal, quoted
from penstock.core.errors import PublishError
from penstock.publish.build import Mart
from penstock.publish.column_types import published_type


def copy_mart(connection: duckdb.DuckDBPyConnection, warehouse: str, mart: Mart) -> None:
    """Make `main.<mart>` in the database in use from `<warehouse>.marts.<mart>`, its rows in their order.

    `CREATE TABLE AS` would lose NOT NULL and the comments. Raises PublishError: no such candidate, columns
    that are not the declared ones, a type that a published file cannot hold, a NULL that must not be.
    """
    candidate_types = _candidate_types(connection, warehouse, mart)
    types = {
        name: published_type(connection.sqltype(data_type), f"mart {mart.name}, column {name}")
        for name, data_type in candidate_types.items()
    }
    definitions = ", ".join(
        f"{quoted(column.name)} {types[column.name]}{' NOT NULL' if column.not_null else ''}"
        for column in mart.columns
    )
    values = ", ".join(f"CAST({quoted(column.name)} AS {types[column.name]})" for column in mart.columns)
    table = f"main.{quoted(mart.name)}"
    connection.execute(f"CREATE TABLE {table} ({definitions})")
    connection.execute(f"COMMENT ON TABLE {table} IS {literal(mart.description)}")
    for column in mart.columns:
        zoned = types[column.name] != candidate_types[column.name]
        comment = _in_utc(column.description) if zoned else column.description
        connection.execute(f"COMMENT ON COLUMN {table}.{quoted(column.name)} IS {literal(comment)}")
    source = f"{quoted(warehouse)}.marts.{quoted(mart.name)}"
    try:
        connection.execute(f"INSERT INTO {table} SELECT {values} FROM {source}")
    except duckdb.Error as exc:
        reason = str(exc).strip().splitlines()[0]
        raise PublishError(f"mart {mart.name}: its candidate cannot be copied: {reason}") from exc


def _candidate_types(connection: duckdb.DuckDBPyConnection, warehouse: str, mart: Mart) -> dict[str, str]:
    """Column name → type, as DuckDB spells it, of a candidate that has exactly the declared columns."""
    found = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = 'marts' AND table_name = ?",
        [warehouse, mart.name],
    ).fetchall()
    candidate = dict(found)
    declared = {
        column.name: _spelt(connection, mart, column.name, column.data_type) for column in mart.columns
    }
    if not candidate:
        raise PublishError(f"mart {mart.name}: the warehouse has no table marts.{mart.name}")
    for name in [*declared, *candidate]:
        if declared.get(name) != candidate.get(name):
            raise PublishError(
                f"mart {mart.name}: column {name} is declared as {declared.get(name, 'nothing')}, "
                f"its candidate has {candidate.get(name, 'no such column')}",
                fix="enforce the model's contract and run `penstock transform` again",
            )
    return candidate


def _spelt(connection: duckdb.DuckDBPyConnection, mart: Mart, column: str, data_type: str) -> str:
    try:
        return str(connection.sqltype(data_type))
    except duckdb.Error as exc:
        raise PublishError(
            f"mart {mart.name}, column {column}: '{data_type}' is no type of DuckDB",
            fix="correct data_type in the model's YAML",
        ) from exc


def _in_utc(description: str) -> str:
    """The comment of a column that lost its zone: it must say that its times are in UTC."""
    return description if re.search(r"\bUTC\b", description) else f"{description} Time zone: UTC.".lstrip()
