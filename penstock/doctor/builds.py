"""Do build record, verdict and published version of a pipeline speak of the same build?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from penstock.core.build_record import read_builds
from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.core.verdict import read_verdict
from penstock.core.warehouse_format import WAREHOUSE_FORMAT, warehouse_format
from penstock.doctor.finding import HELD_WAIT, Finding
from penstock.doctor.published import served_ledger


def build_findings(settings: Settings, pipeline: str) -> Iterator[Finding]:
    """Follow one build from the warehouse to the marts; the first thing that does not agree is reported."""
    warehouse, verdict_file = settings.warehouse_file(pipeline), settings.verdict_file(pipeline)
    try:
        verdict = read_verdict(verdict_file)
    except ValueError as exc:
        remedy = f"run `penstock validate {pipeline}`"
        yield Finding("error", str(verdict_file), f"is no verdict: {exc}", remedy)
        return
    yield from _older(settings, pipeline)
    builds = _build_ids(settings, pipeline)
    again = f"run `penstock transform {pipeline}`, then `penstock validate {pipeline}`"
    if builds is None:
        yield Finding("info", str(warehouse), "nothing was built yet")
        builds = []
    elif not builds:
        yield Finding(
            "warning", str(warehouse),
            "holds no finished build: one is under way, was cut short, or was typed by hand", again,
        )  # fmt: skip
    elif len(builds) > 1:
        yield Finding("error", str(warehouse), f"holds {len(builds)} build records, one is expected", again)
    if verdict is None:
        if builds:
            yield Finding(
                "warning", str(verdict_file), f"build {builds[-1]} was not judged yet",
                f"run `penstock validate {pipeline}`",
            )  # fmt: skip
    elif verdict.build_id not in builds:
        yield Finding(
            "warning", str(verdict_file),
            f"'{verdict.outcome}' is the verdict on build {verdict.build_id}, which the "
            "warehouse does not hold any more: publish will refuse it",
            f"run `penstock validate {pipeline}`" if builds else again,
        )  # fmt: skip
    elif verdict.outcome != "passed":
        yield Finding(
            "error", str(verdict_file),
            f"the gate's verdict on build {verdict.build_id} is '{verdict.outcome}': "
            f"{_what_bi_has(settings, pipeline)}",
            "see the problems in it, correct the data or the models, then run the pipeline again",
        )  # fmt: skip
    else:
        yield from _passed_but_not_published(settings, pipeline, verdict.build_id)


def _what_bi_has(settings: Settings, pipeline: str) -> str:
    if settings.marts_link(pipeline).exists():
        return "BI keeps the version before"
    return "nothing is published yet, so BI has no version"


def _older(settings: Settings, pipeline: str) -> Iterator[Finding]:
    """All in a warehouse is derived, so an older one is no loss."""
    file = settings.warehouse_file(pipeline)
    if not file.exists():
        return
    with closing(open_duckdb(file, read_only=True, wait=HELD_WAIT)) as warehouse:
        version = warehouse_format(warehouse, file)
    if version is not None and version < WAREHOUSE_FORMAT:
        yield Finding(
            "warning", str(file), f"is of format {version}; this Penstock builds format {WAREHOUSE_FORMAT}",
            f"`penstock transform {pipeline}` builds it anew, with a full refresh",
        )  # fmt: skip


def _passed_but_not_published(settings: Settings, pipeline: str, build_id: str) -> Iterator[Finding]:
    """On hold, that is meant (and reported by another check)."""
    ledger = served_ledger(settings, pipeline)
    if ledger and (ledger[-1].action == "rollback" or ledger[-1].build_id == build_id):
        return
    served = f"version {ledger[-1].version} of build {ledger[-1].build_id}" if ledger else "nothing"
    yield Finding(
        "warning", str(settings.marts_link(pipeline)),
        f"build {build_id} passed the gate, but is not published: {served} is served",
        f"run `penstock publish {pipeline}`",
    )  # fmt: skip


def _build_ids(settings: Settings, pipeline: str) -> list[str] | None:
    """The builds that the warehouse holds; None without a warehouse."""
    file = settings.warehouse_file(pipeline)
    if not file.exists():
        return None
    with closing(open_duckdb(file, read_only=True, wait=HELD_WAIT)) as warehouse:
        return [build.build_id for build in read_builds(warehouse)]
