"""What checking a batch gives: rows, rejects, and why."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

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


def count_reasons(connection: duckdb.DuckDBPyConnection) -> Reasons:
    """Why events of `checked` are rejects."""
    found = connection.execute(
        "SELECT reason.field, reason.rule, count(*) FROM checked, unnest(reasons) AS t (reason) GROUP BY ALL"
    ).fetchall()
    return {(field, rule): count for field, rule, count in found}
