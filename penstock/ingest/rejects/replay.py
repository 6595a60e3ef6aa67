"""Check kept rejects again under today's contract, by the very SQL that checks fresh events.

What passes lands in `raw.<stream>` with its first coordinates and epoch, under a new commit of kind 'replay',
and is marked in `raw.rejects` with that commit: all in one transaction, so that a replay that is killed has
done nothing, and one that is repeated finds nothing to do. What fails again stays as it is.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.core.duckdb_file import duckdb_errors_as, quoted
from penstock.core.errors import LandingError
from penstock.core.kill_point import kill_point
from penstock.core.settings import Settings
from penstock.ingest.consume.drain import ReasonCount
from penstock.ingest.consume.source import Clock
from penstock.ingest.contract.model import Contract
from penstock.ingest.landing.file import LandingFile, open_landing
from penstock.ingest.landing.lock import stream_lock

CHUNK_BYTES = 32 * 1024 * 1024  # checked at once; a row counts 1 KiB beside its own bytes

# `where` may name these; a reject is meant when one of its reasons has all that is named.
WHERE_KEYS = {"reason": "rule", "field": "field"}


@dataclass(frozen=True)
class ReplayResult:
    """What a replay did, or with `dry_run` would do. `commit` is None where nothing landed."""

    stream: str
    checked: int
    landed: int
    still_rejected: int
    reasons: tuple[ReasonCount, ...]
    commit: int | None
    dry_run: bool


def replay(
    settings: Settings,
    contract: Contract,
    *,
    where: Mapping[str, str],
    dry_run: bool,
    run_id: str,
    clock: Clock,
    wait: float = 600.0,
    chunk_bytes: int = CHUNK_BYTES,
) -> ReplayResult:
    """Land the open rejects that pass today. A dry run does the same, and takes it all back.

    Raises BusyError when the stream's consumer is still at work after `wait` seconds, and LandingError.
    """
    path = settings.landing_file(contract.stream)
    if not path.exists():
        raise LandingError(
            f"{path}: no such file", fix=f"run `penstock ingest drain {contract.stream}` first"
        )
    with (
        stream_lock(settings, contract, what="replay", wait=wait),
        open_landing(settings, contract) as landing,
        duckdb_errors_as(LandingError, f"{contract.stream}: the rejects could not be replayed"),
    ):
        landing.file.allow_all_memory()  # all chunks are one transaction
        return _Replay(landing, run_id, clock()).run(where, chunk_bytes, dry_run=dry_run)


class _Replay:
    def __init__(self, landing: LandingFile, run_id: str, now: dt.datetime) -> None:
        self.landing = landing
        self.connection = landing.connection
        self.compiled = landing.compiled
        self.run_id = run_id
        self.now = now
        self.reasons: Counter[tuple[str | None, str]] = Counter()

    def run(self, where: Mapping[str, str], chunk_bytes: int, *, dry_run: bool) -> ReplayResult:
        connection = self.connection
        self._choose(where, chunk_bytes)
        connection.execute("BEGIN")  # closing the connection, or dying, rolls back
        commit = self.landing.next_commit()
        checked = landed = 0
        for epoch, chunk, rows in connection.execute(
            "SELECT epoch, chunk, count(*) FROM due GROUP BY ALL ORDER BY ALL"
        ).fetchall():
            checked += rows
            landed += self._replay_chunk(epoch, chunk, rows, commit)
        if landed:
            connection.execute(
                "INSERT INTO raw.commits VALUES ($1, $2, 'replay', $3, $4, 0)",
                [commit, self.now, self.run_id, landed],
            )
        kill_point("replay.marked")
        connection.execute("ROLLBACK" if dry_run else "COMMIT")
        kill_point("replay.committed")
        return ReplayResult(
            stream=self.compiled.contract.stream,
            checked=checked,
            landed=landed,
            still_rejected=checked - landed,
            reasons=tuple(ReasonCount(*reason, count) for reason, count in self.reasons.most_common()),
            commit=commit if landed and not dry_run else None,
            dry_run=dry_run,
        )

    def _choose(self, where: Mapping[str, str], chunk_bytes: int) -> None:
        """The temp table `due`: places only, cut into chunks of one epoch each, so that memory is bounded."""
        matches = (
            " AND ".join(f"one.{column} = ${key}" for key, column in WHERE_KEYS.items() if key in where)
            or "true"
        )
        self.connection.execute(
            f"""
            CREATE TEMP TABLE due AS
            SELECT epoch, "partition", "offset", (sum(size) OVER (
                PARTITION BY epoch ORDER BY "partition", "offset"
            ) // {chunk_bytes})::BIGINT AS chunk
            FROM (
                SELECT epoch, "partition", "offset",
                    1024 + coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) AS size
                FROM raw.rejects
                WHERE replayed_commit IS NULL AND len(list_filter(reasons, lambda one: {matches})) > 0
            )
            """,
            dict(where),
        )  # fmt: skip

    def _replay_chunk(self, epoch: int, chunk: int, rows: int, commit: int) -> int:
        """Check one chunk, land what passes, mark it. Returns how many did."""
        connection, contract = self.connection, self.compiled.contract
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE remaining AS "
            'SELECT "partition", "offset", r.kafka_timestamp, r.key, r.value, r.headers '
            'FROM raw.rejects AS r JOIN due USING (epoch, "partition", "offset") '
            "WHERE epoch = $1 AND due.chunk = $2",
            [epoch, chunk],
        )
        landed, _, reasons = self.landing.check_remaining(
            rows, f"rejects of {contract.stream}, epoch {epoch}"
        )
        self.reasons.update(reasons)
        connection.execute(
            f"INSERT INTO raw.{quoted(contract.stream)} BY NAME SELECT * EXCLUDE (reasons), "
            "$1::INTEGER AS _epoch, $2::BIGINT AS _commit, $3 AS _contract_version "
            "FROM checked WHERE reasons IS NULL",
            [epoch, commit, contract.version],
        )
        kill_point("replay.inserted")
        connection.execute(
            "UPDATE raw.rejects AS r SET replayed_commit = $1 FROM checked AS j WHERE j.reasons IS NULL "
            'AND r.epoch = $2 AND r."partition" = j._kafka_partition AND r."offset" = j._offset',
            [commit, epoch],
        )
        return landed
