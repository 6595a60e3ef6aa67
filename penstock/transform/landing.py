"""The landing files that a build reads: there, readable, of today's format, filled in this environment."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

from penstock.core.duckdb_file import duckdb_errors_as, open_duckdb
from penstock.core.errors import LandingError
from penstock.core.landing_format import FORMAT_VERSION, ROW_GROUPS, bring_up_to_date, landing_format
from penstock.core.pipeline_lock import file_lock
from penstock.core.settings import Settings

_LEAPS = """
select "commit", after
from (select "commit", kind, lag("commit", 1, 0) over (order by "commit") as after from raw.commits)
where kind = 'restore'
"""


def wait_until_readable(settings: Settings, stream: str, *, wait: float) -> list[range]:
    """Return when the landing file of `stream` can be opened for reading; up to `wait` seconds. A file of an
    older format is brought up to date first. Returns the commit numbers that restores leapt over.

    Raises LandingError for a file that is missing, not a landing file, of a newer format, of another stream
    or environment, or never complete yet; BusyError where its writer holds it for longer.
    """
    path = settings.landing_file(stream)
    drain = f"run `penstock ingest drain {stream}`"
    if not path.exists():
        raise LandingError(
            f"stream {stream}: nothing has landed, {path} does not exist", fix=drain, where=path
        )
    deadline = time.monotonic() + wait
    with (
        open_duckdb(path, read_only=True, wait=wait) as connection,
        duckdb_errors_as(LandingError, f"{path}: not a landing file", fix="", where=path),
    ):
        version = landing_format(connection, path)
        ((landed_stream, environment, complete_until),) = connection.execute(
            "select stream, environment, complete_until from raw.landing"
        ).fetchall()
        leaps = connection.execute(_LEAPS).fetchall()
    if landed_stream != stream:
        raise LandingError(
            f"{path}: holds the stream {landed_stream}, not {stream}", where=path, value=landed_stream
        )
    if environment != settings.environment:
        raise LandingError(
            f"{path}: was filled in the environment '{environment}', this is '{settings.environment}'",
            fix="set PENSTOCK_ENV, or PENSTOCK_DATA to the data folder of this environment",
            where=path,
            value=environment,
        )
    if complete_until is None:
        raise LandingError(
            f"stream {stream}: {path} was never complete: no drain has come to its end",
            fix=drain,
            where=path,
        )
    if version < FORMAT_VERSION:
        _migrate(settings, stream, path, wait=max(deadline - time.monotonic(), 0))
    return [range(after + 1, restored) for restored, after in leaps]


def refuse_lost_commits(settings: Settings, warehouse: Path, streams: tuple[str, ...]) -> None:
    """A landing file must hold the commit of it that the warehouse read last: else what the commits before it
    brought would be gone from the marts, and nobody asked for that.

    Raises LandingError. The macro `attach_landing` asks the same where a build only adds rows.
    """
    with open_duckdb(warehouse, read_only=True) as connection:
        try:
            read = connection.execute(
                "select stream, landed_commit, landed_at from _penstock.inputs"
            ).fetchall()
        except duckdb.Error:  # it never read anything, or is older than these notes
            return
    for stream, commit, at in read:
        if stream not in streams or not commit:
            continue
        path = settings.landing_file(stream)
        with open_duckdb(path, read_only=True) as connection:
            ((newest, is_there),) = connection.execute(
                'select coalesce(max("commit"), 0), coalesce(bool_or('
                '"commit" = $1 and ($2::timestamptz is null or "at" = $2::timestamptz)), false) '
                "from raw.commits",
                [commit, at],
            ).fetchall()
        if not is_there:
            raise LandingError(
                f"{path}: the landing file of {stream} ends with commit {newest}, but commit {commit} was "
                "read before and is not in it: the file was replaced or restored",
                fix="bring the file back; or, to go on without what only it held, build with --full-refresh",
                where=path,
            )


def _migrate(settings: Settings, stream: str, path: Path, *, wait: float) -> None:
    """As its consumer would, and in its place: under its lock, so that none is at work meanwhile."""
    with (
        file_lock(settings.ingest_lock_file(stream), what=f"transform of stream {stream}", wait=wait),
        duckdb_errors_as(LandingError, f"{path}: cannot be brought up to today's format", where=path),
        open_duckdb(path, wait=wait, storage=ROW_GROUPS) as connection,
    ):
        bring_up_to_date(connection, path, stream)
