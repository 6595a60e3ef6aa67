"""What checking a batch gives: rows, rejects, and why."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

Reasons = dict[tuple[str | None, str], int]  # (field or None, rule) → rejects with that reason


@dataclass(frozen=True)
class Judged:
    """The events of a batch, each in one of three tables.

    `plain`: columns of `fast_path.plain_columns`, where _is_plain marks the good ones, `plain_rows` in all;
    the others are again in one of the next two. `others`: the contract's columns, _unknown, _kafka_partition,
    _offset, _kafka_timestamp. `rejects`: partition, offset, kafka_timestamp, key, value, headers, reasons.
    One without rows may have other columns.
    """

    plain: pa.Table
    plain_rows: int
    others: pa.Table
    rejects: pa.Table
    reasons: Reasons

    @property
    def rows(self) -> int:
        """How many events are good."""
        return self.plain_rows + int(self.others.num_rows)


def count_reasons(connection: duckdb.DuckDBPyConnection) -> Reasons:
    """Why events of `judged` are rejects."""
    found = connection.execute(
        "SELECT reason.field, reason.rule, count(*) FROM judged, unnest(reasons) AS t (reason) GROUP BY ALL"
    ).fetchall()
    return {(field, rule): count for field, rule, count in found}
