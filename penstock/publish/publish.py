"""Publish a pipeline's build: a new file, then one atomic flip. Nothing that the gate did not pass."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from penstock.core.build_record import Build, Input, Mart
from penstock.core.duckdb_file import literal, open_duckdb, quoted
from penstock.core.errors import PublishError
from penstock.core.kill_point import kill_point
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.settings import Settings
from penstock.core.verdict import Verdict
from penstock.publish.build import passed_verdict, the_build
from penstock.publish.fingerprint import fingerprint
from penstock.publish.ledger import (
    Publication,
    PublishedMart,
    next_version,
    on_hold,
    read_ledger,
    write_ledger,
)
from penstock.publish.mart_copy import copy_mart
from penstock.publish.mart_status import Served, write_mart_status
from penstock.publish.versions import (
    file_being_written,
    free_seq,
    put_in_place,
    retire,
    served_file,
)


@dataclass(frozen=True)
class PublishResult:
    """What is served now, and how it came to be: `action` is publish, refresh, hold, rollback or resume.

    `changed_marts` differ from what was served before; `marts` says how many rows each has.
    """

    pipeline: str
    action: str
    version: int
    seq: int
    changed_marts: list[str]
    marts: dict[str, int]
    complete_until: dt.datetime | None
    file: Path


def publish(settings: Settings, pipeline: str, *, run_id: str, now: dt.datetime) -> PublishResult:
    """Publish the build that the warehouse holds. `now` has a time zone.

    1. Take the pipeline's lock. 2. See what is served: on hold, or this build by this run already, is an
    answer. 3. Ask for a passing verdict on exactly the build that the warehouse holds. 4. Copy its marts to
    a new file with a temporary name. 5. Compare them with what is served: a new version, or a refresh.
    6. Write `mart_status` and the ledger, and close the file. 7. Put it in place (see `put_in_place`).
    8. Remove old files. Killed at any moment, readers see the old or the new version, whole.

    Raises PublishError (no build; no verdict, another build's, or not passed), DeclarationError (a mart that
    cannot be copied as it is declared) and BusyError. Nothing has changed then.
    """
    # 1.
    with pipeline_lock(settings, pipeline, what="publish"):
        # 2.
        current = served_file(settings, pipeline)
        ledger = read_ledger(current.path) if current else []
        if current and on_hold(ledger):
            return result_of(pipeline, ledger[-1], current.path, action="hold", changed_marts=[])
        # 3.
        file = settings.warehouse_file(pipeline)
        if not file.exists():
            raise PublishError(
                f"pipeline {pipeline}: nothing was built: {file} does not exist",
                fix=f"run `penstock transform {pipeline}`, then `penstock validate {pipeline}`",
                where=file,
            )
        with (
            file_being_written(settings, pipeline) as written,
            closing(open_duckdb(file, read_only=True)) as connection,
        ):
            build = the_build(connection, settings, pipeline)
            verdict = passed_verdict(settings, pipeline, build.build_id)
            if current and _published_before(ledger[-1], build, run_id):
                return result_of(pipeline, ledger[-1], current.path)
            # 4.
            warehouse = _create(connection, written)
            for mart in build.marts:
                copy_mart(connection, warehouse, mart, settings.dbt_project_dir(pipeline))
            kill_point("publish.filled")
            # 5.
            seq = free_seq(settings, pipeline, ledger)
            marts = _compared(connection, build.marts, ledger)
            row = _ledger_row(ledger, build, verdict, marts, seq=seq, run_id=run_id, now=now)
            # 6.
            served = Served(row.version, row.published_at, row.complete_until)
            write_mart_status(connection, build, verdict, served)
            write_ledger(connection, [*ledger, row])
            _close(connection, warehouse)
            kill_point("publish.closed")
            # 7.
            final = put_in_place(settings, pipeline, written, seq=row.seq, version=row.version)
        # 8.
        retire(settings, pipeline, [*ledger, row], now)
        return result_of(pipeline, row, final)


def result_of(
    pipeline: str,
    row: Publication,
    file: Path,
    *,
    action: str | None = None,
    changed_marts: list[str] | None = None,
) -> PublishResult:
    """The result that a ledger row stands for."""
    return PublishResult(
        pipeline=pipeline,
        action=action or row.action,
        version=row.version,
        seq=row.seq,
        changed_marts=row.changed_marts if changed_marts is None else changed_marts,
        marts={name: mart.rows for name, mart in row.marts.items()},
        complete_until=row.complete_until,
        file=file,
    )


def _published_before(last: Publication, build: Build, run_id: str) -> bool:
    """Whether this is a retry of a task that was killed after its flip. It must report the same changed marts
    as then: nobody may have heard of them."""
    same = (last.run_id, last.build_id) == (run_id, build.build_id)
    return same and last.action in ("publish", "refresh")


# The new file's name in SQL while it is attached. No pipeline, so no warehouse, can have it.
_NEW = quoted("_published")


def _create(connection: duckdb.DuckDBPyConnection, written: Path) -> str:
    """Create the file `written` and use it. Returns the warehouse's name in SQL.

    Storage version v1.0.0: a file of DuckDB 2.0's own could not be opened by clients up to 1.5.
    """
    found = connection.execute("SELECT current_database()").fetchone()
    assert found is not None
    connection.execute(f"ATTACH {literal(str(written))} AS {_NEW} (READ_WRITE, STORAGE_VERSION 'v1.0.0')")
    connection.execute(f"USE {_NEW}")
    connection.begin()  # one transaction: each of its own would wait for the disk
    warehouse: str = found[0]
    return warehouse


def _close(connection: duckdb.DuckDBPyConnection, warehouse: str) -> None:
    """Close the new file: all in one file, no write-ahead log beside it."""
    connection.commit()
    connection.execute(f"CHECKPOINT {_NEW}")
    connection.execute(f"USE {quoted(warehouse)}")
    connection.execute(f"DETACH {_NEW}")


def _compared(
    connection: duckdb.DuckDBPyConnection, marts: tuple[Mart, ...], ledger: list[Publication]
) -> dict[str, PublishedMart]:
    """The new file's marts, compared with those served now by the fingerprints that the ledger keeps."""
    before = ledger[-1].marts if ledger else {}
    compared = {}
    for mart in marts:
        rows, found = fingerprint(connection, mart.name)
        changed = mart.name not in before or before[mart.name].fingerprint != found
        compared[mart.name] = PublishedMart(rows, found, changed)
    return compared


