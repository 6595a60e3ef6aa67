"""What checking a batch gives: rows, rejects, and why."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from penstock.ingest.decode.arrow_bytes import bytes_of, is_text

Reasons = dict[tuple[str | None, str], int]  # (field or None, rule) → rejects with that reason


@dataclass(frozen=True)
class Checked:
    """The events of a batch, each in one of three tables.

    `parsed`: columns of `parse_chunk`, with _is_good in place of _is_parsed; `good_parsed` of them are good,
    the others are again in one of the next two.
    `others`: good events that only the whole SQL could read, with the contract's columns, _unknown,
    _kafka_partition, _offset, _kafka_timestamp.
    `rejects`: partition, offset, kafka_timestamp, key, value, headers, reasons.
    One without rows may have other columns.
    """

    parsed: pa.Table
    good_parsed: int
    others: pa.Table
    rejects: pa.Table
    reasons: Reasons

    @property
    def rows(self) -> int:
        """How many events are good."""
        return self.good_parsed + int(self.others.num_rows)

    @property
    def text_of_row(self) -> float:
        """Bytes of a row's texts, that of _unknown too: on average, over all that was parsed."""
        tables = [table for table in (self.parsed, self.others) if table.num_rows]
        texts = [column for table in tables for column in table.columns if is_text(column.type)]
        size = sum(bytes_of(chunk) for column in texts for chunk in column.chunks)
        return size / max(1, sum(int(table.num_rows) for table in tables))


def count_reasons(connection: duckdb.DuckDBPyConnection) -> Reasons:
    """Why events of `checked` are rejects."""
    found = connection.execute(
        "SELECT reason.field, reason.rule, count(*) FROM checked, unnest(reasons) AS t (reason) GROUP BY ALL"
    ).fetchall()
    return {(field, rule): count for field, rule, count in found}
