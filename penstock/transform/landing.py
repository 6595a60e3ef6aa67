"""The landing files that a build reads: there, readable, and filled in this environment."""

from __future__ import annotations

import duckdb

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import LandingError
from penstock.core.settings import Settings

_LEAPS = """
select "commit", after
from (select "commit", kind, lag("commit", 1, 0) over (order by "commit") as after from raw.commits)
where kind = 'restore'
"""


def wait_until_readable(settings: Settings, stream: str, *, wait: float) -> list[range]:
    """Return when the landing file of `stream` can be opened for reading; up to `wait` seconds. Returns the
    commit numbers that restores leapt over.

    Raises LandingError for a file that is missing, not a landing file, of another stream or environment, or
    never complete yet; BusyError where its writer holds it for longer.
    """
    path = settings.landing_file(stream)
    drain = f"run `penstock ingest drain {stream}`"
    if not path.exists():
        raise LandingError(f"stream {stream}: nothing has landed, {path} does not exist", fix=drain)
    with open_duckdb(path, read_only=True, wait=wait) as connection:
        try:
            rows = connection.execute(
                "select stream, environment, complete_until from raw.landing"
            ).fetchall()
            leaps = connection.execute(_LEAPS).fetchall()
        except duckdb.Error as exc:
            raise LandingError(f"{path}: not a landing file: {str(exc).splitlines()[0]}") from exc
    if len(rows) != 1:
        raise LandingError(f"{path}: raw.landing has {len(rows)} rows instead of one", fix=drain)
    ((landed_stream, environment, complete_until),) = rows
    if landed_stream != stream:
        raise LandingError(f"{path}: holds the stream {landed_stream}, not {stream}")
    if environment != settings.environment:
        raise LandingError(
            f"{path}: was filled in the environment '{environment}', this is '{settings.environment}'",
            fix="set PENSTOCK_ENV, or PENSTOCK_DATA to the data folder of this environment",
        )
    if complete_until is None:
        raise LandingError(
            f"stream {stream}: {path} was never complete: no drain has come to its end", fix=drain
        )
    return [range(after + 1, restored) for restored, after in leaps]
