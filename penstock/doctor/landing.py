"""A stream's landing file: offsets against rows and rejects, and the table against the contract."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager

import duckdb

from penstock.core.duckdb_file import literal, open_duckdb, quoted
from penstock.core.landing_format import FORMAT_VERSION, landing_format, partition_column
from penstock.core.part_file import left_parts
from penstock.core.settings import Settings
from penstock.doctor.finding import HELD_WAIT, Finding, findings_of
from penstock.ingest.contract.model import Contract
from penstock.ingest.landing.schema import check_columns, check_identity

# Every event is in one place: a row, or a reject that was not replayed (a replayed one is a row as well).
_PLACES = """
SELECT _epoch AS epoch, {part} AS part, _offset AS place FROM raw.{table}
UNION ALL
SELECT epoch, "partition", "offset" FROM raw.rejects WHERE replayed_commit IS NULL
"""


def landing_findings(settings: Settings, contract: Contract) -> list[Finding]:
    """All checks of one landing file."""
    path = settings.landing_file(contract.stream)
    if not path.exists():
        return [Finding("info", str(path), f"nothing has landed yet from stream {contract.stream}")]
    checks = (
        _filled_for_this, _format, _columns, _version, _offsets_and_places, _commits, _accepted_gaps,
        _replayed,
    )  # fmt: skip
    with opened(settings, contract.stream) as landing:
        if ("landing",) not in _tables(landing):
            return [
                Finding(
                    "error", str(path), "is a DuckDB file, but no landing file",
                    "move it away, or bring back a copy of the landing file",
                )
            ]  # fmt: skip
        landing_format(landing, path)  # raises for a newer one: then that is the one thing to report
        return [
            finding
            for check in checks
            for finding in findings_of(str(path), check, landing, settings, contract)
        ]


def left_findings(settings: Settings) -> Iterator[Finding]:
    """What a drain or a restore that was cut short left in the folder of landing files."""
    for file in left_parts(settings.data / "landing"):
        yield Finding(
            "warning", str(file), "was left by a command that was cut short",
            "the next one that makes a landing file here removes it; you may also remove it",
        )  # fmt: skip


@contextmanager
def opened(settings: Settings, stream: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The landing file, for reading. Large sorts go to a folder of their own, not beside the file."""
    with (
        closing(open_duckdb(settings.landing_file(stream), read_only=True, wait=HELD_WAIT)) as connection,
        tempfile.TemporaryDirectory(prefix="penstock-doctor-") as folder,
    ):
        connection.execute(f"SET temp_directory = {literal(folder)}")
        yield connection


