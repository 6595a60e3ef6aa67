"""Copy one candidate mart into the new file: created as its model declares it, then filled."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
from duckdb.sqltypes import DuckDBPyType

from penstock.core.build_record import Mart
from penstock.core.duckdb_file import literal, quoted
from penstock.core.errors import DeclarationError, PenstockError, PublishError, first_line
from penstock.publish.column_types import has_zone, published_type
from penstock.publish.declared_at import declared_at


def copy_mart(connection: duckdb.DuckDBPyConnection, warehouse: str, mart: Mart, project: Path) -> None:
    """Make `main.<mart>` in the database in use from `<warehouse>.marts.<mart>`, its rows in their order.

    `CREATE TABLE AS` would lose NOT NULL and the comments. Raises DeclarationError, at the place in the dbt
    `project` that declares the column (PublishError where there is none): no such candidate, columns that are
    not the declared ones, a type that a published file cannot hold, a NULL that must not be.
    """
    try:
        _copy(connection, warehouse, mart)
    except _ColumnError as exc:
        raise _placed(exc, project, mart) from exc.__cause__


class _ColumnError(PublishError):
    """A mart that cannot be copied. `column` where it is for one of them."""

    def __init__(self, message: str, *, column: str | None = None, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.column = column


def _copy(connection: duckdb.DuckDBPyConnection, warehouse: str, mart: Mart) -> None:
    source = f"{quoted(warehouse)}.marts.{quoted(mart.name)}"
    candidate = _candidate_types(connection, source, mart)
    types = {name: _published_type(mart, name, kind) for name, kind in candidate.items()}
    definitions = ", ".join(
        f"{quoted(column.name)} {types[column.name]}{' NOT NULL' if column.not_null else ''}"
        for column in mart.columns
    )
    values = ", ".join(f"CAST({quoted(column.name)} AS {types[column.name]})" for column in mart.columns)
    table = f"main.{quoted(mart.name)}"
    connection.execute(f"CREATE TABLE {table} ({definitions})")
    connection.execute(f"COMMENT ON TABLE {table} IS {literal(mart.description)}")
    for column in mart.columns:
        comment = _in_utc(column.description) if has_zone(candidate[column.name]) else column.description
        connection.execute(f"COMMENT ON COLUMN {table}.{quoted(column.name)} IS {literal(comment)}")
    try:
        connection.execute(f"INSERT INTO {table} SELECT {values} FROM {source}")
    except (duckdb.IntegrityError, duckdb.DataError) as exc:  # the values are at fault, no disk
        raise _ColumnError(
            f"mart {mart.name}: its candidate cannot be copied: {first_line(exc)}",
            fix="correct the model, or what its YAML says of the column",
        ) from exc


def _candidate_types(
    connection: duckdb.DuckDBPyConnection, source: str, mart: Mart
) -> dict[str, DuckDBPyType]:
    """Column name → type of a candidate that has exactly the declared columns.

    DuckDB has read and written both types, so that equal types are equal texts.
    """
    try:
        found = connection.sql(f"FROM {source}")
    except duckdb.CatalogException as exc:
        raise _ColumnError(f"mart {mart.name}: the warehouse has no table marts.{mart.name}") from exc
    candidate = dict(zip(found.columns, found.types, strict=True))
    declared = {
        column.name: _declared_type(connection, mart, column.name, column.data_type)
        for column in mart.columns
    }
    for name in [*declared, *candidate]:
        wanted, there = declared.get(name, "nothing"), candidate.get(name, "no such column")
        if str(wanted) != str(there):
            raise _ColumnError(
                f"mart {mart.name}: column {name} is declared as {wanted}, its candidate has {there}",
                column=name,
                fix="enforce the model's contract and run `penstock transform` again",
            )
    return candidate


def _declared_type(
    connection: duckdb.DuckDBPyConnection, mart: Mart, column: str, data_type: str
) -> DuckDBPyType:
    try:
        return connection.sqltype(data_type)
    except duckdb.Error as exc:
        raise _ColumnError(
            f"mart {mart.name}, column {column}: '{data_type}' is no type of DuckDB",
            column=column,
            fix="correct data_type in the model's YAML",
        ) from exc


def _published_type(mart: Mart, column: str, kind: DuckDBPyType) -> str:
    try:
        return published_type(kind, f"mart {mart.name}, column {column}")
    except PublishError as exc:
        raise _ColumnError(exc.message, column=column, fix=exc.fix) from exc


def _placed(error: _ColumnError, project: Path, mart: Mart) -> PenstockError:
    """The error with the file and the line that it is about."""
    if place := declared_at(project, mart.name, error.column):
        return DeclarationError(error.message, file=place.file, line=place.line, fix=error.fix)
    return PublishError(error.message, fix=error.fix)


def _in_utc(description: str) -> str:
    """The comment of a column that lost its zone: it must say that its times are in UTC."""
    return description if re.search(r"\bUTC\b", description) else f"{description} Time zone: UTC.".lstrip()
