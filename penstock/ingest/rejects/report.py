"""Rejects as a person reads them: counted, shown one by one, exported. Looks only, writes nothing."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from penstock.core.declared_files import declared_files
from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import LandingError, PenstockError
from penstock.core.landing_format import landing_format
from penstock.core.settings import Settings
from penstock.ingest.contract.model import Contract, read_contract
from penstock.ingest.rejects.locate import position

_ROWS_AT_ONCE = 100  # an event may be megabytes long

_REJECTS = """
SELECT t.topic, r.epoch, r."partition", r."offset", r.kafka_timestamp, r."commit", c."at", r.contract_version,
    r.key, r.value, r.headers, r.reasons, r.replayed_commit
FROM raw.rejects AS r JOIN raw.topics AS t USING (epoch) JOIN raw.commits AS c USING ("commit")
"""


@dataclass(frozen=True)
class RejectCount:
    """Rejects with one reason, of one day (UTC, when they were read). `example` is the place of one, an open
    one where there is any. `field` is None for a reason of the event as a whole."""

    day: dt.date
    field: str | None
    rule: str
    open: int
    replayed: int
    example: str


@dataclass(frozen=True)
class RejectList:
    """A stream's rejects. One with several reasons counts once in `open`, and in `counts` with each."""

    stream: str
    open: int
    replayed: int
    counts: tuple[RejectCount, ...]


@dataclass(frozen=True)
class Why:
    """A reason, and the character of the text that it points at, from 0; None where there is no one place."""

    field: str | None
    rule: str
    found: str | None
    at: int | None


@dataclass(frozen=True)
class ShownReject:
    """One reject. `text` is its value, with \\x… for bytes that are not UTF-8; None for a tombstone."""

    stream: str
    place: str
    epoch: int
    kafka_timestamp: dt.datetime | None
    commit: int
    rejected_at: dt.datetime
    contract_version: str
    replayed_commit: int | None
    key: str | None
    headers: tuple[tuple[str, str | None], ...]
    text: str | None
    reasons: tuple[Why, ...]


def list_rejects(settings: Settings, contract: Contract) -> RejectList:
    """Count a stream's rejects by day, field and reason. Raises PenstockError (no file yet), BusyError."""
    with _reading(settings, contract) as connection:
        total = connection.execute(
            "SELECT count(*) - count(replayed_commit), count(replayed_commit) FROM raw.rejects"
        ).fetchone()
        assert total is not None
        rows = connection.execute(
            """
            SELECT c."at"::DATE, reason.field, reason.rule,
                count(*) - count(replayed_commit), count(replayed_commit),
                arg_min(
                    concat_ws('/', topic, "partition", "offset"),
                    (replayed_commit IS NOT NULL, -epoch, "partition", "offset")
                )
            FROM (SELECT * EXCLUDE (reasons), unnest(list_distinct(list_transform(
                reasons, lambda one: {'field': one.field, 'rule': one.rule}))) AS reason FROM raw.rejects)
            JOIN raw.topics USING (epoch) JOIN raw.commits AS c USING ("commit")
            GROUP BY ALL ORDER BY 1 DESC, 4 DESC, 5 DESC, 2, 3
            """
        ).fetchall()
    still_open, replayed = total
    return RejectList(contract.stream, still_open, replayed, tuple(RejectCount(*row) for row in rows))


def list_all_rejects(settings: Settings) -> tuple[list[RejectList], list[PenstockError]]:
    """The same for each stream that has a contract; one without a landing file has none. What cannot be read,
    a contract or a landing file, is an error beside the others, which are listed all the same."""
    contracts, errors = _contracts(settings)
    lists: list[RejectList] = []
    for contract in contracts:
        if not settings.landing_file(contract.stream).exists():
            lists.append(RejectList(contract.stream, 0, 0, ()))
            continue
        try:
            lists.append(list_rejects(settings, contract))
        except PenstockError as exc:
            errors.append(exc)
    return lists, errors