def _ledger_row(
    ledger: list[Publication],
    build: Build,
    verdict: Verdict,
    marts: dict[str, PublishedMart],
    *,
    seq: int,
    run_id: str,
    now: dt.datetime,
) -> Publication:
    """The row of this publication: a new version where a mart changed, came or went; else a refresh."""
    last = ledger[-1] if ledger else None
    refresh = (
        last is not None
        and last.marts.keys() == marts.keys()
        and not any(mart.changed for mart in marts.values())
    )
    known = [at for at in (build.complete_until, last and last.complete_until) if at]
    return Publication(
        seq=seq,
        version=last.version if last and refresh else next_version(ledger),
        action="refresh" if refresh else "publish",
        run_id=run_id,
        build_id=build.build_id,
        published_at=now,
        code_version=build.code_version,
        code_dirty=build.code_dirty,
        declarations_hash=build.declarations_hash,
        inputs=[_offset_ranges(read, last.inputs if last else []) for read in build.inputs],
        complete_until=max(known, default=None),  # never backwards, also when the clock went back
        marts=marts,
        checks={
            "passed": verdict.checks.passed,
            "warned": verdict.checks.warned,
            "failed": verdict.checks.failed,
        },
    )


def _offset_ranges(read: Input, before: list[dict[str, Any]]) -> dict[str, Any]:
    """What the build read of one stream; per partition from where the publication before ended."""
    ended = {
        (place["epoch"], place["partition"]): place["next_offset"]
        for other in before
        if other["stream"] == read.stream
        for place in other["offsets"]
    }
    return {
        "stream": read.stream,
        "landed_commit": read.landed_commit,
        "landed": read.landed,
        "rejected": read.rejected,
        "quarantined": read.quarantined,
        "offsets": [
            {
                "epoch": place["epoch"],
                "partition": place["partition"],
                "from_offset": ended.get((place["epoch"], place["partition"]), 0),
                "next_offset": place["next_offset"],
            }
            for place in read.offsets
        ],
    }
