"""Which type a column has in a published file: one that DuckDB 1.0 can read, and no time zones."""

from __future__ import annotations

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
_NESTED = frozenset({"array", "list", "map", "struct", "union"})


def published_type(declared: DuckDBPyType, where: str) -> str:
    """The SQL type that `declared` becomes when published: TIMESTAMPTZ is TIMESTAMP (in UTC) at any depth.

    `where` names the mart and the column. Raises PublishError for a type that DuckDB 1.0 does not know.
    """
    kind = declared.id
    if kind == "timestamp with time zone":
        return "TIMESTAMP"
    if kind in _SCALARS:
        return str(declared)
    if kind not in _NESTED:
        raise PublishError(
            f"{where}: a published file, which clients from DuckDB 1.0 on must read, cannot hold {declared}",
            fix="cast it in the model, for example to VARCHAR or JSON",
        )
    parts: list[tuple[str, Any]] = list(declared.children)
    match kind:
        case "list":
            return f"{published_type(parts[0][1], where)}[]"
        case "array":
            return f"{published_type(parts[0][1], where)}[{parts[1][1]}]"
        case "map":
            return f"MAP({published_type(parts[0][1], where)}, {published_type(parts[1][1], where)})"
        case "union":
            return f"UNION({_fields(parts[1:], where)})"  # the first part is DuckDB's own tag
        case _:
            return f"STRUCT({_fields(parts, where)})"


def _fields(parts: list[tuple[str, Any]], where: str) -> str:
    return ", ".join(f"{quoted(name)} {published_type(kind, where)}" for name, kind in parts)
