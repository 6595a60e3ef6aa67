"""What may be published: the warehouse's one finished build, and the verdict that lets exactly it pass."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from penstock.core.code_version import other_engine
from penstock.core.errors import PublishError
from penstock.core.names import name_problem
from penstock.core.settings import Settings


@dataclass(frozen=True)
class Column:
    """A column as the model declares it."""

    name: str
    data_type: str
    description: str
    not_null: bool


@dataclass(frozen=True)
class Mart:
    """A public model. Its candidate is the table `marts.<name>` of the warehouse."""

    name: str
    description: str
    owner: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Build:
    """The build record. `inputs` are the rows of `_penstock.inputs`, one per stream."""

    build_id: str
    code_version: str
    code_dirty: bool
    declarations_hash: str
    complete_until: dt.datetime | None
    inputs: tuple[dict[str, Any], ...]
    marts: tuple[Mart, ...]


@dataclass(frozen=True)
class Verdict:
    """What the gate counted: checks in all (`passed`, `warned`, `failed`), and warnings per mart."""

    checks: dict[str, int]
    warnings_by_mart: dict[str, int]


def read_build(warehouse: duckdb.DuckDBPyConnection, settings: Settings, pipeline: str) -> Build:
    """The build that the open warehouse holds. Raises PublishError where there is not exactly one."""
    file = settings.warehouse_file(pipeline)
    remedy = f"run `penstock transform {pipeline}`, then `penstock validate {pipeline}`"
    try:
        rows = warehouse.execute(
            "SELECT build_id, code_version, code_dirty, declarations_hash, "
            "complete_until AT TIME ZONE 'UTC', inputs, marts FROM _penstock.build"
        ).fetchall()
    except duckdb.CatalogException:
        rows = []
    if not rows:
        raise PublishError(f"pipeline {pipeline}: no finished build in {file}", fix=remedy)
    if len(rows) > 1:
        raise PublishError(f"pipeline {pipeline}: {len(rows)} builds in {file}, one is expected", fix=remedy)
    build_id, code_version, code_dirty, declarations_hash, complete_until, inputs, marts = rows[0]
    build = Build(
        build_id=build_id,
        code_version=code_version,
        code_dirty=code_dirty,
        declarations_hash=declarations_hash,
        complete_until=complete_until and complete_until.replace(tzinfo=dt.UTC),
        inputs=tuple(json.loads(inputs)),
        marts=tuple(_mart(mart) for mart in json.loads(marts)),
    )
    if other := other_engine(build.code_version):
        raise PublishError(f"pipeline {pipeline}: build {build.build_id} {other}", fix=remedy)
    if not build.marts:
        raise PublishError(
            f"pipeline {pipeline}: build {build.build_id} has no public mart",
            fix="give the models that BI reads `access: public`",
        )
    for mart in build.marts:
        if problem := name_problem("mart", mart.name):
            raise PublishError(f"pipeline {pipeline}: {problem}", fix="rename the model")
    return build


def read_verdict(settings: Settings, pipeline: str, build_id: str) -> Verdict:
    """The verdict that lets `build_id` pass. Raises PublishError: none, another build's, or not passed."""
    file = settings.verdict_file(pipeline)
    remedy = f"run `penstock validate {pipeline}`"
    content = _json_object(file, f"pipeline {pipeline}: build {build_id} has no verdict", remedy)
    judged, outcome = content.get("build_id"), content.get("outcome")
    if judged != build_id:
        raise PublishError(
            f"pipeline {pipeline}: the verdict is of build {judged}, the warehouse holds build {build_id}",
            fix=remedy,
        )
    if outcome != "passed":
        raise PublishError(
            f"pipeline {pipeline}: the gate's verdict on build {build_id} is '{outcome}', not 'passed'",
            fix=f"see the problems in {file}, correct the data or the models, then run the pipeline again",
        )
    checks = {kind: int(content["checks"][kind]) for kind in ("passed", "warned", "failed")}
    return Verdict(checks, {mart: int(count) for mart, count in content["warnings_by_mart"].items()})


def _json_object(file: Path, when_missing: str, remedy: str) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PublishError(f"{when_missing}: {file} does not exist", fix=remedy) from None
    except ValueError as exc:
        raise PublishError(f"{file}: not a verdict: {exc}", fix=remedy) from exc
    if not isinstance(content, dict):
        raise PublishError(f"{file}: not a verdict: a JSON object is expected", fix=remedy)
    return content


def _mart(record: dict[str, Any]) -> Mart:
    return Mart(
        name=record["name"],
        description=record["description"] or "",
        owner=record["owner"],
        columns=tuple(
            Column(column["name"], column["data_type"], column["description"] or "", column["not_null"])
            for column in record["columns"]
        ),
    )
