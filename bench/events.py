"""Seeded events of a web store, as JSON bytes made by SQL: two million take seconds.

Every event follows from its number and the seed alone. A share of them breaks the contract, each in one of
several ways, so it is known beforehand which events must be rejects. What the good ones must give is summed
up from what they say, not from how it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.child import REPOSITORY
from bench.fields import USER, Size, Stream, bad_tokens, random_of, tokens_of
from bench.writing import WRITINGS
from penstock.core.duckdb_file import literal

_AT_ONCE = {"1 MB": 50}  # events that are made by one statement; others: 50 000


@dataclass(frozen=True)
class Kind:
    """What events are like. `stream`: whose contract they keep; `bad`: which share breaks it; `writing`: how
    their producer writes them, one of WRITINGS."""

    stream: Stream = "events"
    size: Size = "usual"
    bad: float = 0.001
    writing: str = "compact"

    @property
    def contract(self) -> Path:
        """The contract that they keep, or break."""
        folder = REPOSITORY / ("ingest" if self.stream == "customer_events" else "bench")
        return folder / f"{self.stream}.odcs.yaml"


@dataclass(frozen=True)
class Truth:
    """What must be found: good events with the sums of two columns, bad ones with a fingerprint of them."""

    landed: int
    price: str | None
    user_id: str | None
    rejected: int
    rejects: str | None


def messages(kind: Kind, count: int) -> Iterator[list[tuple[bytes, bytes, int]]]:
    """Events number 0 to `count` in their order, many at a time: key, value, number of the user."""
    with duckdb.connect() as connection:
        at_once = _AT_ONCE.get(kind.size, 50_000)
        for first in range(0, count, at_once):
            last = min(first + at_once, count)
            yield connection.execute(
                f"SELECT encode(user_id::VARCHAR), value, user_id FROM ({_sql(kind, first, last)}) ORDER BY n"
            ).fetchall()


def average_size(kind: Kind) -> float:
    """Bytes of an event's value, on average."""
    with duckdb.connect() as connection:
        row = connection.execute(f"SELECT avg(octet_length(value)) FROM ({_sql(kind, 0, 1000)})").fetchone()
    assert row is not None
    return float(row[0])


def truth(kind: Kind, count: int) -> Truth:
    """What a reader of events number 0 to `count` must find."""
    events = _sql(kind, 0, count)
    with duckdb.connect() as connection:
        ((landed, cents, user_id),) = connection.execute(
            f"SELECT count(*), sum(cents), sum(user_id)::VARCHAR FROM ({events}) WHERE NOT bad"
        ).fetchall()
        (bad,) = connection.execute(
            f"SELECT count(*), sum(hash(value)::HUGEINT)::VARCHAR FROM ({events}) WHERE bad"
        ).fetchall()
    price = None if cents is None else f"{cents // 100}.{cents % 100:02}"
    return Truth(landed, price, user_id, *bad)


def _sql(kind: Kind, first: int, last: int) -> str:
    """Rows n, bad, cents and user_id (as a good event has them), value."""
    writing, faults = WRITINGS[kind.writing], bad_tokens(kind.stream)
    members = writing.members(tokens_of(kind.stream, kind.size))
    broken = {key: _broken(key, token, faults) for key, token in members.items()}
    cut, no_text = len(faults), len(faults) + 1
    return f"""
        SELECT n, bad, cents, user_id,
            CASE fault WHEN {cut} THEN encode(left(text, -9))
                WHEN {no_text} THEN encode(text) || '\\xFF'::BLOB
                ELSE encode(text) END AS value
        FROM (SELECT *, {writing.layout(broken)} AS text FROM (
            SELECT *, CASE WHEN bad THEN {random_of("fault")} % {len(faults) + 2} END AS fault,
                {writing.cents} AS cents, {USER} AS user_id
            FROM (
                SELECT range AS n, {random_of("bad")} % 100000 < {round(kind.bad * 100_000)} AS bad
                FROM range({first}, {last})
            )
        ))
    """


def _broken(field: str, token: str, faults: tuple[tuple[str, str | None], ...]) -> str:
    cases = [
        f"WHEN {fault} THEN {literal(bad) if bad is not None else 'NULL'}"
        for fault, (name, bad) in enumerate(faults)
        if name == field
    ]
    return f"CASE fault {' '.join(cases)} ELSE {token} END" if cases else token
