"""Seeded events of a web store, as JSON bytes made by SQL: two million take seconds.

Every event follows from its number and the seed alone. A share of them breaks the contract, each in one of
several ways, so it is known beforehand which events must be rejects.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from penstock.core.duckdb_file import literal

Size = Literal["100 B", "300 B", "2 kB", "1 MB"]

_SEED = 20_261_124
_AT_ONCE = {"1 MB": 50}  # events that are made by one statement; others: 50 000


@dataclass(frozen=True)
class Kind:
    """What events are like. `bad`: which share breaks the contract; `mixed`: several producers, each with its
    own order of keys, one of them with spaces."""

    size: Size = "300 B"
    bad: float = 0.001
    mixed: bool = False

    @property
    def contract(self) -> Path:
        """The contract that they keep, or break."""
        name = "small_events" if self.size == "100 B" else "events"
        return Path(__file__).with_name(f"{name}.odcs.yaml")


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
                f"SELECT encode(user_id), value, user_id::BIGINT FROM ({_sql(kind, first, last)}) ORDER BY n"
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
        (good,) = connection.execute(
            "SELECT count(*), sum(price::DECIMAL(12,2))::VARCHAR, sum(user_id::BIGINT)::VARCHAR "
            f"FROM ({events}) WHERE NOT bad"
        ).fetchall()
        (bad,) = connection.execute(
            f"SELECT count(*), sum(hash(value)::HUGEINT)::VARCHAR FROM ({events}) WHERE bad"
        ).fetchall()
    return Truth(*good, *bad)


def _sql(kind: Kind, first: int, last: int) -> str:
    """Rows n, value, bad, and price and user_id as a good event has them."""
    tokens = _small_tokens() if kind.size == "100 B" else _tokens(kind.size)
    ways = [(field, token) for field, token in _BAD_TOKENS if field in tokens]
    broken = {field: _broken(field, token, ways) for field, token in tokens.items()}
    cut, no_text = len(ways), len(ways) + 1
    return f"""
        SELECT n, bad, {tokens["price"]} AS price, {tokens["user_id"]} AS user_id,
            CASE way WHEN {cut} THEN encode(left(text, -9)) WHEN {no_text} THEN encode(text) || '\\xFF'::BLOB
                ELSE encode(text) END AS value
        FROM (SELECT *, {_text(broken, mixed=kind.mixed)} AS text FROM (
            SELECT *, CASE WHEN bad THEN {_random("way")} % {len(ways) + 2} END AS way FROM (
                SELECT range AS n, {_random("bad")} % 100000 < {round(kind.bad * 100_000)} AS bad
                FROM range({first}, {last})
            )
        ))
    """


def _tokens(size: Size) -> dict[str, str]:
    """By field, its JSON token as SQL of `n`."""
    page = f"""'"/p/' || {_random("page")} % 1000"""
    if size == "2 kB":
        page += f""" || '?' || array_to_string(list_transform(range(50), lambda k:
            'campaign-' || k || '=' || to_hex(hash(n + k, {_SEED})) || '&source=newsletter'), '')[:1690]"""
    if size == "1 MB":
        page += f" || '?' || repeat(md5('p{_SEED}' || n), 30900)"
    return {
        "event_id": f"""'"' || md5('e{_SEED}' || n)::UUID || '"'""",
        "event_time": _time(),
        "event_type": _type(),
        "user_id": _user(),
        "session": f"""'"' || md5('s{_SEED}' || {_random("session")} % 100000)::UUID || '"'""",
        "product_id": f"({_random('product')} % 1000000 + 1)::VARCHAR",
        "category": f"CASE WHEN {_random('none')} % 5 = 0 THEN 'null' ELSE "
        + _one_of('"tv"', '"phone"', '"audio"', '"shoes"', '"oven"')
        + " END",
        "brand": _one_of('"acme"', '"sony"', '"apple"', '"bosch"', '"lenovo"', '"samsung"'),
        "price": _price(),
        "quantity": f"({_random('quantity')} % 9 + 1)::VARCHAR",
        "mobile": f"CASE WHEN {_random('mobile')} % 3 = 0 THEN 'false' ELSE 'true' END",
        "country": _one_of('"DE"', '"FR"', '"PL"', '"IT"', '"ES"', '"US"', '"JP"'),
        "page": page + """ || '"'""",
    }


def _small_tokens() -> dict[str, str]:
    return {
        "id": f"""'"' || left(md5('e{_SEED}' || n), 10) || '"'""",
        "at": _time(),
        "type": _type(),
        "user_id": _user(),
        "price": _price(),
    }


# Ways in which an event is bad: the token of a field, NULL for none; two more spoil the event as a whole.
_BAD_TOKENS: tuple[tuple[str, str | None], ...] = (
    ("price", '"12.50"'),
    ("price", "-1.5"),
    ("price", "9.125"),
    ("event_id", None),
    ("session", '"not-a-uuid"'),
    ("id", None),
    ("event_type", '"wiev"'),
    ("type", '"wiev"'),
    ("event_time", '"2026-13-01T00:00:00.000Z"'),
    ("at", '"2026-13-01T00:00:00.000Z"'),
    ("user_id", "null"),
    ("quantity", "2.5"),
    ("quantity", "99999999999"),
    ("product_id", "0"),
    ("mobile", "1"),
    ("country", '"de"'),
    ("brand", '"' + "x" * 41 + '"'),
)


def _broken(field: str, token: str, ways: list[tuple[str, str | None]]) -> str:
    cases = [
        f"WHEN {way} THEN {literal(bad) if bad is not None else 'NULL'}"
        for way, (name, bad) in enumerate(ways)
        if name == field
    ]
    return f"CASE way {' '.join(cases)} ELSE {token} END" if cases else token


def _text(tokens: dict[str, str], *, mixed: bool) -> str:
    """The event's JSON; a token that is NULL leaves its key out."""
    usual = list(tokens)
    if not mixed:
        return _object(usual, tokens)
    orders = [usual, usual[::-1], usual[3:] + usual[:3], sorted(usual)]
    texts = [_object(order, tokens, space=" " if which == 3 else "") for which, order in enumerate(orders)]
    cases = " ".join(f"WHEN {which} THEN {text}" for which, text in enumerate(texts))
    return f"CASE {_random('order')} % {len(texts)} {cases} END"


def _object(order: list[str], tokens: dict[str, str], *, space: str = "") -> str:
    parts = ", ".join(f"""',{space}"{field}":{space}' || ({tokens[field]})""" for field in order)
    return f"'{{' || substr(concat({parts}), {2 + len(space)}) || '}}'"


def _time() -> str:
    moment = "TIMESTAMP '2026-01-01' + to_milliseconds(n * 7)"
    return f"""'"' || strftime({moment}, '%Y-%m-%dT%H:%M:%S.%gZ') || '"'"""


def _type() -> str:
    return _one_of(*['"view"'] * 7, '"cart"', '"remove_from_cart"', '"purchase"')


def _user() -> str:
    return f"(500000000 + {_random('user')} % 100000000)::VARCHAR"


def _price() -> str:
    return f"({_random('price')} % 200000 / 100)::VARCHAR"


def _one_of(*texts: str) -> str:
    listed = ", ".join(literal(text) for text in texts)
    return f"([{listed}])[1 + ({_random(texts[-1])} % {len(texts)})::INTEGER]"


def _random(of: str) -> str:
    """A number of each event, another for each `of`. (`hash` of two columns would leave them alike.)"""
    return f"hash(n * 5000000029 + {_SEED} + {zlib.crc32(of.encode())})"
