"""How producers write the same events: each shape of JSON, as SQL.

What an event says is in `fields`. Here is what a producer writes in another way or sends beside it, and how
all of it is put together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from bench.fields import CENTS, MOMENT, Tokens, one_of, random_of
from penstock.core.duckdb_file import literal


@dataclass(frozen=True)
class Writing:
    """`members`: from the usual tokens, all that the producer writes, in its order; a token that is NULL
    leaves its key out. `layout`: the text of the object. `cents`: the event's price."""

    members: Callable[[Tokens], Tokens] = dict
    layout: Callable[[Tokens], str] = lambda members: object_text(members)
    cents: str = CENTS


def object_text(members: Tokens, *, before: str = "", space: str = "", end: str = "") -> str:
    """A JSON object; `before`: in front of each key, `space`: behind ',' and ':', `end`: behind all."""
    parts = ", ".join(
        f"{literal(f',{before or space}{json.dumps(key)}:{space}')} || ({token})"
        for key, token in members.items()
    )
    begin = 2 if before else 2 + len(space)
    return f"'{{' || substr(concat({parts}), {begin}) || {literal(end + '}')}"


def _pretty(members: Tokens) -> str:
    return object_text(members, before="\n  ", space=" ", end="\n")


def _random_order(members: Tokens) -> str:
    placed = ", ".join(
        f"{{'at': {random_of(f'order of {key}')}, 'text': {literal(f'{json.dumps(key)}:')} || ({token})}}"
        for key, token in members.items()
    )
    ordered = f"list_transform(list_sort([{placed}]), lambda one: one.text)"
    return f"'{{' || array_to_string({ordered}, ',') || '}}'"


def _several_producers(members: Tokens) -> str:
    """Four, each with its own order of keys, one of them with spaces."""
    usual = list(members)
    orders = [usual, usual[::-1], usual[3:] + usual[:3], sorted(usual)]
    texts = [
        object_text({key: members[key] for key in order}, space=" " if which == 3 else "")
        for which, order in enumerate(orders)
    ]
    cases = " ".join(f"WHEN {which} THEN {text}" for which, text in enumerate(texts))
    return f"CASE {random_of('order')} % {len(texts)} {cases} END"


_NAMES = ("Nestlé", "L’Oréal", "Citroën", "Müller", "Żywiec", "Björn Borg")


def _habits(tokens: Tokens) -> Tokens:
    """`12.50` and last, microseconds in another zone, UTF-8, and no key where there is no value."""
    summer = f"strftime({MOMENT} + INTERVAL 2 HOURS, '%Y-%m-%dT%H:%M:%S.%f')"
    written = tokens | {
        "event_time": f"""'"' || {summer} || '+02:00"'""",
        "category": f"nullif({tokens['category']}, 'null')",
        "brand": one_of(*(json.dumps(name, ensure_ascii=False) for name in _NAMES)),
    }
    del written["price"]
    return written | {"price": "(cents::DECIMAL(12,0) * 0.01::DECIMAL(3,2))::VARCHAR"}


def _long_integers(tokens: Tokens) -> Tokens:
    number = f"2053013552326770905 + {random_of('product')} % 50000000000000000"
    return tokens | {"product_id": f"({number})::VARCHAR"}


def _slash_escapes(tokens: Tokens) -> Tokens:
    return tokens | {"page": f"replace({tokens['page']}, '/', '\\/')"}


def _missing(tokens: Tokens) -> Tokens:
    """Of one event in four, one of the eight fields that its contract does not ask for is not there."""
    optional = ("session", "product_id", "category", "brand", "quantity", "mobile", "country", "page")
    left_out = f"{random_of('missing')} % {4 * len(optional)}"
    return {
        key: f"CASE WHEN {left_out} = {optional.index(key)} THEN NULL ELSE {token} END"
        if key in optional
        else token
        for key, token in tokens.items()
    }


def _two_unknown(tokens: Tokens) -> Tokens:
    browser = one_of('"firefox"', '"chrome"', '"safari"')
    return _among(tokens, {"browser": browser, "score": f"({random_of('score')} % 1000 / 1000)::VARCHAR"})


def _nested(tokens: Tokens) -> Tokens:
    screen = object_text({"width": _number("width", 4000), "height": _number("height", 3000)})
    device = {"os": one_of('"ios"', '"android"', '"other"'), "version": """'"17.4"'""", "screen": screen}
    return _among(tokens, {"device": object_text(device)})


