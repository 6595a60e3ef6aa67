"""One version after the other: written beside the others, put in place by one flip, retired when it is old.

Where they lie, and why there: see `penstock.core.version_files`.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from penstock.core.duckdb_file import MEND, duckdb_errors_as
from penstock.core.errors import PublishError
from penstock.core.kill_point import kill_point
from penstock.core.part_file import flush
from penstock.core.settings import Settings
from penstock.core.version_files import (
    BEING_WRITTEN,
    VersionFile,
    being_written,
    emptied_folders,
    link_to,
    numbered,
    version_files,
    version_folder,
)
from penstock.publish.ledger import Publication, read_ledger

KEEP_VERSIONS = 5  # different ones, by the last time that each was served
KEEP_DAYS = 7  # of each, the newest file; days in UTC
# Of one version's files (a refresh writes a new one). Never 1: a reader that has just resolved the symlink
# must still find the file that it named before the flip.
KEEP_PER_VERSION = 2


def served_file(settings: Settings, pipeline: str) -> VersionFile | None:
    """The file that the symlink names; None before the first publication.

    Raises PublishError where the symlink is broken, or gone although there is a history: to start a new
    history then would throw the old one away.
    """
    link = settings.marts_link(pipeline)
    files = version_files(settings, pipeline)
    newest = link_to(settings, pipeline, files[-1]) if files else f"remove {link}"
    if link.is_symlink():
        target = (link.parent / link.readlink()).resolve()
        for file in files:
            if file.path.resolve() == target:
                return file
        raise PublishError(
            f"{link}: points at {link.readlink()}, which is no version of {pipeline}",
            fix=newest,
            where=link,
        )
    if link.exists():
        raise PublishError(
            f"{link}: is a file, where a symlink to a version is expected", fix="move it away", where=link
        )
    # A first publication that was cut short before its flip leaves files, too, but none with a history.
    if any(len(read_ledger(file.path)) > 1 for file in files):
        raise PublishError(f"{link}: is gone, but versions of {pipeline} are there", fix=newest, where=link)
    return None


def free_seq(settings: Settings, pipeline: str, ledger: Iterable[Publication]) -> int:
    """The number of the next publication: no folder has it, not even one whose file is gone."""
    return next_seq(numbered(settings, pipeline), ledger)


def next_seq(files: Iterable[VersionFile], ledger: Iterable[Publication]) -> int:
    """A number that no publication has had, also none that was cut short between its rename and its flip."""
    return 1 + max([*(file.seq for file in files), *(row.seq for row in ledger)], default=0)


@contextmanager
def file_being_written(settings: Settings, pipeline: str) -> Iterator[Path]:
    """The next version's file, in a folder that has no number yet. Nothing is there before (what an
    interrupted publication left is removed) and nothing is left there after.

    Raises PublishError where DuckDB cannot write it.
    """
    _remove_being_written(settings, pipeline)
    folder = settings.versions_dir(pipeline) / BEING_WRITTEN
    folder.mkdir(parents=True)
    what = f"pipeline {pipeline}: the new version could not be written"
    try:
        with duckdb_errors_as(PublishError, what, fix=f"{MEND}; what is served has not changed"):
            yield folder / f"{pipeline}.duckdb"
    finally:
        _remove_being_written(settings, pipeline)


def _remove_being_written(settings: Settings, pipeline: str) -> None:
    for left in being_written(settings, pipeline):
        _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def put_in_place(settings: Settings, pipeline: str, written: Path, *, seq: int, version: int) -> Path:
    """Make the closed file `written` the one that is served. Returns its final path.

    1. Force its content to disk. 2. Give its folder the final name, which no folder has had. 3. Force that to
    disk. 4. Make a new symlink beside the old. 5. Replace the old with it, in one step. 6. Force that to
    disk. Cut short before 5, readers see the old version; after it, the new one.
    """
    folder = version_folder(settings, pipeline, seq=seq, version=version)
    final = folder / written.name
    link = settings.marts_link(pipeline)
    # 1. Read-only from now on: a client that opened it for writing would lock the other readers out.
    written.chmod(0o444)
    flush(written)
    flush(written.parent)
    # 2.
    written.parent.rename(folder)
    kill_point("publish.renamed")
    # 3.
    flush(folder.parent)
    # 4. Relative, so that the data folder can be moved or mounted elsewhere.
    new_link = link.with_name(f".{link.name}.new")
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(final.relative_to(link.parent))
    kill_point("publish.linked")
    # 5.
    new_link.replace(link)
    kill_point("publish.flipped")
    # 6.
    flush(link.parent)
    return final


def retire(settings: Settings, pipeline: str, ledger: list[Publication], now: dt.datetime) -> None:
    """Remove the versions that need not be kept, and what interrupted publications and removals left.

    Readers that have such a file open can read all of it: on POSIX a removed file lives on, whole, until the
    last process that has it open closes it. DuckDB 1.5 and newer spill beside the file that they read: where
    one does, the folder stays for a later publication. `ledger` is the served file's; its last row is the
    served file.
    """
    for file in to_retire(version_files(settings, pipeline), ledger, now):
        file.path.unlink()
        kill_point("publish.retired")
    for emptied in emptied_folders(settings, pipeline):
        if not _is_spilled_into(emptied.path.parent, now):
            # A reader may begin to spill at this moment; what it keeps us from goes with a later publication.
            shutil.rmtree(emptied.path.parent, ignore_errors=True)


def _is_spilled_into(folder: Path, now: dt.datetime) -> bool:
    """Whether a reader has put something there within a day. One that ends removes it; one that is killed
    does not."""
    changed = []
    for path in folder.glob("*.tmp/*"):
        with suppress(FileNotFoundError):  # it ended meanwhile
            changed.append(path.stat().st_mtime)
    return any(now.timestamp() - at < dt.timedelta(days=1).total_seconds() for at in changed)


def to_retire(files: list[VersionFile], ledger: list[Publication], now: dt.datetime) -> list[VersionFile]:
    """The files that no rule keeps: not served, not among the newest two of the last five different
    versions, not the newest of one of the last seven days (UTC), today included. `now` has a time zone.

    A file that the ledger does not know was never served: its publication was cut short.
    """
    known = {row.seq: row for row in ledger}
    there = [file for file in reversed(files) if file.seq in known]  # newest first
    kept: set[int] = set()
    by_version: dict[int, list[int]] = {}
    by_day: dict[dt.date, int] = {}
    for file in there:
        by_version.setdefault(file.version, []).append(file.seq)
        by_day.setdefault(known[file.seq].published_at.astimezone(dt.UTC).date(), file.seq)
    # This keeps the served file, too, whatever the clock says: it is the newest of the version served last.
    for seqs in list(by_version.values())[:KEEP_VERSIONS]:
        kept.update(seqs[:KEEP_PER_VERSION])
    first_day = now.astimezone(dt.UTC).date() - dt.timedelta(days=KEEP_DAYS - 1)
    kept.update(seq for day, seq in by_day.items() if day >= first_day)
    return [file for file in files if file.seq not in kept]
