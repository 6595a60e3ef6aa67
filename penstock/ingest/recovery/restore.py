"""`penstock ingest restore`: put a backup in the landing file's place; its offsets come with it.

What Kafka is asked first: whether it still holds all that landed after the backup. A drain then lands that
again, once. Commit numbers never return: the restore's own number is the clock in milliseconds, which is
above every number that this stream ever gave (a commit takes longer than a millisecond), also where the old
file is gone. A warehouse that read commits which the backup does not hold misses its last one, and says so.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import BusyError, LandingError, PenstockError
from penstock.core.kill_point import kill_point
from penstock.core.landing_format import ROW_GROUPS
from penstock.core.part_file import flush, part_file
from penstock.core.settings import Settings
from penstock.ingest.consume.source import Clock, open_source
from penstock.ingest.contract.model import Contract
from penstock.ingest.landing.file import open_landing
from penstock.ingest.landing.gap import Gap
from penstock.ingest.landing.lock import stream_lock
from penstock.ingest.landing.schema import check_identity
from penstock.ingest.recovery.backup import copy_database

_NEWEST = 'SELECT coalesce(max("commit"), 0) FROM raw.commits'


@dataclass(frozen=True)
class RestoreResult:
    """A finished restore. `to_land` is how many offsets lie between the backup and the topic's end;
    `moved_aside` is where the file lies that was in the place."""

    stream: str
    file: Path
    commit: int
    to_land: int
    gaps: tuple[Gap, ...]
    moved_aside: Path | None
    seconds: float


def restore(
    settings: Settings,
    contract: Contract,
    file: Path,
    *,
    run_id: str,
    clock: Clock,
    accept_gap: bool = False,
    begin_new_epoch: bool = False,
    replace: bool = False,
) -> RestoreResult:
    """Make `file` the landing file of the contract's stream:

    1. be the stream's only consumer; look that nothing is overwritten unasked, and whose backup it is
    2. copy it beside the landing file
    3. compare its offsets with what the topic holds, note gaps that are accepted, and the restore itself
    4. move aside what is there, and put the copy in its place

    Raises BusyError, BrokerError, and LandingError: another stream's or environment's backup, a landing file
    that is there without `replace`, another topic, a gap that is not accepted. Then nothing has changed.
    """
    began = time.monotonic()
    path = settings.landing_file(contract.stream)
    command = f"penstock ingest restore {contract.stream} {file}"
    with stream_lock(settings, contract, what="restore"), part_file(path) as part:
        if path.exists() and not replace:  # 1
            raise LandingError(
                f"{path}: is there already", fix=f"to move it aside and restore: `{command} --replace`"
            )
        with open_duckdb(file, read_only=True) as connection:
            check_identity(connection, file, contract.stream, settings.environment)
            copy_database(connection, part)  # 2
        with (
            open_source(settings, contract) as source,
            open_landing(settings, contract, path=part) as landing,
        ):
            epoch = source.epoch(landing, clock=clock, begin_new=begin_new_epoch, command=command)  # 3
            gaps = source.settle_gaps(
                landing, epoch, accept=accept_gap, command=command, run_id=run_id, clock=clock
            )
            stored = landing.next_offsets(epoch)
            to_land = sum(end - stored.get(p, 0) for p, end in source.end_offsets().items())
            commit = _note(landing.connection, path, run_id, clock())
        flush(part)
        kill_point("ingest.restore_ready")
        moved_aside = _move_aside(path, clock())  # 4
        part.replace(path)
        flush(path.parent)
    seconds = round(time.monotonic() - began, 3)
    return RestoreResult(contract.stream, path, commit, to_land, gaps, moved_aside, seconds)


def _note(connection: duckdb.DuckDBPyConnection, old: Path, run_id: str, now: dt.datetime) -> int:
    """Record the restore in raw.commits, under a number above all that went before. Returns the number."""
    row = connection.execute(_NEWEST).fetchone()
    assert row is not None
    commit = max(int(row[0]), _newest_commit(old), int(now.timestamp() * 1000)) + 1
    connection.execute("INSERT INTO raw.commits VALUES ($1, $2, 'restore', $3, 0, 0)", [commit, now, run_id])
    return commit


def _newest_commit(old: Path) -> int:
    """Of the file that makes room, as far as it can be read; opening it for writing also empties its WAL."""
    if not old.exists():
        return 0
    try:
        with open_duckdb(old, storage=ROW_GROUPS) as connection:
            row = connection.execute(_NEWEST).fetchone()
            return int(row[0]) if row else 0
    except BusyError:
        raise
    except (PenstockError, duckdb.Error):
        return 0  # damaged: that is why it makes room


def _move_aside(path: Path, now: dt.datetime) -> Path | None:
    """Keep the old file under another name, linked so that the place is never empty, and its WAL, too: it
    must not be taken for the new file's."""
    aside = path.with_name(f"{path.name}.before-restore-{now:%Y%m%dT%H%M%S.%fZ}")
    wal = path.with_name(path.name + ".wal")
    if wal.exists():
        wal.rename(aside.with_name(aside.name + ".wal"))
    if not path.exists():
        return None
    os.link(path, aside)
    return aside
