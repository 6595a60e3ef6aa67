"""Which type a column has in a published file: one that DuckDB 1.0 can read, and no time zones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duckdb.sqltypes import DuckDBPyType

from penstock.core.duckdb_file import quoted
from penstock.core.errors import PublishError

# What files of storage version v1.0.0 hold and DuckDB 1.0 reads. Newer types are either refused by such a
# file (VARIANT, TUPLE) or, worse, written so that only newer clients can open the table (BIGNUM, TIME_NS).
_SCALARS = frozenset({
    "bigint", "bit", "blob", "boolean", "date", "decimal", "double", "enum", "float", "hugeint", "integer",
    "interval", "smallint", "time", "time with time zone", "timestamp", "timestamp_ms", "timestamp_ns",
    "timestamp_s", "tinyint", "ubigint", "uhugeint", "uinteger", "usmallint", "utinyint", "uuid", "varchar",
})  # fmt: skip
_ZONED = "timestamp with time zone"
_NESTED = frozenset({"array", "list", "map", "struct", "union"})


def published_type(declared: DuckDBPyType, where: str) -> str:
    """The SQL type that `declared` becomes when published: TIMESTAMPTZ is TIMESTAMP (in UTC) at any depth.

    `where` names the mart and the column. Raises PublishError for a type that DuckDB 1.0 does not know.
    """

    def published(part: DuckDBPyType) -> str:
        if part.id == _ZONED:
            return "TIMESTAMP"
        if part.id in _SCALARS:
            return str(part)
        raise PublishError(
            f"{where}: a published file, which clients from DuckDB 1.0 on must read, cannot hold {part}",
            fix="cast it in the model, for example to VARCHAR or JSON",
        )

    return _rewritten(declared, published)


def has_zone(kind: DuckDBPyType) -> bool:
    """Whether `kind` is TIMESTAMPTZ, or holds it at any depth: what `published_type` takes the zone from."""
    if kind.id not in _NESTED:
        return bool(kind.id == _ZONED)
    return any(has_zone(part) for _, part in kind.children if isinstance(part, DuckDBPyType))


def json_as_text(kind: DuckDBPyType) -> str:
    """`kind` in SQL, with VARCHAR for JSON at any depth."""
    return _rewritten(kind, lambda part: "VARCHAR" if str(part) == "JSON" else str(part))


def _rewritten(kind: DuckDBPyType, part_in_sql: Callable[[DuckDBPyType], str]) -> str:
    """`kind` in SQL; what it is made of at the innermost is written by `part_in_sql`."""
    if kind.id not in _NESTED:
        return part_in_sql(kind)
    parts: list[tuple[str, Any]] = list(kind.children)
    match kind.id:
        case "list":
            return f"{_rewritten(parts[0][1], part_in_sql)}[]"
        case "array":
            return f"{_rewritten(parts[0][1], part_in_sql)}[{parts[1][1]}]"
        case "map":
            return f"MAP({', '.join(_rewritten(part, part_in_sql) for _, part in parts)})"
        case "union":
            parts = parts[1:]  # the first part is DuckDB's own tag
    fields = ", ".join(f"{quoted(name)} {_rewritten(part, part_in_sql)}" for name, part in parts)
    return f"{kind.id.upper()}({fields})"
