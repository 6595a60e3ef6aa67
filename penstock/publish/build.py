"""What may be published: the warehouse's one finished build, and the verdict that lets exactly it pass."""

from __future__ import annotations

import duckdb

from penstock.core.build_record import Build, read_builds
from penstock.core.code_version import other_engine
from penstock.core.errors import PublishError
from penstock.core.names import name_problem
from penstock.core.settings import Settings
from penstock.core.verdict import Verdict, read_verdict


def the_build(warehouse: duckdb.DuckDBPyConnection, settings: Settings, pipeline: str) -> Build:
    """The build that the open warehouse holds. Raises PublishError where there is not exactly one."""
    file = settings.warehouse_file(pipeline)
    remedy = f"run `penstock transform {pipeline}`, then `penstock validate {pipeline}`"
    builds = read_builds(warehouse)
    if not builds:
        raise PublishError(f"pipeline {pipeline}: no finished build in {file}", fix=remedy, where=file)
    if len(builds) > 1:
        raise PublishError(
            f"pipeline {pipeline}: {len(builds)} builds in {file}, one is expected", fix=remedy, where=file
        )
    (build,) = builds
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


def passed_verdict(settings: Settings, pipeline: str, build_id: str) -> Verdict:
    """The verdict that lets `build_id` pass. Raises PublishError: none, another build's, or not passed."""
    file = settings.verdict_file(pipeline)
    remedy = f"run `penstock validate {pipeline}`"
    try:
        verdict = read_verdict(file)
    except ValueError as exc:
        raise PublishError(f"{file}: not a verdict: {exc}", fix=remedy, where=file) from exc
    if verdict is None:
        raise PublishError(
            f"pipeline {pipeline}: build {build_id} has no verdict: {file} does not exist",
            fix=remedy,
            where=file,
        )
    if verdict.build_id != build_id:
        raise PublishError(
            f"pipeline {pipeline}: the verdict is of build {verdict.build_id}, the warehouse holds build "
            f"{build_id}",
            fix=remedy,
        )
    if verdict.outcome != "passed":
        raise PublishError(
            f"pipeline {pipeline}: the gate's verdict on build {build_id} is '{verdict.outcome}', not "
            "'passed'",
            fix=f"see the problems in {file}, correct the data or the models, then run the pipeline again",
            where=file,
        )
    return verdict
