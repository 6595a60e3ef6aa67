"""What the events of the bench's streams say: by field, its JSON token as SQL.

The SQL is over the event's number `n`, and what is known of it beforehand: `cents` (its price) and `user_id`.
"""

from __future__ import annotations

import zlib
from typing import Literal

from penstock.core.duckdb_file import literal

Stream = Literal["events", "small_events", "optional_events", "customer_events"]
Size = Literal["usual", "2 kB", "1 MB"]  # of an event of the stream `events`
Tokens = dict[str, str]

SEED = 20_261_124


def tokens_of(stream: Stream, size: Size) -> Tokens:
    """By field, its token as most producers write it."""
    if stream == "customer_events":
        return _customer_tokens()
    return _small_tokens() if stream == "small_events" else _tokens(size)


def _tokens(size: Size) -> Tokens:
    page = f"""'"/p/' || {random_of("page")} % 1000"""
    if size == "2 kB":
        page += f""" || '?' || array_to_string(list_transform(range(50), lambda k:
            'campaign-' || k || '=' || to_hex(hash(n + k, {SEED})) || '&source=newsletter'), '')[:1690]"""
    if size == "1 MB":
        page += f" || '?' || repeat(md5('p{SEED}' || n), 30900)"
    return {
        "event_id": f"""'"' || md5('e{SEED}' || n)::UUID || '"'""",
        "event_time": time_token("%Y-%m-%dT%H:%M:%S.%gZ"),
        "event_type": _TYPE,
        "user_id": "user_id::VARCHAR",
        "session": f"""'"' || md5('s{SEED}' || {random_of("session")} % 100000)::UUID || '"'""",
        "product_id": f"({random_of('product')} % 1000000 + 1)::VARCHAR",
        "category": f"CASE WHEN {random_of('none')} % 5 = 0 THEN 'null' ELSE "
        + one_of('"tv"', '"phone"', '"audio"', '"shoes"', '"oven"')
        + " END",
        "brand": one_of('"acme"', '"sony"', '"apple"', '"bosch"', '"lenovo"', '"samsung"'),
        "price": _PRICE,
        "quantity": f"({random_of('quantity')} % 9 + 1)::VARCHAR",
        "mobile": f"CASE WHEN {random_of('mobile')} % 3 = 0 THEN 'false' ELSE 'true' END",
        "country": one_of('"DE"', '"FR"', '"PL"', '"IT"', '"ES"', '"US"', '"JP"'),
        "page": page + """ || '"'""",
    }


def _small_tokens() -> Tokens:
    return {
        "id": f"""'"' || left(md5('e{SEED}' || n), 10) || '"'""",
        "at": time_token("%Y-%m-%dT%H:%M:%S.%gZ"),
        "type": _TYPE,
        "user_id": "user_id::VARCHAR",
        "price": _PRICE,
    }


def _customer_tokens() -> Tokens:
    """As the events that `make run-local` makes of a file in the REES46 layout: whole seconds, ids of up to
    19 digits, sessions and event ids as text. A category has one code or none, a product one brand or
    none."""
    product = f"({random_of('product')} % 20000)"
    category = f"({product} % 434)"
    return {
        "event_id": f"""'"' || md5('e{SEED}' || n)::UUID || '"'""",
        "event_time": time_token("%Y-%m-%dT%H:%M:%SZ"),
        "event_type": _TYPE,
        "product_id": f"(1000000 + {product} * 2600)::VARCHAR",
        "category_id": f"(2053013552326770905 + hash({category}) % 50000000000000000)::VARCHAR",
        "category_code": f"CASE WHEN {category} % 3 = 0 THEN 'null' ELSE "
        + _listed(
            '"electronics.smartphone"', '"electronics.clocks"', '"computers.notebook"',
            '"electronics.audio.headphone"', '"appliances.kitchen.refrigerators"', '"apparel.shoes"',
            '"appliances.environment.vacuum"', '"electronics.video.tv"', '"auto.accessories.player"',
            at=category,
        )
        + " END",
        "brand": f"CASE WHEN {product} % 7 = 0 THEN 'null' ELSE "
        + _listed(
            '"samsung"', '"apple"', '"xiaomi"', '"huawei"', '"bosch"', '"lucente"', '"lg"', '"acer"',
            '"elenberg"', '"artel"', '"lenovo"', at=product,
        )
        + " END",
        "price": _PRICE,
        "user_id": "user_id::VARCHAR",
        "user_session": f"""'"' || md5('s{SEED}' || {random_of("session")} % 400000)::UUID || '"'""",
    }  # fmt: skip


def bad_tokens(stream: Stream) -> tuple[tuple[str, str | None], ...]:
    """How an event may break the contract: another token of a field, None for none at all."""
    if stream == "small_events":
        return (("id", None), ("type", '"wiev"'), ("at", _NO_TIME), *_BAD_USER_OR_PRICE)
    both = (("event_id", None), ("event_type", '"wiev"'), ("event_time", _NO_TIME), *_BAD_USER_OR_PRICE)
    return both + (_BAD_OF_CUSTOMERS if stream == "customer_events" else _BAD_OF_EVENTS)


_NO_TIME = '"2026-13-01T00:00:00.000Z"'
_BAD_USER_OR_PRICE: tuple[tuple[str, str | None], ...] = (
    ("user_id", "null"),
    ("price", '"12.50"'),
    ("price", "-1.5"),
    ("price", "9.125"),
)
_BAD_OF_EVENTS: tuple[tuple[str, str | None], ...] = (
    ("session", '"not-a-uuid"'),
    ("product_id", "0"),
    ("brand", '"' + "x" * 41 + '"'),
    ("quantity", "2.5"),
    ("quantity", "99999999999"),
    ("mobile", "1"),
    ("country", '"de"'),
)
_BAD_OF_CUSTOMERS: tuple[tuple[str, str | None], ...] = (
    ("product_id", "0.5"),
    ("category_id", "20530135523267709051"),
    ("category_code", "7"),
    ("user_session", None),
)


def time_token(style: str) -> str:
    """The token of an event's time, in a style of `strftime`."""
    return f"""'"' || strftime({MOMENT}, '{style}') || '"'"""


def one_of(*texts: str) -> str:
    """One of these, by chance."""
    return _listed(*texts, at=random_of(texts[-1]))


def _listed(*texts: str, at: str) -> str:
    return f"([{', '.join(map(literal, texts))}])[1 + ({at} % {len(texts)})::INTEGER]"


def random_of(of: str) -> str:
    """A number of each event, another for each `of`. (`hash` of two columns would leave them alike.)"""
    return f"hash(n * 5000000029 + {SEED} + {zlib.crc32(of.encode())})"


MOMENT = "(TIMESTAMP '2026-01-01' + to_milliseconds(n * 7))"
CENTS = f"({random_of('price')} % 200000)::BIGINT"
USER = f"(500000000 + {random_of('user')} % 100000000)::BIGINT"
_PRICE = "(cents / 100)::VARCHAR"
_TYPE = one_of(*['"view"'] * 7, '"cart"', '"remove_from_cart"', '"purchase"')