def _tables(landing: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    return landing.execute("SELECT table_name FROM duckdb_tables()").fetchall()


def _filled_for_this(
    landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract
) -> Iterator[Finding]:
    """A landing file remembers its stream and its environment."""
    check_identity(landing, settings.landing_file(contract.stream), contract.stream, settings.environment)
    yield from ()


def _format(landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract) -> Iterator[Finding]:
    """A file of an older version is whole, and waits for a stage that may write it."""
    path = settings.landing_file(contract.stream)
    version = landing_format(landing, path)
    if version < FORMAT_VERSION:
        yield Finding(
            "warning", str(path), f"is of format {version}; this Penstock writes format {FORMAT_VERSION}",
            "the next drain, follow or transform brings it up to date",
        )  # fmt: skip


def _columns(landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract) -> Iterator[Finding]:
    """The contract's fields are the table's columns: the same order, types, and NOT NULLs."""
    check_columns(landing, settings.landing_file(contract.stream), contract)
    yield from ()


def _version(landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract) -> Iterator[Finding]:
    """The newest events landed under the contract as it is now. A `follow` keeps the one it began with."""
    newest = landing.execute(
        "SELECT max_by(version, number) FROM ("
        f"SELECT _contract_version AS version, _commit AS number FROM raw.{quoted(contract.stream)} "
        'UNION ALL SELECT contract_version, "commit" FROM raw.rejects)'
    ).fetchone()
    if newest and newest[0] not in (None, contract.version):
        yield Finding(
            "warning", str(settings.landing_file(contract.stream)),
            f"its newest events landed under version {newest[0]} of the contract, which is version "
            f"{contract.version} now",
            "the next drain lands under the new one; start a running `follow` anew",
        )  # fmt: skip


def _commits(landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract) -> Iterator[Finding]:
    """What each transaction says that it landed and rejected is there, and nothing else."""
    wrong = landing.execute(
        f"WITH there AS (SELECT number, sum(landed) AS landed, sum(rejected) AS rejected FROM ("
        f"SELECT _commit AS number, 1 AS landed, 0 AS rejected FROM raw.{quoted(contract.stream)} "
        'UNION ALL SELECT "commit", 0, 1 FROM raw.rejects) GROUP BY number) '
        "SELECT number, c.landed, c.rejected, coalesce(t.landed, 0), coalesce(t.rejected, 0) FROM there AS t "
        'FULL JOIN (SELECT *, "commit" AS number FROM raw.commits) AS c USING (number) '
        "WHERE (c.landed, c.rejected) IS DISTINCT FROM (coalesce(t.landed, 0), coalesce(t.rejected, 0)) "
        "ORDER BY number"
    ).fetchall()
    if not wrong:
        return
    commit, landed, rejected, rows, rejects = wrong[0]
    says = "is not in raw.commits" if landed is None else f"says {landed} rows and {rejected} rejects"
    yield Finding(
        "error", str(settings.landing_file(contract.stream)),
        f"{len(wrong)} commits do not agree with what is there: commit {commit} {says}, there are {rows} "
        f"rows and {rejects} rejects" + (", …" if len(wrong) > 1 else ""),
        "stop the consumers and bring back a copy of the file from before",
    )  # fmt: skip


def _offsets_and_places(
    landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract
) -> Iterator[Finding]:
    """Per partition of an epoch: nothing at or beyond the next offset, no place twice; gaps are reported."""
    path = settings.landing_file(contract.stream)
    restore = "stop the consumers and bring back a copy of the file from before"
    places = _PLACES.format(table=quoted(contract.stream), part=partition_column(landing, contract.stream))
    for epoch, partition, next_offset, first, last, kept, distinct in landing.execute(
        f"WITH places AS ({places}), kept AS (SELECT epoch, part, "
        "min(place) AS first, max(place) AS last, count(*) AS kept, count(DISTINCT place) AS places "
        "FROM places GROUP BY ALL) SELECT coalesce(k.epoch, o.epoch), coalesce(k.part, "
        'o."partition"), o.next_offset, k.first, k.last, k.kept, k.places FROM kept AS k FULL JOIN '
        'raw.offsets AS o ON k.epoch = o.epoch AND k.part = o."partition" ORDER BY 1, 2'
    ).fetchall():
        where = f"{path}, epoch {epoch}, partition {partition}"
        if kept is None:
            continue  # offsets alone: all that was read were control records, or the topic began later
        if kept > distinct:
            yield Finding("error", where, f"{kept - distinct} events are there more than once", restore)
        if next_offset is None:
            yield Finding("error", where, f"{kept} events, but no next offset is stored", restore)
        elif last >= next_offset:
            yield Finding(
                "error", where,
                f"holds an event at offset {last}, though the next offset is {next_offset}: it would land "
                "again", restore,
            )  # fmt: skip
        elif distinct < next_offset - first:
            yield Finding(
                "info", where,
                f"{next_offset - first - distinct} of the offsets {first} to {next_offset - 1} hold no "
                "event: transactions, compaction, or a gap that was accepted",
            )  # fmt: skip


def _accepted_gaps(
    landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract
) -> Iterator[Finding]:
    """Events that the topic removed unread, and somebody accepted it. Older files have no such table."""
    if ("gaps",) not in _tables(landing):
        return
    for epoch, partition, first, last, events, at, run_id in landing.execute(
        'SELECT epoch, "partition", from_offset, to_offset, events, "at", run_id FROM raw.gaps ORDER BY ALL'
    ).fetchall():
        yield Finding(
            "info", f"{settings.landing_file(contract.stream)}, epoch {epoch}, partition {partition}",
            f"a gap was accepted by run {run_id} at {at:%Y-%m-%d %H:%M} UTC: offsets {first} to {last}, "
            f"{events} events",
        )  # fmt: skip


def _replayed(
    landing: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract
) -> Iterator[Finding]:
    """A reject that is marked as replayed has its row."""
    row = landing.execute(
        "SELECT count(*) FROM raw.rejects AS r "
        f"ANTI JOIN raw.{quoted(contract.stream)} AS e ON e._epoch = r.epoch "
        f'AND e.{partition_column(landing, contract.stream)} = r."partition" AND e._offset = r."offset" '
        "WHERE r.replayed_commit IS NOT NULL"
    ).fetchone()
    if row and row[0]:
        yield Finding(
            "error", str(settings.landing_file(contract.stream)),
            f"{row[0]} rejects are marked as replayed, but have no row in raw.{contract.stream}",
            "bring back a copy of the file from before, and replay again",
        )  # fmt: skip
