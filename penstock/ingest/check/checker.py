"""A batch is judged before it lands: which events are rows, which are rejects, and why.

In a DuckDB of its own, in memory: the landing file is held only while rows are written, and one batch can be
judged while another lands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa

from penstock.core.errors import LandingError
from penstock.ingest.check.compiler import LONGEST_VALUE, Judgement
from penstock.ingest.check.result import Judged, Reasons, count_reasons
from penstock.ingest.decode.arrow_bytes import Flags, as_bytes, flag_column, taken
from penstock.ingest.parse.fast_path import plain_columns
from penstock.ingest.parse.schema import PLAIN, no_plain_columns

# As much as a batch of usual events takes; what is more takes what there is (`judge`).
_SETTINGS = """
SET TimeZone = 'UTC';
SET memory_limit = '256MB';
SET temp_directory = '';
SET threads = 1;
SET arrow_lossless_conversion = true;
"""

_NONE = pa.table({"nothing": pa.nulls(0)})


class Judge:
    """Judges batches by a contract, one at a time."""

    def __init__(
        self, judgement: Judgement, connection: duckdb.DuckDBPyConnection, *, fast: bool = False
    ) -> None:
        self._judgement = judgement
        self._connection = connection
        self.fast = fast  # by the fast path first, whose code is loaded when it is first used

    def read(self, chunk: pa.RecordBatch) -> pa.RecordBatch:
        """The plain events of a chunk as typed columns: columns of `fast_path.plain_columns`."""
        if not self.fast:
            return no_plain_columns(self._judgement.plain_schema)
        return plain_columns(self._judgement.contract, chunk, LONGEST_VALUE)

    def judge(self, events: pa.Table, plain: Sequence[pa.RecordBatch] | None = None) -> Judged:
        """Judge events, columns as in `columns.SCHEMA`; `plain`: what `read` gives for each of their chunks.

        1. read the plain events, if that was not done before
        2. mark those of them that keep the rules
        3. judge all others by the contract's whole SQL

        Raises LandingError where it cannot be done, or some events came out more or less than once.
        """
        chunks = events.to_batches()
        known = list(map(self.read, chunks)) if plain is None else plain  # 1
        stream = self._judgement.contract.stream
        try:
            try:
                judged = self._judge(chunks, known)
            except duckdb.OutOfMemoryException:  # huge events: once more, with all that the machine has
                self._connection.execute("RESET memory_limit")
                judged = self._judge(chunks, known)
        except duckdb.Error as exc:
            raise LandingError(
                f"{stream}: a batch of {events.num_rows} events could not be judged: {exc}",
                fix="mend what the message says (too little memory?) and run again; nothing is lost",
            ) from exc
        found = judged.rows + judged.rejects.num_rows
        if found != events.num_rows:
            raise LandingError(f"{stream}: {found} events were judged in place of {events.num_rows}")
        return judged

    def _judge(self, chunks: list[pa.RecordBatch], plain: Sequence[pa.RecordBatch]) -> Judged:
        table = pa.Table.from_batches(plain, schema=self._judgement.plain_schema)
        is_good = self._is_good(table)  # 2
        doubtful, at = [], 0
        for chunk, its_plain in zip(chunks, plain, strict=True):
            doubtful.append(_without(chunk, is_good[at : at + its_plain.num_rows]))
            at += its_plain.num_rows
        others, rejects, reasons = self._judge_doubtful(pa.Table.from_batches(doubtful))  # 3
        marked = table.set_column(table.schema.get_field_index(PLAIN), PLAIN, flag_column(is_good))
        return Judged(marked, int(np.count_nonzero(is_good)), others, rejects, reasons)

    def _is_good(self, plain: pa.Table) -> Flags:
        """Of each event of `plain`, in its order: is it plain, and keeps the rules?"""
        self._connection.register("plain", plain)
        found = self._connection.sql(self._judgement.rules_sql).to_arrow_table().column(0)
        self._connection.unregister("plain")
        parts = [as_bytes(part.buffers()[1])[part.offset :][: len(part)] for part in found.chunks]
        return np.concatenate([np.zeros(0, np.uint8), *parts]).view(bool)

    def _judge_doubtful(self, doubtful: pa.Table) -> tuple[pa.Table, pa.Table, Reasons]:
        if not doubtful.num_rows:  # its plan alone takes tens of milliseconds
            return _NONE, _NONE, {}
        connection = self._connection
        connection.register("doubtful", doubtful)
        self._judgement.judge(connection)
        others, rejects = (
            connection.sql(sql).to_arrow_table()
            for sql in ("SELECT * EXCLUDE (reasons) FROM judged WHERE reasons IS NULL", REJECTS)
        )
        connection.unregister("doubtful")
        return others, rejects, count_reasons(connection) if rejects.num_rows else {}


# The rejects of `judged`, with all that their events were sent with.
REJECTS = """
SELECT d."partition", d."offset", d.kafka_timestamp, d.key, d.value, d.headers, j.reasons
FROM judged AS j JOIN doubtful AS d ON d."partition" = j._kafka_partition AND d."offset" = j._offset
WHERE j.reasons IS NOT NULL
"""


@contextmanager
def open_judge(judgement: Judgement, *, fast: bool = False) -> Iterator[Judge]:
    """A judge, with a DuckDB of its own that ends with the block."""
    with duckdb.connect() as connection:
        connection.execute(_SETTINGS)
        judgement.prepare(connection)
        yield Judge(judgement, connection, fast=fast)


def _without(chunk: pa.RecordBatch, is_good: Flags) -> pa.RecordBatch:
    """The events of a chunk that are not good; of a chunk without plain events no flags are given."""
    if not len(is_good):
        return chunk
    rows = np.flatnonzero(~is_good)
    return pa.record_batch([taken(column, rows) for column in chunk.columns], schema=chunk.schema)
