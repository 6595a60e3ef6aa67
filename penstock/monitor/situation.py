"""What there is to know when a stage failed: read from files, and never a reason to say nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict

from penstock.core.error_data import ErrorData
from penstock.core.errors import DeclarationError, PenstockError, first_line
from penstock.core.pipeline import load_pipeline
from penstock.core.settings import Settings
from penstock.core.verdict import read_verdict
from penstock.monitor.message import Failure, readable

_WAIT = 1.0  # seconds for a published file that somebody holds: nobody should


def situation(
    settings: Settings,
    *,
    pipeline: str,
    stage: str,
    run_id: str,
    log_url: str,
    error: ErrorData,
    at: dt.datetime,
    scrubbed: Callable[[str], str],
) -> tuple[Failure, str | None]:
    """The facts of a failure, each text freed of secrets by `scrubbed`, and the pipeline's Slack channel.

    Whatever cannot be read (a broken pipeline YAML, a damaged published file) is said in its place.
    """

    def clean(text: str) -> str:
        return scrubbed(readable(text))

    owner, channel = _owner_and_channel(settings, pipeline)
    docs_label, docs = _data_docs(settings, pipeline, run_id) if stage == "validate" else ("Data Docs", "")
    failure = Failure(
        pipeline=clean(pipeline),
        stage=clean(stage),
        run_id=clean(run_id),
        environment=clean(settings.environment),
        at=at,
        owner=clean(owner),
        error=ErrorData(**{name: text and clean(text) for name, text in asdict(error).items()}),
        served=clean(what_bi_serves(settings, pipeline)),
        log_url=clean(log_url),
        docs=clean(docs),
        docs_label=docs_label,
    )
    return failure, channel


def what_bi_serves(settings: Settings, pipeline: str) -> str:
    """One sentence: the published version and complete until when, or that there is none."""
    import duckdb

    from penstock.core.duckdb_file import open_duckdb

    file = settings.marts_link(pipeline)
    try:
        if not file.is_symlink() and not file.exists():
            return "BI serves nothing of this pipeline: nothing is published yet."
        with open_duckdb(file, read_only=True, wait=_WAIT) as connection:
            row = connection.execute(
                "select max(version), min(complete_until::timestamp), count(*) from mart_status"
            ).fetchone()
    except (PenstockError, OSError, duckdb.Error) as exc:
        return f"What BI serves could not be read: {first_line(exc)}"
    if row is None or row[2] == 0:
        return f"What BI serves could not be read: {file}: mart_status is empty"
    version, complete_until, _ = row
    return f"BI still serves version {version}, complete until {_utc(complete_until)}."


def _owner_and_channel(settings: Settings, pipeline: str) -> tuple[str, str | None]:
    try:
        declared = load_pipeline(settings, pipeline)
    except DeclarationError as exc:
        return f"unknown: {exc.message}", None
    except OSError as exc:
        return f"unknown: {exc}", None
    return declared.owner, declared.slack_channel


def _data_docs(settings: Settings, pipeline: str, run_id: str) -> tuple[str, str]:
    """Label and place of the page of the newest verdict, which may be an earlier run's."""
    file = settings.verdict_file(pipeline)
    try:
        verdict = read_verdict(file)
    except (OSError, ValueError) as exc:
        return "Data Docs", f"unknown: {file} could not be read: {exc}"
    if verdict is None:
        return "Data Docs", ""
    return ("Data Docs" if verdict.run_id == run_id else "Data Docs (of an earlier run)"), str(verdict.docs)


def _utc(at: dt.datetime | None) -> str:
    return "an unknown time" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
