"""Serve an older version again, and hold later publications until a person resumes."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import closing
from dataclasses import replace

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import PublishError
from penstock.core.kill_point import kill_point
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.settings import Settings
from penstock.core.version_files import VersionFile, version_files
from penstock.publish.ledger import (
    Action,
    Publication,
    PublishedMart,
    on_hold,
    read_ledger,
    version_before,
    write_ledger,
)
from penstock.publish.mart_status import bring_up_to_date, mark_republished
from penstock.publish.publish import PublishResult, result_of
from penstock.publish.versions import (
    file_being_written,
    free_seq,
    put_in_place,
    retire,
    served_file,
)


def rollback(
    settings: Settings,
    pipeline: str,
    *,
    to: int | None,
    by: str,
    why: str | None,
    run_id: str,
    now: dt.datetime,
) -> PublishResult:
    """Serve version `to` again, by default the different one that was served before, and go on hold.

    The content keeps its version number; the file and its ledger row are new. `mart_status` shows the
    freshness of what is served now: the older version's. `now` has a time zone. Raises PublishError:
    nothing published, no version before, `to` is served already, or is not kept any more.
    """
    with pipeline_lock(settings, pipeline, what="publish rollback"):
        current, ledger = _served(settings, pipeline)
        version = version_before(ledger) if to is None else to
        if version is None:
            raise PublishError(
                f"pipeline {pipeline}: version {current.version} is served, and none was before it",
                fix=f"`penstock publish ls {pipeline}` lists the versions",
            )
        if version == current.version:
            raise PublishError(f"pipeline {pipeline}: version {version} is what is served already")
        source = _newest_file_of(settings, pipeline, version, ledger)
        return _serve_again(
            settings, pipeline, source, ledger, action="rollback", by=by, why=why, run_id=run_id, now=now
        )


def resume(
    settings: Settings, pipeline: str, *, by: str, why: str | None, run_id: str, now: dt.datetime
) -> PublishResult:
    """End the hold after a rollback: the next `publish` publishes again. What is served stays until then.

    `now` has a time zone. Raises PublishError where nothing is published, or the pipeline is not on hold.
    """
    with pipeline_lock(settings, pipeline, what="publish resume"):
        current, ledger = _served(settings, pipeline)
        if not on_hold(ledger):
            raise PublishError(f"pipeline {pipeline}: is not on hold, there is nothing to resume")
        return _serve_again(
            settings, pipeline, current, ledger, action="resume", by=by, why=why, run_id=run_id, now=now
        )


def _served(settings: Settings, pipeline: str) -> tuple[VersionFile, list[Publication]]:
    current = served_file(settings, pipeline)
    if current is None:
        raise PublishError(
            f"pipeline {pipeline}: nothing was published yet", fix=f"run `penstock publish {pipeline}`"
        )
    return current, read_ledger(current.path)


def _newest_file_of(
    settings: Settings, pipeline: str, version: int, ledger: list[Publication]
) -> VersionFile:
    known = {row.seq for row in ledger}  # a file that is not in it was never served
    kept = {file.version: file for file in version_files(settings, pipeline) if file.seq in known}
    if version not in kept:
        was = "is not kept any more" if any(row.version == version for row in ledger) else "never was"
        raise PublishError(
            f"pipeline {pipeline}: version {version} {was}; there are: {', '.join(map(str, sorted(kept)))}",
            fix=f"choose one of them with --to; `penstock publish ls {pipeline}` shows more",
        )
    return kept[version]


def _serve_again(
    settings: Settings,
    pipeline: str,
    source: VersionFile,
    ledger: list[Publication],
    *,
    action: Action,
    by: str,
    why: str | None,
    run_id: str,
    now: dt.datetime,
) -> PublishResult:
    """Copy the file `source` byte by byte, then write into the copy the whole ledger and one more row.

    The row repeats what the ledger said of the content when `source` was published. Where an older Penstock
    made `source`, the copy gets the tables of ours as they are today.
    """
    content = next(row for row in ledger if row.seq == source.seq)
    before = ledger[-1].marts
    row = replace(
        content,
        seq=free_seq(settings, pipeline, ledger),
        action=action,
        run_id=run_id,
        published_at=now,
        done_by=by,
        why=why,
        marts={
            name: PublishedMart(
                mart.rows,
                mart.fingerprint,
                name not in before or before[name].fingerprint != mart.fingerprint,
            )
            for name, mart in content.marts.items()
        },
    )
    with file_being_written(settings, pipeline) as written:
        shutil.copyfile(source.path, written)
        with closing(open_duckdb(written)) as connection:
            connection.begin()
            bring_up_to_date(connection)
            mark_republished(connection, now)
            write_ledger(connection, [*ledger, row])
            connection.commit()
            connection.execute("CHECKPOINT")
        kill_point("publish.closed")
        final = put_in_place(settings, pipeline, written, seq=row.seq, version=row.version)
    retire(settings, pipeline, [*ledger, row], now)
    return result_of(pipeline, row, final)
