"""Landing to warehouse: one dbt build, and the record of what it built."""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from penstock.core.build_record import Build, Input, write_build
from penstock.core.code_version import code_version, declarations_hash
from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import TransformError
from penstock.core.kill_point import kill_point
from penstock.core.pipeline import Pipeline, load_pipeline
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.settings import Settings
from penstock.core.warehouse_format import warehouse_format
from penstock.transform.artifacts import invocation_of, manifest_of
from penstock.transform.dbt_build import DbtBuild, FileWasHeld, dbt_build
from penstock.transform.history import Plan, note_made_of, plan_build
from penstock.transform.inputs import all_inputs, read_inputs
from penstock.transform.landing import refuse_lost_commits, wait_until_readable
from penstock.transform.left_out import LeftOut
from penstock.transform.marts import candidate_marts
from penstock.transform.public_models import check_public_models
from penstock.transform.sources import check_sources

_log = logging.getLogger(__name__)

Leaps = dict[str, list[range]]  # by stream, the commit numbers that were never given


@dataclass(frozen=True)
class TransformResult:
    """A finished build. `new_commits` is how many transactions of landing it read for the first time;
    `quarantined_events` how many events it was made without."""

    build_id: str
    run_id: str
    pipeline: str
    complete_until: dt.datetime
    models: int
    tests: int
    unit_tests: int
    warnings: int
    new_commits: int
    quarantined_events: int
    seconds: float


def transform(
    settings: Settings, name: str, *, run_id: str, full_refresh: bool = False, patience: float = 60.0
) -> TransformResult:
    """Build the candidate marts of the pipeline `name`, and record the build:

    1. check what is declared, before anything runs
    2. wait for the pipeline's lock and for the files that dbt will want; `patience` seconds for each. What is
       in quarantine from here on is left out
    3. run `dbt build`: when the project is parsed, see that what is public can be served, and that the rows
       of incremental models are made of what is declared; then build, which empties the build record first
    4. write the build record, if nothing that is declared changed meanwhile

    Raises DeclarationError, BusyError, LandingError, TransformError. Whatever fails, or ends this process,
    after the build began leaves no build record.
    """
    started = time.monotonic()
    pipeline = load_pipeline(settings, name)  # 1
    check_sources(settings, pipeline)
    with pipeline_lock(settings, name, what="transform", wait=patience):  # 2
        declared = declarations_hash(settings, name, pipeline.streams)
        before = _read_before(settings, pipeline, wait=patience)
        left_out = LeftOut(settings, pipeline)
        build, leaps = _build(  # 3
            settings, pipeline, before, left_out, full_refresh=full_refresh, patience=patience
        )
        kill_point("transform.built")
        record = _record(settings, pipeline, build, left_out, run_id=run_id, declared=declared)  # 4
    return TransformResult(
        build_id=record.build_id,
        run_id=run_id,
        pipeline=name,
        complete_until=record.complete_until,
        models=build.counts.models,
        tests=build.counts.tests,
        unit_tests=build.counts.unit_tests,
        warnings=build.counts.warnings,
        new_commits=_new_commits(before, list(record.inputs), leaps),
        quarantined_events=sum(read.quarantined_events for read in record.inputs),
        seconds=round(time.monotonic() - started, 3),
    )


def _read_before(settings: Settings, pipeline: Pipeline, *, wait: float) -> list[Input]:
    """What the warehouse has read so far. Also finds out that nobody holds it, as dbt waits for nobody."""
    path = settings.warehouse_file(pipeline.name)
    if not path.exists():
        return []
    with open_duckdb(path, wait=wait) as connection:
        warehouse_format(connection, path)  # raises for a newer one
        return read_inputs(connection, pipeline.streams)


def _build(
    settings: Settings,
    pipeline: Pipeline,
    before: list[Input],
    left_out: LeftOut,
    *,
    full_refresh: bool,
    patience: float,
) -> tuple[DbtBuild, Leaps]:
    """dbt attaches a landing file without waiting: wait first, and again when its writer was quicker."""
    deadline = time.monotonic() + patience
    while True:
        leaps = {
            stream: wait_until_readable(settings, stream, wait=max(deadline - time.monotonic(), 0))
            for stream in pipeline.streams
        }
        left_out.refuse_other_commits()
        try:
            return _build_once(settings, pipeline, before, left_out, full_refresh=full_refresh), leaps
        except FileWasHeld:
            if time.monotonic() > deadline:
                raise


def _build_once(
    settings: Settings, pipeline: Pipeline, before: list[Input], left_out: LeftOut, *, full_refresh: bool
) -> DbtBuild:
    name, target = pipeline.name, settings.dbt_output_dir(pipeline.name) / "target"
    plan: Plan | None = None

    def ready(target: Path, selected: list[str]) -> bool:
        nonlocal plan
        manifest = manifest_of(target)
        check_public_models(settings, name, manifest, selected)
        moved = left_out.moved_since(before)
        plan = plan_build(settings, name, manifest, selected, full_refresh=full_refresh, moved=moved)
        if plan.why_full is not None:
            refuse_lost_commits(settings, settings.warehouse_file(name), pipeline.streams)
            _log.warning("pipeline %s: all is built anew (full refresh): %s", name, plan.why_full)
        return full_refresh or plan.why_full is not None

    try:
        return dbt_build(settings, name, select=pipeline.select, left_out=left_out.commits, ready=ready)
    finally:
        kill_point("transform.dbt_ended")
        if plan is not None:
            note_made_of(settings, name, target, plan)


def _record(
    settings: Settings, pipeline: Pipeline, build: DbtBuild, left_out: LeftOut, *, run_id: str, declared: str
) -> Build:
    marts = candidate_marts(settings, pipeline.name, build.target, pipeline.owner)
    if declarations_hash(settings, pipeline.name, pipeline.streams) != declared:
        raise TransformError(
            f"pipeline {pipeline.name}: its declarations changed while dbt built it",
            fix="run transform again, so that the marts are of one state of them",
        )
    with open_duckdb(settings.warehouse_file(pipeline.name)) as connection:
        inputs = all_inputs(connection, pipeline.name, pipeline.streams, invocation_of(build.target))
        left_out.refuse_ignored(inputs)
        code = code_version(settings)
        record = Build(
            build_id=str(uuid.uuid4()),
            run_id=run_id,
            pipeline=pipeline.name,
            built_at=dt.datetime.now(dt.UTC),
            code_version=code.version,
            code_dirty=code.dirty,
            declarations_hash=declared,
            complete_until=min(read.complete_until for read in inputs),
            inputs=tuple(inputs),
            marts=tuple(marts),
            dbt=build.counts,
        )
        write_build(connection, record)
    return record


def _new_commits(before: list[Input], after: list[Input], leaps: Leaps) -> int:
    known = {read.stream: read.landed_commit for read in before}
    # A landing file that was made anew, and read by a full refresh, begins to count from the start.
    total = 0
    for read in after:
        newest, base = read.landed_commit, known.get(read.stream, 0)
        base = base if newest >= base else 0
        leapt = sum(
            len(range(max(leap.start, base + 1), min(leap.stop, newest + 1))) for leap in leaps[read.stream]
        )
        total += newest - base - leapt
    return total