def show_reject(settings: Settings, topic: str, partition: int, offset: int) -> tuple[ShownReject, ...]:
    """The reject at a place: one for each epoch and stream that has one, newest epoch first.

    Raises PenstockError when none is found: the first thing that could not be read, if there is any, and may
    have held it; else LandingError.
    """
    contracts, errors = _contracts(settings)
    found: list[ShownReject] = []
    for contract in contracts:
        if contract.topic != topic:
            continue
        try:
            found += _shown_of(settings, contract, partition, offset)
        except PenstockError as exc:
            errors.append(exc)
    if not found and errors:
        raise errors[0]
    if not found:
        streams = ", ".join(one.stream for one in contracts if one.topic == topic)
        raise LandingError(
            f"{topic}/{partition}/{offset}: no such reject "
            + (f"in stream {streams}" if streams else "(no contract names this topic)"),
            fix=f"`penstock ingest rejects ls {streams or '<stream>'}` gives places that exist",
        )
    return tuple(found)


def _shown_of(settings: Settings, contract: Contract, partition: int, offset: int) -> list[ShownReject]:
    with _reading(settings, contract) as connection:
        cursor = connection.execute(
            _REJECTS + 'WHERE t.topic = $1 AND "partition" = $2 AND "offset" = $3 ORDER BY epoch DESC',
            [contract.topic, partition, offset],
        )
        return [_shown(contract, row) for row in _as_dicts(cursor)]


def export_rejects(settings: Settings, contract: Contract) -> Iterator[dict[str, Any]]:
    """All rejects of a stream, in the order in which they came, as plain JSON types. Bytes are text; where
    they are not UTF-8, `<name>_base64` stands instead of `<name>`."""
    with _reading(settings, contract) as connection:
        for row in _as_dicts(connection.execute(_REJECTS + "ORDER BY r.rowid")):
            key, value, headers = row.pop("key"), row.pop("value"), row.pop("headers") or []
            yield {
                **{name: item.isoformat() if isinstance(item, dt.datetime) else item
                   for name, item in row.items()},
                **_exact("key", key),
                **_exact("value", value),
                "headers": [{"key": one["key"], **_exact("value", one["value"])} for one in headers],
            }  # fmt: skip


def _contracts(settings: Settings) -> tuple[list[Contract], list[PenstockError]]:
    """All contracts that can be read, and what is wrong with the others."""
    contracts: list[Contract] = []
    errors: list[PenstockError] = []
    for file in declared_files(settings.contract_file("_").parent, ".odcs.yaml"):
        try:
            contracts.append(read_contract(file))
        except PenstockError as exc:
            errors.append(exc)
        except OSError as exc:
            errors.append(PenstockError(f"{file}: cannot be read: {exc.strerror}", fix="make it readable"))
    return contracts, errors


@contextmanager
def _reading(settings: Settings, contract: Contract) -> Iterator[duckdb.DuckDBPyConnection]:
    path = settings.landing_file(contract.stream)
    connection = open_duckdb(path, read_only=True)
    try:
        landing_format(connection, path)
        yield connection
    except duckdb.CatalogException as exc:
        raise LandingError(
            f"{path}: not a landing file, or one that was never filled",
            fix=f"run `penstock ingest drain {contract.stream}`",
        ) from exc
    finally:
        connection.close()


def _as_dicts(cursor: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    names = [column[0] for column in cursor.description or []]
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        for row in rows:
            yield dict(zip(names, row, strict=True))


def _shown(contract: Contract, row: dict[str, Any]) -> ShownReject:
    text = _readable(row["value"])
    keys = {field.name: field.key for field in contract.fields}
    return ShownReject(
        stream=contract.stream,
        place=f"{row['topic']}/{row['partition']}/{row['offset']}",
        epoch=row["epoch"],
        kafka_timestamp=row["kafka_timestamp"],
        commit=row["commit"],
        rejected_at=row["at"],
        contract_version=row["contract_version"],
        replayed_commit=row["replayed_commit"],
        key=_readable(row["key"]),
        headers=tuple((one["key"], _readable(one["value"])) for one in row["headers"] or []),
        text=text,
        reasons=tuple(
            Why(**one, at=position(keys.get(one["field"], one["field"]), one["rule"], one["found"], text))
            for one in row["reasons"]
        ),
    )


def _readable(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", errors="backslashreplace")


def _exact(name: str, value: bytes | None) -> dict[str, str | None]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode("ascii")}
