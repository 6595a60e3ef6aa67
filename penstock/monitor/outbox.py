"""The outbox: messages in SQLite, kept until Slack has taken them.

Many processes write it at once, each in short transactions. A rollback journal, not WAL: nothing here is
fast enough to need it, and one file on any file system is worth more.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from penstock.core.errors import PenstockError
from penstock.monitor.message import Blocks, Message

State = Literal["pending", "delivered", "unsent", "refused"]

_VERSION = 1
_BUSY_WAIT = 5.0  # seconds that one transaction waits for another process's
_DELIVERED_SHOWN = 20
_SCHEMA = """
create table if not exists messages (
    id integer primary key autoincrement,
    created_at text not null,
    pipeline text not null,
    stage text not null,
    run_id text not null,
    channel text,
    text text not null,
    blocks text not null,
    state text not null check (state in ('pending', 'delivered', 'unsent', 'refused')),
    attempts integer not null default 0,
    maybe_taken integer not null default 0, -- an attempt began, and no clear answer to it is known
    not_before text,                        -- Slack asked to be left alone until then
    last_error text not null default '',
    delivered_at text,
    receipt text not null default '{}'      -- channel and ts: what editing the message will need
) strict
"""


@dataclass(frozen=True)
class Entry:
    """One message of the outbox. Times are UTC."""

    id: int
    created_at: dt.datetime
    pipeline: str
    stage: str
    run_id: str
    channel: str | None
    text: str
    blocks: Blocks
    state: State
    attempts: int
    maybe_taken: bool
    not_before: dt.datetime | None
    last_error: str
    delivered_at: dt.datetime | None
    receipt: dict[str, str]


@dataclass(frozen=True)
class Summary:
    """How many messages are in which state."""

    pending: int = 0
    delivered: int = 0
    unsent: int = 0  # nothing was configured to send them: they were logged
    refused: int = 0  # Slack will never take them


class Outbox:
    """The messages in one SQLite file, which is made by the first message.

    Every method is one transaction, durable when it returns. Raises PenstockError where the file cannot be
    read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(
        self,
        message: Message,
        *,
        pipeline: str,
        stage: str,
        run_id: str,
        channel: str | None,
        at: dt.datetime,
        unsent: str = "",
    ) -> int:
        """Keep a message and return its id. `unsent` says why it will not be sent at all."""
        with self._transaction() as database:
            cursor = database.execute(
                "insert into messages (created_at, pipeline, stage, run_id, channel, text, blocks, state,"
                " last_error) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    at.isoformat(), pipeline, stage, run_id, channel, message.text,
                    json.dumps(message.blocks), "unsent" if unsent else "pending", unsent,
                ),
            )  # fmt: skip
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def pending(self) -> list[Entry]:
        """The messages that Slack has not taken yet, oldest first."""
        return self._select("where state = 'pending' order by id")

    def entries(self) -> list[Entry]:
        """All that was not delivered, and the newest of what was, oldest first."""
        return self._select(
            "where state <> 'delivered' or id in (select id from messages where state = 'delivered'"
            f" order by id desc limit {_DELIVERED_SHOWN}) order by id"
        )

    def has(self, *, pipeline: str, stage: str, run_id: str, at: dt.datetime) -> bool:
        """Whether there is a message of this stage of a run and this time, whatever became of it."""
        same = "where pipeline = ? and stage = ? and run_id = ? and created_at = ? limit 1"
        return bool(self._select(same, pipeline, stage, run_id, at.isoformat()))

    def entry(self, message_id: int) -> Entry:
        """One message."""
        return self._select("where id = ?", message_id)[0]

    def summary(self, run_id: str | None = None) -> Summary:
        """How many messages (of one run, or all) are in which state."""
        if not self.path.exists():
            return Summary()
        with self._transaction() as database:
            counts = database.execute(
                "select state, count(*) from messages where ?1 is null or run_id = ?1 group by state",
                (run_id,),
            ).fetchall()
        return Summary(**dict(counts))

    def begin_attempt(self, message_id: int) -> None:
        """Note, before sending, that an attempt begins: if this process dies, the next one knows."""
        with self._transaction() as database:
            database.execute(
                "update messages set attempts = attempts + 1, maybe_taken = 1 where id = ?", (message_id,)
            )

    def delivered(self, message_id: int, *, at: dt.datetime, receipt: dict[str, str]) -> None:
        """Slack has taken it."""
        with self._transaction() as database:
            database.execute(
                "update messages set state = 'delivered', maybe_taken = 0, not_before = null,"
                " last_error = '', delivered_at = ?, receipt = ? where id = ?",
                (at.isoformat(), json.dumps(receipt), message_id),
            )

    def kept(
        self, message_id: int, *, error: str, maybe_taken: bool, not_before: dt.datetime | None = None
    ) -> None:
        """Slack has not taken it now."""
        with self._transaction() as database:
            database.execute(
                "update messages set last_error = ?, maybe_taken = ?, not_before = ? where id = ?",
                (error, maybe_taken, not_before.isoformat() if not_before else None, message_id),
            )

    def refused(self, message_id: int, *, error: str) -> None:
        """Slack will never take this message: set aside, so that later ones are not held up for ever."""
        with self._transaction() as database:
            database.execute(
                "update messages set state = 'refused', maybe_taken = 0, last_error = ? where id = ?",
                (error, message_id),
            )

    def _select(self, condition: str, *values: Any) -> list[Entry]:
        if not self.path.exists():
            return []
        with self._transaction() as database:
            database.row_factory = sqlite3.Row
            return [_entry(row) for row in database.execute(f"select * from messages {condition}", values)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=_BUSY_WAIT, isolation_level=None)
            try:
                # Immediate: a transaction that first reads, then writes, would fail when another came first.
                database.execute("begin immediate")
                self._ensure_schema(database)
                yield database
                database.execute("commit")
            finally:
                database.close()  # rolls back what was not committed
        except (sqlite3.Error, OSError) as exc:
            raise PenstockError(
                f"{self.path}: the outbox cannot be used: {exc}",
                fix="see that the disk has room and the folder is writable; move a damaged file away",
                where=self.path,
            ) from exc

    def _ensure_schema(self, database: sqlite3.Connection) -> None:
        (version,) = database.execute("pragma user_version").fetchone()
        if version == 0:
            database.execute(_SCHEMA)
            database.execute(f"pragma user_version = {_VERSION}")
        elif version != _VERSION:
            raise PenstockError(
                f"{self.path}: made by another version of Penstock (format {version}, here {_VERSION})",
                fix="use that version, or move the file away",
                where=self.path,
            )


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        **{
            **dict(row),
            "created_at": dt.datetime.fromisoformat(row["created_at"]),
            "blocks": json.loads(row["blocks"]),
            "maybe_taken": bool(row["maybe_taken"]),
            "not_before": _time(row["not_before"]),
            "delivered_at": _time(row["delivered_at"]),
            "receipt": json.loads(row["receipt"]),
        }
    )


def _time(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
