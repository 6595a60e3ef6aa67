"""From a pipeline's YAML to its DAG: `ingest → transform → validate → publish`, then `report`.

Each pipeline has a loader of two lines beside its YAML (`dags/<pipeline>.py`). Airflow finds DAGs in Python
files only (its registry of importers for other file types is not asked when files are looked for), and keeps
one import error per file: so a loader of its own is what makes a broken YAML show as its own error, and hide
no other DAG.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, AssetAlias, CronTriggerTimetable, Param
from airflow.sdk.exceptions import AirflowTimetableInvalid

from penstock.airflow.alert import reports_failure, reports_marked_as_failed
from penstock.airflow.stage import (
    FULL_REFRESH,
    PublishOperator,
    ReportOperator,
    StageOperator,
    TransformOperator,
)
from penstock.core.pipeline import Pipeline, read_pipeline
from penstock.core.settings import Settings
from penstock.core.yaml_file import read_yaml

_STAGES = ("ingest", "transform", "validate", "publish")
_RETRY_DELAY = timedelta(seconds=30)
# Not 0: until a DAG's first run by schedule, each parse sets its next hour anew, and a parse right after the
# full hour would then skip that hour before the scheduler has seen it.
_JUST_PAST = timedelta(minutes=1)
_REPORT_LIMIT = timedelta(minutes=2)
# Words that Airflow knows beside cron expressions and cron's own presets (@hourly, @daily …).
_NOT_CRON = {"@once", "@continuous"}


def dag_from_yaml(loader: str) -> DAG:
    """The DAG of the pipeline whose YAML lies beside `loader` (a loader's `__file__`) and has its name.

    Opens no other file. Raises DeclarationError with file and line.
    """
    file = Path(loader).absolute().with_suffix(".yaml")
    pipeline = read_pipeline(file)
    try:
        return build_dag(pipeline)
    except AirflowTimetableInvalid as exc:
        problem = f"schedule is '{pipeline.schedule}': {exc}"
        fix = 'write a cron expression, or "@hourly", "@daily", "@weekly" …'
        raise read_yaml(file).error(("schedule",), problem, fix=fix) from exc


def build_dag(pipeline: Pipeline) -> DAG:
    """The DAG of one pipeline. Its project is `PENSTOCK_PROJECT`, else the folder above the YAML's."""
    project = Path(os.environ.get("PENSTOCK_PROJECT") or pipeline.file.parent.parent).absolute()
    common: dict[str, Any] = {"project": project, "owner": pipeline.owner}
    alert: dict[str, Any] = {
        "on_failure_callback": reports_failure(project),
        "on_retry_callback": reports_marked_as_failed(project),
    }
    retries: dict[str, Any] = {"retries": pipeline.retries, "retry_delay": _RETRY_DELAY}
    with DAG(
        dag_id=pipeline.name,
        description=pipeline.description,
        doc_md=_doc(pipeline),
        schedule=_schedule(pipeline.schedule),
        tags=list(pipeline.tags),
        catchup=False,
        max_active_runs=1,
        params={FULL_REFRESH: _full_refresh()},
    ) as dag:
        verb = "wait" if pipeline.ingest == "follow" else "drain"
        ingest = StageOperator(
            task_id="ingest", commands=[["ingest", verb, stream] for stream in pipeline.streams],
            **common, **alert, **retries,
        )  # fmt: skip
        transform = TransformOperator(
            task_id="transform", commands=[["transform", pipeline.name]], **common, **alert, **retries
        )
        # No retries: the same checks judge the same candidates the same way.
        validate = StageOperator(
            task_id="validate", commands=[["validate", pipeline.name]], retries=0, **common, **alert
        )
        publish = PublishOperator(
            task_id="publish", commands=[["publish", pipeline.name]], marts=_marts(pipeline),
            **common, **alert, **retries,
        )  # fmt: skip
        report = ReportOperator(
            task_id="report", commands=[["monitor", "deliver"]], stages=_STAGES, retries=0,
            execution_timeout=_REPORT_LIMIT, **common,
        )  # fmt: skip
        # A teardown runs always, and how it ends counts nothing: a run is what `publish` is. (Not
        # on_failure_fail_dagrun: it would count alone, and turn runs green that failed.)
        ingest >> transform >> validate >> publish >> report.as_teardown()
    return dag


def _schedule(schedule: str | None) -> Any:
    """Airflow's own meaning, but unpausing a new DAG starts no run for an hour that is long past."""
    if schedule is None or schedule in _NOT_CRON:
        return schedule
    timetable = CronTriggerTimetable(schedule, timezone="UTC", run_immediately=_JUST_PAST)
    timetable.validate()
    return timetable


def _full_refresh() -> Param:
    return Param(
        False,
        type="boolean",
        title="Full refresh",
        description="Build all rows of the incremental models anew, not only what is new: after a change of "
        "what they are made of, or where a landing file was replaced.",
    )


def _marts(pipeline: Pipeline) -> AssetAlias:
    """Stands for the pipeline's marts, whose names only dbt knows, until publish names them."""
    return AssetAlias(f"penstock://{Settings.from_env().environment}/{pipeline.name}")


def _doc(pipeline: Pipeline) -> str:
    streams = ", ".join(f"`{stream}`" for stream in pipeline.streams)
    return f"""{pipeline.description}

| | |
|---|---|
| Owner | {pipeline.owner} |
| Streams | {streams} (ingest: {pipeline.ingest}) |
| Declared in | `dags/{pipeline.file.name}` |

A run that fails leaves the published marts as they were. To build all rows anew, trigger the DAG with the
parameter `full_refresh`. By hand, without Airflow:
`penstock transform {pipeline.name}`, `penstock validate {pipeline.name}`, `penstock publish {pipeline.name}`.
"""
