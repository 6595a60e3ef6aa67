"""The rows that incremental models hold: were they made of what is declared now?

A build adds new rows to them and leaves the others as they are. So before it begins, what each is made of
(`made_of.py`) is compared with the note of what its rows were made of, `_penstock.made_of` in the warehouse.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import TransformError, first_line
from penstock.core.settings import Settings
from penstock.core.warehouse_format import WAREHOUSE_FORMAT, warehouse_format
from penstock.transform.made_of import Parts, Project

_DONE = "success"


@dataclass(frozen=True)
class Plan:
    """How to build. `why_full`: why everything is to be built anew though nobody asked for it; None where
    it is not. `in_full`: what the incremental models are made of that this build builds from their first row
    on, by unique id."""

    why_full: str | None
    in_full: dict[str, Parts] = field(default_factory=dict)


def plan_build(
    settings: Settings,
    pipeline: str,
    manifest: dict[str, Any],
    selected: list[str],
    *,
    full_refresh: bool,
    moved: str | None = None,
) -> Plan:
    """Compare the selected incremental models with the rows that the warehouse has of them. `moved`: which
    commits of those that it has read have come into quarantine since, or out of it.

    Raises TransformError where the rows of one were made of something else, unless all is built in full; and
    where commits have moved, and a model keeps its rows whatever changes.
    """
    project = Project(manifest, settings.dbt_project_dir(pipeline))
    models = {
        unique_id: node
        for unique_id in selected
        if (node := manifest["nodes"].get(unique_id, {})).get("resource_type") == "model"
        and node["config"]["materialized"] == "incremental"
        and node["config"]["full_refresh"] is not False  # dbt's word for: keep the rows, whatever changes
    }
    wanted = {unique_id: project.made_of(unique_id) for unique_id in models}
    if moved is not None:
        _refuse_kept_rows(pipeline, manifest, selected, moved)
    path = settings.warehouse_file(pipeline)
    if full_refresh or not path.exists():
        return Plan(None, wanted)
    with open_duckdb(path, read_only=True) as connection:
        version = warehouse_format(connection, path)
        there = {
            unique_id
            for unique_id, node in models.items()
            if node["config"]["full_refresh"] is not True and _has_rows(connection, node)
        }
        noted = _noted(connection)
    if version is not None and version < WAREHOUSE_FORMAT:
        return Plan(f"the warehouse {path} is of an older format ({version}, now {WAREHOUSE_FORMAT})", wanted)
    for unique_id in sorted(there & noted.keys()):
        if noted[unique_id] != wanted[unique_id]:
            raise _changed(pipeline, models[unique_id], noted[unique_id], wanted[unique_id])
    if moved is not None:
        return Plan(moved, wanted)
    unknown = sorted(str(models[unique_id]["name"]) for unique_id in there - noted.keys())
    if unknown:
        return Plan(
            f"nobody noted what the rows of {', '.join(unknown)} were made of (a full build was cut short, "
            "or dbt was run by hand)",
            wanted,
        )
    return Plan(None, {unique_id: wanted[unique_id] for unique_id in models.keys() - there})


def note_made_of(settings: Settings, pipeline: str, target: Path, plan: Plan) -> None:
    """Note what the models are made of that the build in `target` has built in full, also where another one
    failed. Nothing to do where dbt did not come so far. Raises TransformError."""
    results = target / "run_results.json"
    if not results.exists():
        return
    ended = {result["unique_id"]: result["status"] for result in json.loads(results.read_bytes())["results"]}
    built = {model: parts for model, parts in plan.in_full.items() if ended.get(model) == _DONE}
    if not built:
        return
    path = settings.warehouse_file(pipeline)
    try:
        with open_duckdb(path) as connection:
            connection.execute("begin")
            for model, parts in built.items():
                connection.execute("delete from _penstock.made_of where model = ?", [model])
                connection.executemany(
                    "insert into _penstock.made_of values (?, ?, ?)",
                    [[model, part, fingerprint] for part, fingerprint in parts.items()],
                )
            connection.execute("commit")
    except duckdb.CatalogException as exc:
        raise TransformError(
            f"pipeline {pipeline}: the build did not make Penstock's own tables in {path}",
            fix="bring dbt_project/_shared up to date with this Penstock, and name it in packages.yml",
            where=path,
        ) from exc
    except duckdb.Error as exc:
        raise TransformError(
            f"{path}: cannot be written: {first_line(exc)}",
            fix="mend what the message says (a full disk?) and run again",
            where=path,
        ) from exc


def _has_rows(connection: duckdb.DuckDBPyConnection, node: dict[str, Any]) -> bool:
    """Whether dbt would add to a table: is there one?"""
    found = connection.execute(
        "select 1 from duckdb_tables() where lower(schema_name) = lower(?) and lower(table_name) = lower(?)",
        [node["schema"], node["alias"]],
    ).fetchall()
    return bool(found)


def _noted(connection: duckdb.DuckDBPyConnection) -> dict[str, Parts]:
    known = connection.execute(
        "select 1 from duckdb_tables() where schema_name = '_penstock' and table_name = 'made_of'"
    ).fetchall()
    noted: dict[str, Parts] = {}
    rows = (
        connection.execute("select model, part, fingerprint from _penstock.made_of").fetchall()
        if known
        else []
    )
    for model, part, fingerprint in rows:
        noted.setdefault(model, {})[part] = fingerprint
    return noted


def _refuse_kept_rows(pipeline: str, manifest: dict[str, Any], selected: list[str], moved: str) -> None:
    for node in filter(None, map(manifest["nodes"].get, selected)):
        config = node["config"]
        kept = config.get("materialized") == "incremental" and config.get("full_refresh") is False
        if kept or node["resource_type"] == "snapshot":
            what = "its `full_refresh` is false" if kept else "it is a snapshot"
            raise TransformError(
                f"pipeline {pipeline}: {moved}, but {node['name']} ({node['original_file_path']}) keeps its "
                f"rows: {what}",
                fix="take that from the project, or bring the commits back to where they were "
                f"(`penstock quarantine ls {pipeline}` shows them)",
            )


def _changed(pipeline: str, node: dict[str, Any], noted: Parts, wanted: Parts) -> TransformError:
    changes = [f"{part} has changed" for part in wanted if part in noted and noted[part] != wanted[part]]
    changes += [f"{part} is new" for part in wanted if part not in noted]
    changes += [f"{part} is gone" for part in noted if part not in wanted]
    shown = "; ".join(changes[:3]) + ("; …" if len(changes) > 3 else "")
    return TransformError(
        f"pipeline {pipeline}: the incremental model {node['name']} ({node['original_file_path']}) would add "
        f"new rows to rows that were made otherwise: {shown}",
        fix=f"build all rows anew: `penstock transform {pipeline} --full-refresh`, or in Airflow trigger the "
        "DAG with the parameter `full_refresh`; or undo the change. BI keeps the version before",
    )
