"""By partition, the offset to fetch next: read, and moved by compare-and-set."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import BusyError, LandingError
from penstock.core.landing_format import landing_format
from penstock.core.settings import Settings
from penstock.ingest.contract.model import Contract


class OffsetConflict(Exception):
    """Another consumer landed these offsets first. Nothing was written; read the offsets again."""


def next_offsets(connection: duckdb.DuckDBPyConnection, epoch: int) -> dict[int, int]:
    """By partition, the offset to fetch next in the topic's generation `epoch`."""
    rows = connection.execute(
        'SELECT "partition", next_offset FROM raw.offsets WHERE epoch = $1', [epoch]
    ).fetchall()
    return dict(rows)


def stored_offsets(settings: Settings, contract: Contract, topic_id: str) -> dict[int, int] | None:
    """By partition, the next offset of the topic with this id; empty before the first batch, None while
    another process holds the file."""
    path = settings.landing_file(contract.stream)
    if not path.exists():
        return {}
    try:
        connection = open_duckdb(path, read_only=True, wait=0)
    except BusyError:
        return None
    try:
        landing_format(connection, path)
        epoch = connection.execute(
            "SELECT max(epoch) FROM raw.topics WHERE topic_id = $1", [topic_id]
        ).fetchone()
        return next_offsets(connection, epoch[0]) if epoch and epoch[0] is not None else {}
    finally:
        connection.close()


def move_offsets(
    connection: duckdb.DuckDBPyConnection,
    starts: Mapping[int, int | None],
    ends: Mapping[int, int],
    epoch: int,
) -> None:
    """Move the stored offsets from `starts` (None: none is stored yet) to `ends`, in the open transaction.
    Raises OffsetConflict where another one is stored, and LandingError where one would move backwards: the
    events in between would land twice. Roll back then."""
    for partition, end in sorted(ends.items()):
        start = starts[partition]
        if end < (start or 0):
            raise LandingError(
                f"partition {partition}: the offset would move backwards, from {start or 0} to {end}",
                fix="nothing has changed: run again; if it stays, report it as a fault of Penstock",
            )
        if start is None:
            stored = connection.execute(
                "INSERT INTO raw.offsets VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING epoch",
                [epoch, partition, end],
            ).fetchone()
        else:
            stored = connection.execute(
                'UPDATE raw.offsets SET next_offset = $1 WHERE epoch = $2 AND "partition" = $3 '
                "AND next_offset = $4 RETURNING epoch",
                [end, epoch, partition, start],
            ).fetchone()
        if stored is None:
            raise OffsetConflict(f"partition {partition}: the stored offset is no longer {start}")
