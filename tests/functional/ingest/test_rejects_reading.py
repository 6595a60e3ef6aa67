"""Rejects as a person reads them: counted, shown with what each reason points at, exported to the byte."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest
from click.testing import CliRunner
from own_orders import NOW, Orders, order

from penstock.cli import main
from penstock.ingest.rejects_replay import replay


def told(*words: str) -> str:
    result = CliRunner().invoke(main, ["ingest", "rejects", *words])
    assert result.exit_code == 0, result.output
    return result.output


def shown(place: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(told("show", place, "-o", "json"))
    return found


def test_without_a_stream_all_are_counted_also_one_that_nothing_has_landed_of(orders: Orders) -> None:
    orders.land(order(1, 500), order(2))
    other = orders.settings.contract_file("refunds")
    text = orders.settings.contract_file("orders").read_text()
    other.write_text(text.replace("name: orders", "name: refunds").replace("shop_orders", "shop_refunds"))
    of_orders = json.loads(told("ls", "orders", "-o", "json"))
    assert of_orders["open"] == 1
    assert json.loads(told("ls", "-o", "json")) == [
        of_orders,
        {"stream": "refunds", "open": 0, "replayed": 0, "counts": []},
    ]
    assert told("ls").splitlines()[-1] == "refunds: 0 open, 0 replayed"


def test_rejects_are_counted_by_day_field_and_reason(orders: Orders) -> None:
    orders.land(order(1, 500), order(2), b'{"id": "x", "price": 700}', b"no json")
    orders.land(order(3, 5000), order(4, 5000), now=NOW + dt.timedelta(days=1))
    orders.mend()
    replay(
        orders.settings, orders.contract, where={"reason": "maximum"}, dry_run=False, run_id="r",
        clock=lambda: NOW,
    )  # fmt: skip
    assert json.loads(told("ls", "orders", "-o", "json")) == {
        "stream": "orders", "open": 4, "replayed": 1,
        "counts": [
            {"day": "2024-05-02", "field": "price", "rule": "maximum", "open": 2, "replayed": 0,
             "example": "shop_orders/0/4"},
            {"day": "2024-05-01", "field": "price", "rule": "maximum", "open": 1, "replayed": 1,
             "example": "shop_orders/0/2"},
            {"day": "2024-05-01", "field": "id", "rule": "type", "open": 1, "replayed": 0,
             "example": "shop_orders/0/2"},
            {"day": "2024-05-01", "field": None, "rule": "json", "open": 1, "replayed": 0,
             "example": "shop_orders/0/3"},
        ],
    }  # fmt: skip
    assert told("ls", "orders").splitlines()[:2] == [
        "orders: 4 open, 1 replayed",
        "  2024-05-02  price: maximum  2 open, 0 replayed  e.g. shop_orders/0/4",
    ]


@pytest.mark.parametrize(
    ("value", "text", "reasons"),
    [
        (b'{"id": 1, "price": 500}', '{"id": 1, "price": 500}', [("price", "maximum", '"price": 500}')]),
        (b'{"id": 1}', '{"id": 1}', [("price", "required", None)]),
        (b'{"id": 1, "price": }', '{"id": 1, "price": }', [(None, "json", "}")]),
        (b'{"id": "NaN", "price": NaN}', '{"id": "NaN", "price": NaN}', [(None, "json", "NaN}")]),
        (b'{"id": [1,], "price": 1}', '{"id": [1,], "price": 1}', [(None, "json", ',], "price": 1}')]),
        (b'\xc3\xa9\xff{}', "é\\xff{}", [(None, "utf8", "\\xff{}")]),
        (b"[" * 300 + b"]" * 300, "[" * 300 + "]" * 300, [(None, "depth", None)]),
        (b"[" * 99_999, "[" * 99_999, [(None, "json", None)]),
        (b'{"id": 1, "price": 1, "id": 2}', '{"id": 1, "price": 1, "id": 2}',
         [(None, "duplicateKey", '"id": 2}')]),
        (None, None, [(None, "tombstone", None)]),
        (b"", "", [(None, "empty", None)]),
        (b"null", "null", [(None, "null", None)]),
    ],
)  # fmt: skip
def test_a_reject_shows_where_each_reason_points(
    orders: Orders, value: bytes | None, text: str | None, reasons: list[tuple[str | None, str, str | None]]
) -> None:
    orders.land(value)
    (one,) = shown("shop_orders/0/0")
    assert one["text"] == text
    pointed = [
        (why["field"], why["rule"], None if why["at"] is None else (text or "")[why["at"] :])
        for why in one["reasons"]
    ]
    assert pointed == reasons


def test_a_reject_shows_all_that_came_with_it(orders: Orders) -> None:
    orders.land(order(1, 500), key=b"\xffkey", headers=[{"key": "h", "value": b"v"}])
    (one,) = shown("shop_orders/0/0")
    assert (one["key"], one["headers"]) == ("\\xffkey", [["h", "v"]])
    assert (one["commit"], one["contract_version"], one["replayed_commit"]) == (1, "1.0.0", None)
    assert told("show", "shop_orders/0/0").splitlines()[-3:] == [
        "  price: maximum, found 500",
        '    {"id": 1, "price": 500}',
        "              ^ character 10",
    ]


def test_a_place_in_two_epochs_shows_the_newest_first(orders: Orders) -> None:
    orders.land(order(1, 500))
    orders.land(order(2, 500), new_topic=True)
    assert [one["epoch"] for one in shown("shop_orders/0/0")] == [2, 1]


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("shop_orders/0/1", "shop_orders/0/1: no such reject in stream orders"),
        ("shop_order/0/0", "no contract names this topic"),
        ("shop_orders/0", "'shop_orders/0' is no <topic>/<partition>/<offset>"),
    ],
)
def test_a_place_without_a_reject_is_an_error(orders: Orders, place: str, error: str) -> None:
    orders.land(order(1, 500))
    result = CliRunner().invoke(main, ["ingest", "rejects", "show", place])
    assert result.exit_code != 0
    assert error in result.output


def test_an_export_holds_every_byte(orders: Orders) -> None:
    values = ['{"id": "é\u2028\\n"}'.encode(), b"\xff\x00", None, b"", b"a\nb"]
    orders.land(*values, key=b"\xfe", headers=[{"key": "h", "value": b"\xfd"}, {"key": "i", "value": None}])
    lines = told("export", "orders").removesuffix("\n").split("\n")
    exported = [json.loads(line) for line in lines]
    back = [
        base64.b64decode(one["value_base64"])
        if "value_base64" in one
        else (None if one["value"] is None else one["value"].encode())
        for one in exported
    ]
    assert back == values
    assert [(one["topic"], one["epoch"], one["partition"], one["offset"]) for one in exported] == [
        ("shop_orders", 1, 0, offset) for offset in range(5)
    ]
    assert exported[1]["key_base64"] == base64.b64encode(b"\xfe").decode()
    assert exported[1]["headers"] == [{"key": "h", "value_base64": "/Q=="}, {"key": "i", "value": None}]
    assert exported[4]["reasons"] == [{"field": None, "rule": "json", "found": "a\nb"}]
    assert exported[4]["at"] == NOW.isoformat()
