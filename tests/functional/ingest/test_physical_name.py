"""A field's `physicalName` is its key in the JSON event, whatever that is; the column keeps its name."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.ingest.things import HEADER, Checker

CONTRACT = (
    HEADER
    + """\
      - {{name: thing_id, physicalName: thingId, logicalType: string, primaryKey: true, required: true}}
      - {{name: count, logicalType: integer, required: true}}
      - {{name: price, physicalName: {key}, logicalType: number, physicalType: "DECIMAL(12,2)"}}
      - {{name: seen_at, physicalName: seenAt, logicalType: timestamp}}
      - {{name: note, logicalType: string}}
"""
)
KEYS = [
    "unitPrice", "Price", "unit price", "unit.price", "$.price", "$", "$price", "#price", "it's",
    'the "price"', "a\\b", "\\u0041", "a/b", "~", "~0", "~1", "*", "**", "a[0]", "0", "-", "a:b", "{",
    '"', "'", " ",
    "<price>", "preço", "価格", "😀", "null", "new\nline", "\x01\x02", "\x00", "_offset", "_value_price",
    "tokens", "k" * 24, "k" * 25, "k" * 64, "k" * 300,
]  # fmt: skip
GOOD = {"thingId": "t", "count": 9_223_372_036_854_775_807}


@pytest.fixture
def checker_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    def of(key: str) -> Checker:
        contract = CONTRACT.format(key=yaml.safe_dump(key, default_style='"', width=10_000).strip())
        return Checker(tmp_path_factory.mktemp("physical"), contract)

    return of


def event(fields: dict[str, Any], *, space: str = "", ascii_only: bool = False) -> bytes:
    separators = ("," + space, ":" + space)
    return json.dumps(fields, separators=separators, ensure_ascii=ascii_only).encode()


def check(checker: Checker, key: str) -> None:
    """Written in each usual way it lands, and is not unknown; the field's name is."""
    full = GOOD | {key: 12.5, "seenAt": "2024-05-01T12:00:00.123456Z", "note": "<b>$x: 'y'</b>"}
    ways = [
        event(fields, space=space, ascii_only=ascii_only)
        for fields in (full, dict(reversed(full.items())))
        for space in ("", " ")
        for ascii_only in (False, True)
    ]
    rows = checker(*ways * 2)
    for row in rows:
        assert row["reasons"] is None
        assert (row["thing_id"], row["count"], str(row["price"])) == ("t", 2**63 - 1, "12.50")
        assert (row["seen_at"].isoformat(), row["note"]) == (
            "2024-05-01T12:00:00.123456+00:00", "<b>$x: 'y'</b>",
        )  # fmt: skip
        assert row["_unknown"] is None


@pytest.mark.parametrize("key", KEYS)
def test_any_key_is_read_and_is_not_unknown(checker_of: Any, key: str) -> None:
    checker = checker_of(key)
    check(checker, key)
    (row,) = checker(event(GOOD | {key: 1, "price": 2.5, key + "x": [1.10]}))
    assert str(row["price"]) == "1.00"
    assert json.loads(row["_unknown"]) == {"price": 2.5, key + "x": [1.1]}
    (row,) = checker(event(GOOD))
    assert (row["price"], row["reasons"]) == (None, None)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_text_may_be_a_key(checker_of: Any, key: str) -> None:
    if key not in {"thing_id", "thingId", "count", "price", "seen_at", "seenAt", "note"}:
        check(checker_of(key), key)


def test_such_events_take_the_fast_path(checker_of: Any) -> None:
    for key in ("unitPrice", "unit price", "価格", "k" * 300):
        checker = checker_of(key)
        full = {"count": 1, "thingId": "t", key: 1.5, "note": "n", "seenAt": "2024-05-01T12:00:00Z"}
        checker(
            *[event(full | {"count": n}) for n in range(5)], event(full, space=" "), event(full | {"x": 1})
        )
        assert checker.fast == {0, 1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("key", ["unitPrice", "k" * 64, "k" * 1_000])
def test_an_event_that_is_cut_off_within_a_long_key_takes_nothing_from_the_next(
    checker_of: Any, key: str
) -> None:
    whole = event(GOOD | {key: 1.5})
    ends = range(len(whole) - len(key) - 7, len(whole), 1 + len(key) // 40)
    checker = checker_of(key)
    checker(whole, *(whole[:end] for end in ends), whole, whole[:-9])
    assert checker.fast == {0, len(ends) + 1}


def test_reasons_name_the_field_and_what_the_producer_sent(checker_of: Any) -> None:
    checker = checker_of("unit 'price'")
    assert checker.reasons(event({"thing_id": "t", "count": 1, "unit 'price'": 1.234})) == [
        ("thing_id", "required", '"thingId": missing'),
        ("price", "scale", "\"unit 'price'\": 1.234"),
    ]
    assert checker.reasons(event({"thingId": None, "count": None, "unit 'price'": 1, "seenAt": "now"})) == [
        ("thing_id", "required", '"thingId": null'),
        ("count", "required", "null"),
        ("seen_at", "timestamp", '"seenAt": "now"'),
    ]


def test_a_key_twice_is_reported(checker_of: Any) -> None:
    value = event(GOOD)[:-1] + b',"unitPrice":1,"unitPrice":2}'
    assert checker_of("unitPrice").reasons(value) == [(None, "duplicateKey", "unitPrice")]


def test_the_name_beside_the_key_is_no_second_one(checker_of: Any) -> None:
    (row,) = checker_of("unitPrice")(event(GOOD | {"unitPrice": 1, "price": "free", "thing_id": 7}))
    assert row["reasons"] is None
    assert json.loads(row["_unknown"]) == {"price": "free", "thing_id": 7}