def _arrays(tokens: Tokens) -> Tokens:
    first, second = (
        object_text({"sku": _number(f"{which} sku", 1_000_000), "discount": "'0.15'", "gift": "'false'"})
        for which in ("first", "second")
    )
    tags = f"""'["new",' || {one_of('"sale"', '"outlet"')} || ',"web"]'"""
    shown = f"'[' || {_number('shown', 100_000)} || ',' || {_number('second', 100_000)} || ']'"
    items = f"'[' || {first} || ',' || {second} || ']'"
    return _among(tokens, {"items": items, "tags": tags, "shown": shown})


def _debezium(tokens: Tokens) -> Tokens:
    """A row at the top, where a contract of flat fields reads it, and Debezium's envelope beside it, with the
    row once or twice more."""
    is_update = f"{random_of('op')} % 3 = 0"
    log = f"({random_of('log')} % 1000000000)::VARCHAR"
    source = {
        "version": """'"3.3.1.Final"'""", "connector": """'"postgresql"'""", "name": """'"shop"'""",
        "ts_ms": f"epoch_ms({MOMENT})::VARCHAR", "snapshot": """'"false"'""", "db": """'"shop"'""",
        "sequence": rf"""'"[\"' || {log} || '\",\"' || {log} || '\"]"'""", "schema": """'"public"'""",
        "table": """'"events"'""", "txId": "n::VARCHAR", "lsn": log, "xmin": "'null'",
    }  # fmt: skip
    before = object_text(tokens | {"price": "'9.99'"})
    return tokens | {
        "before": f"CASE WHEN {is_update} THEN {before} ELSE 'null' END",
        "after": object_text(tokens),
        "source": object_text(source),
        "op": f"""CASE WHEN {is_update} THEN '"u"' ELSE '"c"' END""",
        "ts_ms": f"epoch_ms({MOMENT})::VARCHAR",
        "transaction": "'null'",
    }


def _wide(tokens: Tokens) -> Tokens:
    """Ten keys, of which the contract names one."""

    def value(number: int) -> str:
        name = f"x{number}"
        flag = f"CASE WHEN {random_of(name)} % 2 = 0 THEN 'true' ELSE 'false' END"
        text = f"""'"' || left(to_hex({random_of(name)}), 6) || '"'"""
        return (_number(name, 10_000), text, text, flag)[number % 4]

    return _among(tokens, {f"x{number}": value(number) for number in range(100, 100 + 9 * len(tokens))})


def _exponents(tokens: Tokens) -> Tokens:
    price = f"""CASE {_WRITTEN} WHEN 0 THEN '1E3' WHEN 1 THEN '-0.0' WHEN 2 THEN cents || 'e-2'
        ELSE {tokens["price"]} END"""
    return tokens | {"price": price}


_WRITTEN = f"{random_of('written')} % 4"
_EXPONENT_CENTS = f"CASE {_WRITTEN} WHEN 0 THEN 100000 WHEN 1 THEN 0 ELSE {CENTS} END"


def _among(tokens: Tokens, more: Tokens) -> Tokens:
    """`more` spread evenly among the fields, the last of it behind all."""
    fields, others = list(tokens), list(more)
    every = len(fields) / len(others)
    placed = [(number + 0.5, key) for number, key in enumerate(fields)]
    placed += [((number + 1) * every, key) for number, key in enumerate(others)]
    both = tokens | more
    return {key: both[key] for _, key in sorted(placed)}


def _number(of: str, below: int) -> str:
    return f"({random_of(of)} % {below})::VARCHAR"


WRITINGS = {
    "compact": Writing(),
    "habits": Writing(_habits),
    "python": Writing(layout=lambda members: object_text(members, space=" ")),
    "long-integers": Writing(_long_integers),
    "unicode-escapes": Writing(lambda tokens: tokens | {"brand": one_of(*map(json.dumps, _NAMES))}),
    "slash-escapes": Writing(_slash_escapes),
    "random-order": Writing(layout=_random_order),
    "pretty": Writing(layout=_pretty),
    "producers": Writing(layout=_several_producers),
    "two-unknown": Writing(_two_unknown),
    "nested": Writing(_nested),
    "arrays": Writing(_arrays),
    "debezium": Writing(_debezium),
    "wide": Writing(_wide),
    "exponents": Writing(_exponents, cents=_EXPONENT_CENTS),
    "missing": Writing(_missing),
}  # fmt: skip
