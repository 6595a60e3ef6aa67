"""What is judged: the finished build in the warehouse, and the public marts that it made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penstock.core.duckdb_file import open_duckdb, quoted
from penstock.core.errors import GateError


@dataclass(frozen=True)
class Mart:
    """A candidate: the table `marts.<name>`."""

    name: str
    columns: tuple[str, ...]

    @property
    def table(self) -> str:
        """Its name in SQL."""
        return f"marts.{quoted(self.name)}"


@dataclass(frozen=True)
class Build:
    """The build that the warehouse holds, as its record says."""

    build_id: str
    code_version: str
    declarations_hash: str
    marts: tuple[Mart, ...]


def open_warehouse(path: Path, pipeline: str) -> duckdb.DuckDBPyConnection:
    """Open the warehouse read-only. Raises GateError where there is none yet."""
    if not path.exists():
        raise GateError(f"{path}: nothing has been built yet", fix=f"run: penstock transform {pipeline}")
    return open_duckdb(path, read_only=True)


def read_build(connection: duckdb.DuckDBPyConnection, pipeline: str) -> Build:
    """The one row of `_penstock.build`, whose marts are all there.

    Raises GateError where no finished build is there, or a mart that the record names is not.
    """
    fix = f"run: penstock transform {pipeline}"
    try:
        row = connection.execute(
            "select build_id, code_version, declarations_hash, marts from _penstock.build"
        ).fetchone()
    except duckdb.CatalogException:
        row = None
    if row is None:
        raise GateError(f"the warehouse of {pipeline} holds no finished build to judge", fix=fix)
    build_id, code_version, declarations_hash, marts = row
    build = Build(
        build_id=build_id,
        code_version=code_version,
        declarations_hash=declarations_hash,
        marts=tuple(
            Mart(mart["name"], tuple(column["name"] for column in mart["columns"]))
            for mart in json.loads(marts)
        ),
    )
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
