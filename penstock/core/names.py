"""Which names a user may give to streams, pipelines, marts and columns."""

from __future__ import annotations

import re

# Lower-case SQL names: they need no quotes in SQL, make good file names, and are the same on every system.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

# A pipeline's file is a database of its name. These DuckDB renames, refuses to attach, or takes for a schema.
_OF_DUCKDB = frozenset({"temp", "system", "memory", "information_schema", "pg_catalog"})

# Names with a meaning of ours, by kind of thing.
RESERVED: dict[str, frozenset[str]] = {
    # tables beside raw.<stream>, and schemas
    "stream": frozenset({"raw", "rejects", "offsets", "commits", "topics", "landing", "gaps"}),
    # verbs of `penstock validate` and `penstock publish`, schemas, and the name under which the gate attaches
    # the last version
    "pipeline": frozenset({"accept", "backtest", "feedback", "reject", "undo", "ls", "rollback", "resume"})
    | {"raw", "staging", "marts", "main", "published"}
    | _OF_DUCKDB,
    "mart": frozenset({"raw", "mart_status", "staging", "marts", "main", "publications"}),
    "column": frozenset({"raw"}),
}


def name_problem(kind: str, name: str) -> str | None:
    """Why `name` cannot name a `kind` ("stream", "pipeline", "mart", "column"), or None where it can."""
    if name.startswith("_"):
        return f"the {kind} name '{name}' begins with '_', which is kept for Penstock's own names"
    if not _NAME.fullmatch(name):
        return (
            f"'{name}' cannot name a {kind}: use a lower-case letter, then lower-case letters, digits "
            "and '_', 63 at most"
        )
    if name in RESERVED[kind]:
        whose = (
            "DuckDB keeps that name for itself" if name in _OF_DUCKDB else "Penstock uses that name itself"
        )
        return f"'{name}' cannot name a {kind}: {whose}"
    return None
