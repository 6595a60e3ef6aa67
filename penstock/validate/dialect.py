"""How SQLAlchemy, and so Great Expectations, talks to the warehouse.

Importing this module makes `duckdb+candidates://` URLs known to SQLAlchemy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy import URL, NullPool
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

from penstock.core.duckdb_file import open_duckdb


class _FetchesAtOnce(Dialect.execution_ctx_cls):  # type: ignore[misc]
    """Great Expectations reads rows after it has closed their connection (its issue 10738): with stock
    duckdb-engine every metric fails. So all rows are fetched as soon as the statement has run."""

    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor.description:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, initial_buffer=self.cursor.fetchall()
            )


class CandidatesDialect(Dialect):  # type: ignore[misc]
    """DuckDB, read-only, as `open_duckdb` opens it; sees what this process has attached to that file."""

    driver = "candidates"
    supports_statement_cache = False
    execution_ctx_cls = _FetchesAtOnce

    @classmethod
    def get_pool_class(cls, url: URL) -> type[NullPool]:
        """No pool: a connection beside an open one takes a millisecond, and none outlives its use."""
        return NullPool

    def connect(self, *_: Any, database: str, **__: Any) -> ConnectionWrapper:
        """A read-only connection. Raises PenstockError, BusyError."""
        return ConnectionWrapper(open_duckdb(Path(database), read_only=True))


registry.register("duckdb.candidates", __name__, CandidatesDialect.__name__)


def candidates_url(path: Path) -> str:
    """The SQLAlchemy URL of a warehouse file."""
    return URL.create("duckdb+candidates", database=str(path)).render_as_string()
