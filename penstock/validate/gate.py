"""The gate, in order: what is judged, what must hold, the judgement, the verdict."""

from __future__ import annotations

import datetime as dt
from contextlib import closing

from penstock.core.build_record import Build
from penstock.core.code_version import declarations_hash, other_engine
from penstock.core.errors import GateError
from penstock.core.kill_point import kill_point
from penstock.core.pipeline import load_pipeline
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.quarantine import read_moves
from penstock.core.settings import Settings
from penstock.core.verdict import Counts, Outcome, Quarantined, Verdict, write_verdict
from penstock.validate.anomalies import with_severities, with_what_is_left_out
from penstock.validate.candidates import open_warehouse, the_build
from penstock.validate.feedback import read_feedback, with_feedback
from penstock.validate.history.question import refuse_wrong_question
from penstock.validate.new_inputs import new_inputs
from penstock.validate.published import attach_published, check_sql, skip_incomparable
from penstock.validate.quiet import quiet
from penstock.validate.suites import read_suites
from penstock.validate.supported import refuse_unsupported
from penstock.validate.verdict import by_weight


def validate(settings: Settings, pipeline: str, run_id: str) -> Verdict:
    """Judge the candidates of `pipeline` and write the verdict, which names the build that was judged.

    1. Remove the old verdict, under the pipeline's lock: a run that breaks off leaves none.
    2. Open the warehouse read-only, to the end: what is judged cannot change meanwhile.
    3. Read the suites, what people decided of earlier findings, and what is in quarantine; everything that
       is wrong in them is found before any check runs.
    4. Leave out, and count, the checks that compare with what is not published yet.
    5. Run the checks on that very connection, build the Data Docs, write the verdict.

    Before 3 and after 5: code and declarations are those of the build, so suites and marts are of one state.

    Bad data is a verdict ("refused"), and so is a check that raised ("error"). Raises DeclarationError for a
    wrong suite, GateError where nothing can be judged or the build is of another version, BusyError.
    """
    warehouse = settings.warehouse_file(pipeline)
    verdict_file = settings.verdict_file(pipeline)
    with pipeline_lock(settings, pipeline, what="validate"):
        verdict_file.unlink(missing_ok=True)  # 1
        with closing(open_warehouse(warehouse, pipeline)) as connection:  # 2
            build = the_build(connection, pipeline)
            _refuse_changed(settings, pipeline, build)
            suites = read_suites(settings.suites_dir(pipeline), (mart.name for mart in build.marts))  # 3
            suites = with_severities(suites, load_pipeline(settings, pipeline).on_anomaly)
            decisions = read_feedback(settings.feedback_file(pipeline))
            moves = read_moves(settings.quarantine_file(pipeline))
            refuse_unsupported(connection, suites, build.marts)
            check_sql(connection, suites, build.marts)
            with quiet():
                # Great Expectations takes seconds to import: only where the suites may be right.
                from penstock.validate.data_docs import build_data_docs
                from penstock.validate.dialect import candidates_url
                from penstock.validate.expectations import refuse_misspelt
                from penstock.validate.judgement import Judge

                for suite, mart in zip(suites, build.marts, strict=True):
                    refuse_misspelt(suite, mart)
                    for check in suite.checks:
                        refuse_wrong_question(connection, check, mart.name)
                suites = with_feedback(suites, decisions)
                suites = with_what_is_left_out(suites, moves)
                published = attach_published(connection, settings.marts_link(pipeline))  # 4
                suites, skipped = skip_incomparable(connection, suites, published=published)
                new = new_inputs(connection, build) if published else ()
                with candidates_url(connection) as url:
                    judge = Judge(url, connection, build, run_id, new)  # 5
                    judgements = [judge.judge(suite) for suite in suites]
                    docs = build_data_docs(judge.context, settings.docs_dir / pipeline)
        kill_point("validate.judged")
        _refuse_changed(settings, pipeline, build)
        marts = {
            found.mart: found.counts + Counts(skipped=sum(skip.mart == found.mart for skip in skipped))
            for found in judgements
        }
        learning = tuple(skip for found in judgements for skip in found.skipped)
        checks = sum(marts.values(), Counts())
        verdict = Verdict(
            pipeline=pipeline,
            build_id=build.build_id,
            run_id=run_id,
            judged_at=dt.datetime.now(dt.UTC),
            outcome=_outcome(checks),
            checks=checks,
            marts=marts,
            problems=by_weight([problem for found in judgements for problem in found.problems]),
            skipped=skipped + learning,
            warnings_by_mart={mart: counts.warned for mart, counts in marts.items()},
            docs=docs,
            new_inputs=new,
            new_periods=tuple(one for found in judgements for one in found.new_periods),
            quarantined=tuple(
                Quarantined(read.stream, read.quarantined, read.quarantined_events)
                for read in build.inputs
                if read.quarantined
            ),
        )
        write_verdict(verdict, verdict_file)
    return verdict


def _refuse_changed(settings: Settings, pipeline: str, build: Build) -> None:
    """Raises GateError where the engine, or a file that declares the pipeline, is not that of the build."""
    fix = f"run `penstock transform {pipeline}`, then `penstock validate {pipeline}`"
    if other := other_engine(build.code_version):
        raise GateError(f"pipeline {pipeline}: build {build.build_id} {other}", fix=fix)
    streams = load_pipeline(settings, pipeline).streams
    if declarations_hash(settings, pipeline, streams) != build.declarations_hash:
        raise GateError(
            f"pipeline {pipeline}: its declarations changed since build {build.build_id}", fix=fix
        )


def _outcome(checks: Counts) -> Outcome:
    if checks.errored:
        return "error"
    return "refused" if checks.failed else "passed"
