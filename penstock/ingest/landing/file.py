"""The landing file of one stream: rows, rejects and offsets, committed together or not at all.

The database is the only truth of offsets. A batch lands as a compare-and-set: only if the offsets that the
file holds are still those from which the batch was fetched. Of two consumers, one wins each batch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penstock.core.duckdb_file import MEND, duckdb_errors_as, quoted
from penstock.core.errors import LandingError
from penstock.core.kill_point import kill_point
from penstock.core.settings import Settings
from penstock.ingest.check.checker import open_checker
from penstock.ingest.check.compiler import CompiledContract, compile_contract
from penstock.ingest.check.result import Checked, Reasons, count_reasons
from penstock.ingest.contract.model import Contract
from penstock.ingest.decode.arrow_bytes import bytes_of
from penstock.ingest.landing.batch import NOTHING, Batch, Landed
from penstock.ingest.landing.connection import LandingConnection, landing_errors
from penstock.ingest.landing.gap import Gap
from penstock.ingest.landing.offsets import move_offsets, next_offsets
from penstock.ingest.landing.schema import create_landing

_HUGE = 16 * 1024  # bytes of an event, on average over a batch: more, and the file takes huge events


@dataclass(frozen=True)
class LandingFile:
    """An open landing file, ready for writing. Times are passed in: the machine's clock is the caller's."""

    file: LandingConnection
    compiled: CompiledContract

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """DuckDB's connection to the file, until that is opened anew."""
        return self.file.duckdb

    def epoch(
        self,
        cluster_id: str,
        topic_id: str,
        *,
        now: dt.datetime,
        begin_new: bool = False,
        command: str | None = None,
    ) -> int:
        """The generation of this topic: offsets of one topic id on one cluster. The first one is 1.

        Raises LandingError when the file was filled from another topic or cluster and `begin_new` is false;
        `command` is then what goes on with the option `--new-epoch` (default: drain).
        """
        topic = self.compiled.contract.topic
        # Fetched whole: a result that is left open would be in the way of the next statement.
        rows = self.connection.execute(
            "SELECT epoch, cluster_id, topic, topic_id FROM raw.topics ORDER BY epoch DESC LIMIT 1"
        ).fetchall()
        last = rows[0] if rows else None
        if last is not None and last[1:] == (cluster_id, topic, topic_id):
            return int(last[0])
        if last is not None and not begin_new:
            command = command or f"penstock ingest drain {self.compiled.contract.stream}"
            raise LandingError(
                f"topic {topic}: it is not the topic that this landing file was filled from: "
                f"{_difference(last[1:], (cluster_id, topic, topic_id))}",
                fix="check KAFKA_BOOTSTRAP_SERVERS; if the topic was made anew on purpose, go on with "
                f"`{command} --new-epoch`",
            )
        return self.begin_epoch(cluster_id, topic_id, now=now)

    def begin_epoch(self, cluster_id: str, topic_id: str, *, now: dt.datetime) -> int:
        """Begin the next epoch: offsets start anew. Returns its number."""
        row = self.connection.execute(
            "INSERT INTO raw.topics SELECT coalesce(max(epoch), 0) + 1, $1, $2, $3, $4 FROM raw.topics "
            "RETURNING epoch",
            [cluster_id, self.compiled.contract.topic, topic_id, now],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def next_offsets(self, epoch: int) -> dict[int, int]:
        """By partition, the offset to fetch next."""
        return next_offsets(self.connection, epoch)

    def record_gaps(self, gaps: Sequence[Gap], *, epoch: int, run_id: str, now: dt.datetime) -> None:
        """Move the offsets behind events that the topic no longer holds, and record them, in one transaction.

        Raises OffsetConflict (another consumer was first) and LandingError; then nothing has changed.
        """
        if not gaps:
            return
        stream = self.compiled.contract.stream
        with (
            duckdb_errors_as(LandingError, f"{stream}: a gap could not be recorded"),
            _transaction(self.connection),
        ):
            move_offsets(
                self.connection,
                {gap.partition: gap.from_offset for gap in gaps},
                {gap.partition: gap.to_offset + 1 for gap in gaps},
                epoch,
            )
            for gap in gaps:
                self.connection.execute(
                    "INSERT INTO raw.gaps VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    [epoch, gap.partition, gap.from_offset, gap.to_offset, gap.events, now, run_id],
                )
            kill_point("ingest.gap_recorded")

    def complete_until(self, moment: dt.datetime) -> dt.datetime:
        """Note that all events up to `moment` are here; never moves backwards. Returns what now holds."""
        row = self.connection.execute(
            "UPDATE raw.landing SET complete_until = greatest(complete_until, $1) RETURNING complete_until",
            [moment],
        ).fetchone()
        assert row is not None
        result: dt.datetime = row[0]
        return result

    def land(self, batch: Batch, *, epoch: int, run_id: str, now: dt.datetime) -> Landed:
        """Check a batch and commit its rows, rejects and offsets in one transaction.

        1. check its events, if that was not done before
        2. begin; compare each partition's stored offset with the batch's start, and set it to the batch's end
        3. insert, under the next commit number, rows and rejects
        4. commit

        Raises OffsetConflict (another consumer was first) and LandingError (the file cannot be written);
        then nothing of the batch is in the file.
        """
        batch.refuse_other_places()
        what = f"{self.compiled.contract.stream}: a batch could not be landed ({_places(batch)})"
        with duckdb_errors_as(LandingError, what, fix=f"{MEND}; nothing is lost"):
            try:
                landed = self._land(batch, epoch, run_id, now)
            except duckdb.OutOfMemoryException:  # huge events: once more, with all that the machine has
                self.file.allow_all_memory()
                landed = self._land(batch, epoch, run_id, now)
            self.file.forget_written()
        kill_point("ingest.committed")
        return landed

    def _land(self, batch: Batch, epoch: int, run_id: str, now: dt.datetime) -> Landed:
        if batch.checked is None and batch.events.num_rows:
            with open_checker(self.compiled) as checker:
                batch = batch.checked_by(checker)  # 1
        kill_point("ingest.checked")
        if sum(map(bytes_of, batch.events.column("value").chunks)) > _HUGE * batch.events.num_rows:
            self.file.take_huge_events()
        if batch.checked:
            self.file.prepare_for(batch.checked.rows, batch.checked.text_of_row)
        with _transaction(self.connection):
            move_offsets(self.connection, batch.starts, batch.ends, epoch)  # 2
            landed = self._insert(batch.checked, epoch, run_id, now) if batch.checked else NOTHING  # 3
            kill_point("ingest.inserted")
            # 4: the transaction commits
        self.file.take_all_threads()
        return landed

    def _insert(self, checked: Checked, epoch: int, run_id: str, now: dt.datetime) -> Landed:
        connection, commit = self.connection, self.next_commit()
        relations = {"parsed": checked.parsed, "others": checked.others, "rejects": checked.rejects}
        for name, rows_of_it in relations.items():
            connection.register(name, rows_of_it)
        rows = self.insert_rows(f"({self.compiled.rows_sql})", epoch, commit) if checked.good_parsed else 0
        rows += self.insert_rows("others", epoch, commit) if checked.others.num_rows else 0
        if rows != checked.rows:
            stream = self.compiled.contract.stream
            raise LandingError(f"{stream}: {rows} rows were inserted in place of {checked.rows}")
        rejected = int(checked.rejects.num_rows)
        if rejected:
            self.insert_rejects("rejects", epoch, commit)
        for name in relations:
            connection.unregister(name)  # it would keep the batch until the next one lands
        self.note_commit(commit, now, run_id, rows, rejected)
        return Landed(commit, rows, rejected, checked.reasons)

    def note_commit(self, commit: int, now: dt.datetime, run_id: str, rows: int, rejected: int) -> None:
        """Note what a batch's transaction does."""
        self.connection.execute(
            "INSERT INTO raw.commits VALUES ($1, $2, 'batch', $3, $4, $5)",
            [commit, now, run_id, rows, rejected],
        )

    def insert_rows(self, source: str, epoch: int, commit: int) -> int:
        """Insert the rows of `source`, straight from the query, by one thread or more. Returns how many."""
        contract = self.compiled.contract
        columns = ", ".join(quoted(field.name) for field in contract.fields)
        ((inserted,),) = self.connection.execute(
            f"INSERT INTO raw.{quoted(contract.stream)} "
            f"SELECT {columns}, _unknown, $1, _kafka_partition, _offset, _kafka_timestamp, $2, $3 "
            f"FROM {source}",
            [epoch, commit, contract.version],
        ).fetchall()
        return int(inserted)

    def check_remaining(self, events: int, where: str) -> tuple[int, int, Reasons]:
        """Make the table `checked` of the relation `remaining`, which holds so many events. Returns how many
        are good, how many rejects, and why. Raises LandingError, which names `where`, for another number."""
        self.compiled.check(self.connection)
        row = self.connection.execute("SELECT count(*), count(reasons) FROM checked").fetchone()
        assert row is not None
        checked, rejected = row
        if checked != events:
            raise LandingError(f"{checked} events were checked in place of {events} ({where})")
        return checked - rejected, rejected, count_reasons(self.connection) if rejected else {}

    def insert_rejects(self, source: str, epoch: int, commit: int) -> None:
        """Insert the rejects of `source`, which has the columns of `Checked.rejects`."""
        self.connection.execute(
            'INSERT INTO raw.rejects SELECT $1, "partition", "offset", kafka_timestamp, $2, $3, '
            f"key, value, headers, reasons, NULL FROM {source}",
            [epoch, commit, self.compiled.contract.version],
        )

    def next_commit(self) -> int:
        """The number of the transaction that comes next."""
        # Fetched whole: a result that is left open would be in the way of the next statement.
        ((commit,),) = self.connection.execute(
            'SELECT coalesce(max("commit"), 0) + 1 FROM raw.commits'
        ).fetchall()
        return int(commit)


@contextmanager
def open_landing(
    settings: Settings, contract: Contract, *, wait: float = 30.0, path: Path | None = None
) -> Iterator[LandingFile]:
    """Open the stream's landing file (or the one at `path`) for writing, made when missing; closed with the
    block.

    Raises BusyError, and LandingError for a file that is damaged, of another environment, or with other
    columns than the contract's.
    """
    path = path or settings.landing_file(contract.stream)
    if not path.exists():
        create_landing(path, contract, settings.environment)
    compiled = compile_contract(contract)
    file = LandingConnection(path, compiled, settings.environment, wait=wait)
    try:
        with landing_errors(path):
            yield LandingFile(file, compiled)
    finally:
        file.close()


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        # After a fatal error (a full disk) there is no transaction left; the first error says why.
        return


def _difference(was: tuple[str, ...], now: tuple[str, ...]) -> str:
    names = ("cluster id", "topic", "topic id")
    pairs = zip(names, was, now, strict=True)
    return ", ".join(f"{name} was {old}, is {new}" for name, old, new in pairs if old != new)


def _places(batch: Batch) -> str:
    return ", ".join(f"partition {p} up to offset {end}" for p, end in sorted(batch.ends.items()))
