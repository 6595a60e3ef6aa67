"""The build record: the row of `_penstock.build` that says what the candidates in a warehouse are.

Transform writes it last, so a build that was cut short has none; the gate, publish and doctor read it.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field, fields
from typing import Any

import duckdb

from penstock.core.command import to_json
from penstock.core.duckdb_file import quoted
from penstock.core.kill_point import kill_point
from penstock.core.quarantine import commits_of

# The very ids that a reader sees; also through another connection than DuckDB's own.
BUILD_IDS = "SELECT build_id FROM _penstock.build"

_TABLE = """
CREATE OR REPLACE TABLE _penstock.build (
    build_id VARCHAR, run_id VARCHAR, pipeline VARCHAR, built_at TIMESTAMPTZ, code_version VARCHAR,
    code_dirty BOOLEAN, declarations_hash VARCHAR, complete_until TIMESTAMPTZ, inputs JSON,
    marts JSON, dbt JSON
)
"""
_TIMES = ("built_at", "complete_until")
_JSON = ("inputs", "marts", "dbt")


@dataclass(frozen=True)
class Column:
    """A column as the model's contract declares it; `data_type` in DuckDB's SQL."""

    name: str
    data_type: str
    description: str
    not_null: bool


@dataclass(frozen=True)
class Mart:
    """A public model; columns in declared order. Its candidate is the warehouse's table `marts.<name>`."""

    name: str
    description: str
    owner: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Input:
    """What a build read of one stream: the row that dbt noted in `_penstock.inputs`."""

    stream: str
    landed_commit: int
    complete_until: dt.datetime
    landed: int
    rejected: int  # open rejects
    offsets: list[dict[str, int]]  # epoch, partition, next_offset
    # Commits up to `landed_commit` that are left out of it, and how many events they hold.
    quarantined: list[dict[str, int]] = field(default_factory=list)  # first_commit, last_commit
    quarantined_events: int = 0

    @property
    def left_out(self) -> frozenset[int]:
        """The numbers of the commits that are left out."""
        return commits_of(self.quarantined)


@dataclass(frozen=True)
class NodeCounts:
    """How many nodes of each kind dbt ran. `seconds` is dbt's own time, without its start."""

    models: int
    tests: int
    unit_tests: int
    warnings: int
    seconds: float


@dataclass(frozen=True)
class Build:
    """One finished build. `complete_until`: all events up to then are in, of every stream."""

    build_id: str
    run_id: str
    pipeline: str
    built_at: dt.datetime
    code_version: str
    code_dirty: bool
    declarations_hash: str
    complete_until: dt.datetime
    inputs: tuple[Input, ...]
    marts: tuple[Mart, ...]
    dbt: NodeCounts


def candidate_table(mart: str) -> str:
    """The candidate of a mart, as SQL names it."""
    return f"marts.{quoted(mart)}"


def write_build(connection: duckdb.DuckDBPyConnection, build: Build) -> None:
    """Make `build` the one record of the open warehouse, in one transaction."""
    values = {known.name: getattr(build, known.name) for known in fields(Build)}
    row = [_json(value) if name in _JSON else value for name, value in values.items()]
    connection.execute("BEGIN")
    connection.execute(_TABLE)
    connection.execute(f"INSERT INTO _penstock.build VALUES ({', '.join('?' * len(row))})", row)
    kill_point("transform.inserted")
    connection.execute("COMMIT")
    kill_point("transform.committed")


def read_builds(connection: duckdb.DuckDBPyConnection) -> list[Build]:
    """The records of the open warehouse: one, or none where no build has finished; more only by hand."""
    # The time zone of the session does not matter: Python gets times of UTC.
    columns = ", ".join(
        f"{known.name} AT TIME ZONE 'UTC'" if known.name in _TIMES else known.name for known in fields(Build)
    )
    try:
        rows = connection.execute(f"SELECT {columns} FROM _penstock.build").fetchall()
    except duckdb.CatalogException:
        return []
    return [_build(dict(zip([known.name for known in fields(Build)], row, strict=True))) for row in rows]


def _build(row: dict[str, Any]) -> Build:
    times = {name: row[name].replace(tzinfo=dt.UTC) for name in _TIMES}
    inputs, marts, dbt = (json.loads(row[name]) for name in _JSON)
    return Build(
        **row
        | times
        | {
            "inputs": tuple(
                Input(**read | {"complete_until": dt.datetime.fromisoformat(read["complete_until"])})
                for read in inputs
            ),
            "marts": tuple(
                Mart(**mart | {"columns": tuple(Column(**column) for column in mart["columns"])})
                for mart in marts
            ),
            "dbt": NodeCounts(**dbt),
        }
    )


def _json(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False)
