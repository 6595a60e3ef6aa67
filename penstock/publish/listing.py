"""What `penstock publish ls` prints: the ledger, and which of its versions are still there."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from penstock.core.settings import Settings
from penstock.core.version_files import version_files
from penstock.publish.ledger import on_hold, read_ledger
from penstock.publish.versions import served_file


@dataclass(frozen=True)
class ListedPublication:
    """One publication. `file` is None where its file is not kept any more."""

    seq: int
    version: int
    action: str
    published_at: dt.datetime
    complete_until: dt.datetime | None
    run_id: str
    build_id: str
    marts: dict[str, int]
    changed_marts: list[str]
    checks: dict[str, int]
    by: str | None
    why: str | None
    served: bool
    file: Path | None


@dataclass(frozen=True)
class Listing:
    """All publications of a pipeline, oldest first. `on_hold`: rolled back, and not resumed. The files lie
    below `folder`."""

    pipeline: str
    folder: Path
    on_hold: bool
    publications: list[ListedPublication]


def list_publications(settings: Settings, pipeline: str) -> Listing:
    """The served file's ledger; empty before the first publication. Raises PublishError (broken symlink).

    Needs no lock: the file that the symlink names is whole and never changes.
    """
    current = served_file(settings, pipeline)
    ledger = read_ledger(current.path) if current else []
    files = {file.seq: file.path for file in version_files(settings, pipeline)}
    return Listing(
        pipeline=pipeline,
        folder=settings.versions_dir(pipeline),
        on_hold=on_hold(ledger),
        publications=[
            ListedPublication(
                seq=row.seq,
                version=row.version,
                action=row.action,
                published_at=row.published_at,
                complete_until=row.complete_until,
                run_id=row.run_id,
                build_id=row.build_id,
                marts={name: mart.rows for name, mart in row.marts.items()},
                changed_marts=row.changed_marts,
                checks=row.checks,
                by=row.done_by,
                why=row.why,
                served=row.seq == ledger[-1].seq,
                file=files.get(row.seq),
            )
            for row in ledger
        ],
    )
