"""The connection to a landing file, and how much memory DuckDB has for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import BusyError, DiskError, LandingError, PenstockError, first_line
from penstock.core.landing_format import ROW_GROUPS, ROWS_OF_GROUP
from penstock.ingest.check.compiler import CompiledContract
from penstock.ingest.landing.schema import has_huge_events, note_huge_events, ready_landing

# Several threads insert a batch. Small ones go to the log, whose rows are in memory until a checkpoint.
_SETTINGS = """
SET preserve_insertion_order = false;
SET wal_autocheckpoint = '128MB';
"""
_USUAL_MEMORY = "SET memory_limit = '128MB'"
_ALL_MEMORY = "RESET memory_limit"  # most of the machine's
_HARDLY_ANY_MEMORY = "SET memory_limit = '4MB'"

# Each thread that inserts leaves a row group that is not full. Of a thread that fills none, all rows are
# copied once more; many such groups, and the next checkpoint joins them: it writes their rows again.
_ROWS_OF_THREAD = 3 * ROWS_OF_GROUP

# By default DuckDB looks for texts that come twice, and for pieces of a few letters. With long ones, that
# takes two to four times as long as zstd, and up to four times the room. But zstd wants six bytes for each
# text, also for none, and is then for all columns of texts, but for those that are stored as they are.
_LONG_TEXT = 64  # bytes, on average over a row's columns of texts
_FOR_LONG_TEXTS = "SET force_compression = 'zstd'"
_FOR_TEXTS = "SET force_compression = 'auto'"


class LandingConnection:
    """A connection to a landing file that is open for writing; `duckdb` is DuckDB's."""

    def __init__(self, path: Path, compiled: CompiledContract, environment: str, *, wait: float) -> None:
        """Raises BusyError, and LandingError for a file that is damaged, of another environment, or with
        other columns than the contract's."""
        self._path, self._compiled, self._environment = path, compiled, environment
        self._memory = _USUAL_MEMORY
        self._text_columns = 2 + sum(field.kind == "string" for field in compiled.contract.fields)  # and ours
        self.duckdb = self._connect(wait)
        ((self._threads,),) = self.duckdb.execute("SELECT current_setting('threads')").fetchall()

    def reopen(self, *, wait: float = 30.0) -> None:
        """Close the file and open it anew; others may come between. What DuckDB knows of each row group that
        it has written stays in memory until then. Raises as for a new one."""
        self.close()
        self.duckdb = self._connect(wait)

    def close(self) -> None:
        """Close the file, which is a checkpoint."""
        self.duckdb.close()

    def take_huge_events(self) -> None:
        """Have memory for events of megabytes, from now on and whenever the file is opened: a commit can want
        more than is usual, and end the connection where it is not there. Until the file is closed, its row
        groups stay as they are: to join them, all texts of 2048 rows would be in memory."""
        self.allow_all_memory()
        self.duckdb.execute("SET max_vacuum_tasks = 0")
        note_huge_events(self.duckdb)

    def allow_all_memory(self) -> None:
        """Let DuckDB use most of the machine's memory from now on, as it does by default."""
        self._memory = _ALL_MEMORY
        self.duckdb.execute(_ALL_MEMORY)

    def prepare_for(self, rows: int, text_of_row: float) -> None:
        """Have as many threads as are worth it for so many rows, until `take_all_threads`; and compress texts
        as suits rows that have so many bytes of them, until the next batch."""
        threads = max(1, min(rows // _ROWS_OF_THREAD, self._threads))
        are_long = text_of_row > _LONG_TEXT * self._text_columns
        self.duckdb.execute(f"SET threads = {threads}; {_FOR_LONG_TEXTS if are_long else _FOR_TEXTS}")

    def take_all_threads(self) -> None:
        """Have as many threads as DuckDB has by default."""
        self.duckdb.execute(f"SET threads = {self._threads}")

    def forget_written(self) -> None:
        """Let go of what has been written: DuckDB keeps it while there is memory, and it is not read here."""
        try:
            self.duckdb.execute(_HARDLY_ANY_MEMORY)
        except duckdb.OutOfMemoryException:
            return  # rows that only the log has take more; all else is forgotten by now
        finally:
            self.duckdb.execute(self._memory)

    def _connect(self, wait: float) -> duckdb.DuckDBPyConnection:
        try:
            connection = open_duckdb(self._path, wait=wait, storage=ROW_GROUPS)
        except (BusyError, DiskError):  # nothing is wrong with the file
            raise
        except PenstockError as exc:
            raise LandingError(exc.message, fix=exc.fix or _after_damage(self._path)) from exc
        try:
            with landing_errors(self._path):
                connection.execute(_SETTINGS)
                ready_landing(connection, self._path, self._compiled.contract, self._environment)
                self._compiled.prepare(connection)
                if has_huge_events(connection):
                    self._memory = _ALL_MEMORY
                connection.execute(self._memory)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def landing_errors(path: Path) -> Iterator[None]:
    """DuckDB's errors about a landing file as LandingError, with what to do."""
    try:
        yield
    except duckdb.Error as exc:
        raise LandingError(
            f"{path}: cannot be read or written: {first_line(exc)}",
            fix=f"mend what the message says (a full disk?); {_after_damage(path)}",
        ) from exc


def _after_damage(path: Path) -> str:
    """What to do when a landing file is damaged. Without its log it is as of its last checkpoint, whole."""
    log = path.with_name(path.name + ".wal")
    aside = f"; if only {log} is, move that aside" if log.exists() else ""
    return (
        f"if the file is damaged, bring back a copy of it{aside}: the offsets go with it, and what Kafka "
        "still holds lands again"
    )
