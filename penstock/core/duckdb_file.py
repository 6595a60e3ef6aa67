"""Open a DuckDB file: wait a bounded time for its holder, then name it. Every session is in UTC."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from penstock.core.disk import why_not
from penstock.core.errors import BusyError, PenstockError, first_line

_HELD = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_OTHER_PATH = re.compile(r"[?\\]")  # DuckDB looks for the log before a ?, and takes a \ for a /
MEND = "mend what the message says (a full disk?) and run again"  # the way out where nothing has changed
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25  # seconds


def open_duckdb(
    path: Path, *, read_only: bool = False, wait: float = 30.0, storage: str = ""
) -> duckdb.DuckDBPyConnection:
    """Open `path`, waiting up to `wait` seconds while another process holds it.

    The session's time zone is UTC. A file opened for writing is created when missing (its folder, too), and
    written as `storage` says: options of DuckDB's ATTACH.
    Raises BusyError (names file, PID and program) after `wait`, DiskError where this user may not open it,
    PenstockError for a missing file that was to be read, one that is not a DuckDB file, or a path that DuckDB
    reads as another. Garbage is never
    overwritten.
    """
    refuse_other_path(path)
    if read_only and not path.exists():
        raise PenstockError(f"{path}: no such file", fix="run the stage that writes it first", where=path)
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    pause = _FIRST_PAUSE
    while True:
        try:
            connection = _connect(path, read_only, storage)
        except duckdb.Error as exc:
            held = _HELD.search(str(exc))
            if held is None:
                if refused := why_not(path, write=not read_only):
                    raise refused from exc
                raise PenstockError(
                    f"{path}: cannot be opened as a DuckDB file: {first_line(exc)}", where=path
                ) from exc
            if time.monotonic() + pause > deadline:
                raise BusyError(
                    f"{path}: held by {held['program']} (PID {held['pid']}) for more than {wait:g} s",
                    fix="wait for that process, or stop it, then try again",
                    where=path,
                ) from exc
        else:
            connection.execute("SET TimeZone = 'UTC'")
            return connection
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


@contextmanager
def duckdb_errors_as(
    kind: type[PenstockError], what: str, *, fix: str = MEND, where: object = None
) -> Iterator[None]:
    """DuckDB's errors in the block as errors of `kind`: `what` could not be done, then why. Others pass."""
    try:
        yield
    except duckdb.Error as exc:
        raise kind(f"{what}: {first_line(exc)}", fix=fix, where=where) from exc


def refuse_other_path(path: Path) -> None:
    """Raises PenstockError for a path that DuckDB would not take as it stands: it could be another file."""
    if wrong := _OTHER_PATH.search(str(path)):
        raise PenstockError(
            f"{path}: DuckDB does not take the '{wrong[0]}' in this path as it stands",
            fix="use folders without '?' and '\\' in their names: rename them, or set PENSTOCK_DATA",
            where=path,
        )


def _connect(path: Path, read_only: bool, storage: str) -> duckdb.DuckDBPyConnection:
    if not storage:
        return duckdb.connect(path, read_only=read_only)
    # Only ATTACH takes these options. What does not fit into memory goes beside the file, as without them.
    connection = duckdb.connect(config={"temp_directory": f"{path}.tmp"})
    try:
        connection.execute(f"ATTACH {literal(os.fspath(path))} AS attached ({storage}); USE attached")
    except duckdb.Error:
        connection.close()
        raise
    return connection


def quoted(identifier: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
