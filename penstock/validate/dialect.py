"""How SQLAlchemy, and so Great Expectations, talks to the warehouse.

Importing this module makes `duckdb+candidates://` URLs known to SQLAlchemy. Such a URL holds a number, never
a path: Great Expectations fills `$NAME` into a URL, SQLAlchemy parses it, and either could mean another file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy import URL, NullPool
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

_open: dict[str, duckdb.DuckDBPyConnection] = {}


class _FetchesAtOnce(Dialect.execution_ctx_cls):  # type: ignore[misc]
    """Great Expectations reads rows after it has closed their connection (its issue 10738): with stock
    duckdb-engine every metric fails. So all rows are fetched as soon as the statement has run."""

    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor.description:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, initial_buffer=[_kept(row) for row in self.cursor.fetchall()]
            )


def _kept(value: Any) -> Any:
    """`value` as Great Expectations can keep it: of an INTERVAL it makes no JSON, and breaks off."""
    if isinstance(value, dt.timedelta):
        return str(value)
    if isinstance(value, tuple | list):
        return type(value)(map(_kept, value))
    if isinstance(value, dict):
        return {_kept(key): _kept(item) for key, item in value.items()}
    return value


class _Compiler(Dialect.statement_compiler):  # type: ignore[misc]
    """PostgreSQL's SQL, but for `~`: in DuckDB that asks whether the whole text matches."""

    def visit_regexp_match_op_binary(self, binary: Any, _operator: Any, **kw: Any) -> str:
        return f"regexp_matches({self.process(binary.left, **kw)}, {self.process(binary.right, **kw)})"

    def visit_not_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return f"NOT {self.visit_regexp_match_op_binary(binary, operator, **kw)}"


class CandidatesDialect(Dialect):  # type: ignore[misc]
    """DuckDB, on the connection that the gate holds: it sees that file, and what is attached beside it."""

    driver = "candidates"
    supports_statement_cache = False
    execution_ctx_cls = _FetchesAtOnce
    statement_compiler = _Compiler

    @classmethod
    def get_pool_class(cls, url: URL) -> type[NullPool]:
        """No pool: a cursor of an open connection costs nothing, and none outlives its use."""
        return NullPool

    def connect(self, *_: Any, database: str, **__: Any) -> ConnectionWrapper:
        """A cursor of the gate's connection, in UTC like it."""
        cursor = _open[database].cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return ConnectionWrapper(cursor)


registry.register("duckdb.candidates", __name__, CandidatesDialect.__name__)


@contextmanager
def candidates_url(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The SQLAlchemy URL that leads to `connection`, while this block lasts."""
    number = str(id(connection))
    _open[number] = connection
    try:
        yield URL.create("duckdb+candidates", database=number).render_as_string()
    finally:
        del _open[number]
