"""A relation whose rows change from batch to batch, and statements over it that are planned once.

To plan the contract's whole SELECT takes DuckDB 30 ms, however few the rows: most of what a batch with a
few rejects costs. What is prepared over tables is planned again each time; over a registered Arrow object it
is not, and DuckDB asks the object for its rows whenever the statement runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa


class Relation:
    """What a connection reads under a name: an object with Arrow's interface for streams."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema) -> None:
        self.schema = schema
        self._rows = schema.empty_table()
        connection.register(name, self)  # for as long as the connection lives: plans point to it

    @contextmanager
    def holding(self, rows: pa.Table) -> Iterator[None]:
        """Hold these rows for the block; afterwards none, for they are a whole batch. Raises ValueError for
        other columns than the schema's, which a plan would read as if they were those."""
        if rows.schema != self.schema:
            raise ValueError(f"columns {rows.schema} in place of {self.schema}")
        self._rows = rows
        try:
            yield
        finally:
            self._rows = self.schema.empty_table()

    def __arrow_c_schema__(self) -> Any:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._rows.__arrow_c_stream__(requested_schema)


class Statement:
    """A SELECT, planned when it first runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
        self._connection, self._name, self._sql = connection, name, sql
        self._is_planned = False

    def run(self) -> pa.Table:
        """What it gives for what its relations hold now. Raises duckdb.Error."""
        if not self._is_planned:
            self._connection.execute(f"PREPARE {self._name} AS {self._sql}")
            self._is_planned = True
        return self._connection.sql(f"EXECUTE {self._name}").to_arrow_table()
