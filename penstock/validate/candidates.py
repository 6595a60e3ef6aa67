"""What is judged: the finished build in the warehouse, and the public marts that it made."""

from __future__ import annotations

from pathlib import Path

import duckdb

from penstock.core.build_record import Build, read_builds
from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import GateError


def open_warehouse(path: Path, pipeline: str) -> duckdb.DuckDBPyConnection:
    """Open the warehouse read-only. Raises GateError where there is none yet."""
    if not path.exists():
        raise GateError(
            f"{path}: nothing has been built yet", fix=f"run: penstock transform {pipeline}", where=path
        )
    return open_duckdb(path, read_only=True)


def the_build(connection: duckdb.DuckDBPyConnection, pipeline: str) -> Build:
    """The one build that the warehouse holds, whose marts are all there.

    Raises GateError where there is not exactly one finished build, or a mart that its record names is not
    there.
    """
    fix = f"run: penstock transform {pipeline}"
    builds = read_builds(connection)
    if not builds:
        raise GateError(f"the warehouse of {pipeline} holds no finished build to judge", fix=fix)
    if len(builds) > 1:
        raise GateError(f"the warehouse of {pipeline} holds {len(builds)} builds, one is expected", fix=fix)
    (build,) = builds
    if not build.marts:
        raise GateError(
            f"the build of {pipeline} has no public mart, so there is nothing to judge or to publish",
            fix="give the models that people may read access: public",
        )
    tables = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' and not temporary"
        ).fetchall()
    }
    for mart in build.marts:
        if mart.name not in tables:
            raise GateError(f"the warehouse of {pipeline} has no table marts.{mart.name}", fix=fix)
    return build
