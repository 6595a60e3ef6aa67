"""A batch is checked before it lands: which events are rows, which are rejects, and why.

In a DuckDB of its own, in memory: the landing file is held only while rows are written, and one batch can be
checked while another lands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa

from penstock.core.duckdb_file import MEND, duckdb_errors_as
from penstock.core.errors import LandingError
from penstock.ingest.check.compiler import LONGEST_VALUE, CompiledContract
from penstock.ingest.check.parsed_rules import GOOD
from penstock.ingest.check.relation import Relation, Statement
from penstock.ingest.check.result import Checked, Reasons, count_reasons
from penstock.ingest.decode.arrow_bytes import Flags, as_bytes, flag_column, taken
from penstock.ingest.decode.columns import SCHEMA
from penstock.ingest.parse.fast_path import parse_chunk
from penstock.ingest.parse.schema import PARSED, nothing_parsed

# Memory: enough for a batch of usual events; one of huge events gets all that there is (`check`).
# Threads: a few, for what the fast path leaves to SQL; more would want more memory.
_SETTINGS = f"""
SET TimeZone = 'UTC';
SET memory_limit = '256MB';
SET temp_directory = '';
SET threads = {min(4, os.cpu_count() or 1)};
SET arrow_lossless_conversion = true;
"""

_FEW = 2048  # events that one thread checks as fast as several

_NONE = pa.table({"nothing": pa.nulls(0)})


class Checker:
    """Checks batches by a contract, one at a time."""

    def __init__(
        self, compiled: CompiledContract, connection: duckdb.DuckDBPyConnection, *, fast: bool = False
    ) -> None:
        self._compiled = compiled
        self._connection = connection
        self._parsed = Relation(connection, "parsed", compiled.parsed_schema)
        self._rules = Statement(connection, "rules", compiled.rules_sql)
        self._remaining = Relation(connection, "remaining", SCHEMA)
        self._whole = Statement(connection, "whole", compiled.checked_sql)
        self.fast = fast  # take the fast path, whose code is loaded when it is first used

    def read(self, chunk: pa.RecordBatch) -> pa.RecordBatch:
        """The events of a chunk as the columns of `parse_chunk`; no rows where the fast path is not taken."""
        if not self.fast:
            return nothing_parsed(self._compiled.parsed_schema)
        return parse_chunk(self._compiled.contract, chunk, LONGEST_VALUE)

    def check(self, events: pa.Table, parsed: Sequence[pa.RecordBatch] | None = None) -> Checked:
        """Check events, columns as in `columns.SCHEMA` or such as can be cast to them; `parsed`: what `read`
        gives for each of their chunks.

        1. parse them on the fast path, if that was not done before
        2. mark those that were parsed and keep the rules
        3. check all others by the contract's whole SQL

        Raises LandingError where it cannot be done, or some events came out more or less than once.
        """
        chunks = events.cast(SCHEMA).to_batches()
        known = list(map(self.read, chunks)) if parsed is None else parsed  # 1
        stream = self._compiled.contract.stream
        what = f"{stream}: a batch of {events.num_rows} events could not be checked"
        with duckdb_errors_as(LandingError, what, fix=f"{MEND}; nothing is lost"):
            try:
                checked = self._check(chunks, known)
            except duckdb.OutOfMemoryException:  # huge events: once more, with all that the machine has
                self._connection.execute("RESET memory_limit")
                checked = self._check(chunks, known)
        found = checked.rows + checked.rejects.num_rows
        if found != events.num_rows:
            raise LandingError(f"{stream}: {found} events were checked in place of {events.num_rows}")
        return checked

    def _check(self, chunks: list[pa.RecordBatch], parsed: Sequence[pa.RecordBatch]) -> Checked:
        table = pa.Table.from_batches(parsed, schema=self._compiled.parsed_schema)
        is_good = self._is_good(table)  # 2
        remaining, at = [], 0
        for chunk, its_parsed in zip(chunks, parsed, strict=True):
            remaining.append(_without(chunk, is_good[at : at + its_parsed.num_rows]))
            at += its_parsed.num_rows
        others, rejects, reasons = self._check_remaining(pa.Table.from_batches(remaining))  # 3
        marked = table.set_column(table.schema.get_field_index(PARSED), GOOD, flag_column(is_good))
        return Checked(marked, int(np.count_nonzero(is_good)), others, rejects, reasons)

    def _is_good(self, parsed: pa.Table) -> Flags:
        """Of each event of `parsed`, in its order: was it parsed, and does it keep the rules?"""
        with self._parsed.holding(parsed):
            found = self._rules.run().column(0)
        parts = [as_bytes(part.buffers()[1])[part.offset :][: len(part)] for part in found.chunks]
        return np.concatenate([np.zeros(0, np.uint8), *parts]).view(bool)

    def _check_remaining(self, remaining: pa.Table) -> tuple[pa.Table, pa.Table, Reasons]:
        if not remaining.num_rows:
            return _NONE, _NONE, {}
        connection = self._connection
        with self._remaining.holding(remaining):
            if remaining.num_rows > _FEW:
                connection.execute("SET preserve_insertion_order = false")  # else one thread does it all
            try:
                connection.register("checked", self._whole.run())
            finally:
                connection.execute(
                    "RESET preserve_insertion_order"
                )  # what was parsed is checked in its order
            others, rejects = (connection.sql(sql).to_arrow_table() for sql in (_OTHERS, REJECTS))
            reasons = count_reasons(connection) if rejects.num_rows else {}
            connection.unregister("checked")
        return others, rejects, reasons


# The good events of `checked`.
_OTHERS = "SELECT * EXCLUDE (reasons) FROM checked WHERE reasons IS NULL"

# The rejects of `checked`, with all that their events were sent with.
REJECTS = """
SELECT r."partition", r."offset", r.kafka_timestamp, r.key, r.value, r.headers, c.reasons
FROM checked AS c JOIN remaining AS r ON r."partition" = c._kafka_partition AND r."offset" = c._offset
WHERE c.reasons IS NOT NULL
"""


@contextmanager
def open_checker(compiled: CompiledContract, *, fast: bool = False) -> Iterator[Checker]:
    """A checker, with a DuckDB of its own that ends with the block."""
    with duckdb.connect() as connection:
        connection.execute(_SETTINGS)
        compiled.prepare(connection)
        yield Checker(compiled, connection, fast=fast)


def _without(chunk: pa.RecordBatch, is_good: Flags) -> pa.RecordBatch:
    """The events of a chunk that are not good; of a chunk without parsed events no flags are given."""
    if not len(is_good):
        return chunk
    rows = np.flatnonzero(~is_good)
    return pa.record_batch([taken(column, rows) for column in chunk.columns], schema=chunk.schema)
