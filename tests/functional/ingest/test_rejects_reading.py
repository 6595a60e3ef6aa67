"""Rejects as a person reads them: counted, shown with what each reason points at, exported to the byte."""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from penstock.cli import main
from penstock.core.errors import TooManyRejects
from penstock.ingest.contract.reject_limit import RejectLimit, check_rejects
from penstock.ingest.landing.file import open_landing
from penstock.ingest.rejects.replay import replay
from tests.functional.ingest.own_orders import NOW, Orders, order


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


BROKEN = {
    "a contract with a misspelt word": ("contract", "schema:\n  - nmae: refunds\n", "refunds.odcs.yaml:"),
    "a contract that is no YAML": ("contract", "schema: [", "refunds.odcs.yaml:1"),
    "a contract of bytes": ("contract", b"\xff\xfe", "refunds.odcs.yaml:1: not UTF-8"),
    "a file that is no database": ("landing", b"this is no DuckDB file" * 1000, "refunds.duckdb"),
    "another database": ("database", b"", "refunds.duckdb: a DuckDB file, but not a landing file"),
}


def break_refunds(orders: Orders, what: str, content: str | bytes) -> None:
    """The stream refunds beside orders, with something broken."""
    other, file = orders.settings.contract_file("refunds"), orders.settings.landing_file("refunds")
    text = orders.settings.contract_file("orders").read_text()
    text = text.replace("name: orders", "name: refunds").replace("shop_orders", "shop_refunds")
    if what == "contract":
        other.write_bytes(content if isinstance(content, bytes) else content.encode())
        return
    other.write_text(text)
    if what == "landing":
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    else:
        duckdb.connect(file).close()


@pytest.mark.parametrize("broken", BROKEN)
def test_one_that_is_broken_is_reported_beside_all_others(orders: Orders, broken: str) -> None:
    what, content, error = BROKEN[broken]
    orders.land(order(1, 500), order(2))
    of_orders = json.loads(told("ls", "orders", "-o", "json"))
    break_refunds(orders, what, content)
    for other in ("things", "a_first"):  # before and after it
        text = orders.settings.contract_file("orders").read_text()
        text = text.replace("name: orders", f"name: {other}").replace("shop_orders", f"shop_{other}")
        orders.settings.contract_file(other).write_text(text)
    result = CliRunner().invoke(main, ["ingest", "rejects", "ls", "-o", "json"])
    assert result.exit_code == 1
    *lists, failed = json.loads(result.stdout)
    assert lists == [
        {"stream": "a_first", "open": 0, "replayed": 0, "counts": []},
        of_orders,
        {"stream": "things", "open": 0, "replayed": 0, "counts": []},
    ]
    assert failed["error"]["message"] in result.stderr
    assert f"Error: {orders.settings.contract_file('refunds').parent.parent}" in result.stderr or (
        what != "contract"
    )
    assert error in result.stderr
    assert "Traceback" not in result.output


def test_a_broken_contract_hides_no_reject_of_another_stream(orders: Orders) -> None:
    orders.land(order(1, 500))
    orders.settings.contract_file("refunds").write_text("schema: [")
    assert [one["place"] for one in shown("shop_orders/0/0")] == ["shop_orders/0/0"]
    result = CliRunner().invoke(main, ["ingest", "rejects", "show", "shop_refunds/0/0"])
    assert result.exit_code == 1
    assert "refunds.odcs.yaml:1" in result.output, "it may be the one that names the topic"


def test_files_of_editors_are_no_contracts(orders: Orders) -> None:
    folder = orders.settings.contract_file("orders").parent
    (folder / "._orders.odcs.yaml").write_bytes(b"\x00\x05\x16\x07")
    (folder / ".#orders.odcs.yaml").symlink_to("somebody@somewhere.1")
    orders.land(order(1, 500))
    assert [one["stream"] for one in json.loads(told("ls", "-o", "json"))] == ["orders"]


def test_tombstones_are_reported_apart(orders: Orders) -> None:
    orders.land(order(1, 500), None, None, b"", b"null")
    lines = told("ls", "orders").splitlines()
    assert lines[0] == "orders: 5 open (2 of them tombstones), 0 replayed"
    assert {line.split("  ")[2] for line in lines[1:]} == {
        "price: maximum", "the whole event: tombstone", "the whole event: empty", "the whole event: null",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("percent", "values", "holds"),
    [
        (0, [order(1), None, None], True),
        (50, [order(1), order(2, 500), None, None], True),  # of two events, one
        (49, [order(1), order(2, 500), None, None], False),
        (0, [order(1), b""], False),
        (0, [order(1), b"null"], False),
        (0, [None, None], True),
    ],
)
def test_tombstones_are_not_in_the_share_of_rejects(
    orders: Orders, percent: int, values: list[bytes | None], holds: bool
) -> None:
    orders.land(*values)
    limit = RejectLimit(Decimal(percent), or_equal=True)
    with open_landing(orders.settings, orders.contract) as landing:
        if holds:
            check_rejects(landing.connection, "orders", limit, "test")
            return
        with pytest.raises(TooManyRejects) as caught:
            check_rejects(landing.connection, "orders", limit, "test")
    assert "1 of 2 events of this run are rejects, 50 %" in str(caught.value)
    assert "tombstone" not in str(caught.value)


def test_a_field_with_a_key_of_its_own_is_pointed_at_by_that_key(orders: Orders) -> None:
    file = orders.settings.contract_file("orders")
    file.write_text(file.read_text().replace("{name: price,", "{name: price, physicalName: prêt.Price,"))
    orders.land('{"price": 1, "id": 1, "prêt.Price": 500}'.encode())
    orders.land(b'{"id": 2, "pr\\u00eat.Price": 500}')
    for place, at in (("shop_orders/0/0", 22), ("shop_orders/0/1", 10)):
        (one,) = shown(place)
        assert [(why["field"], why["found"], why["at"]) for why in one["reasons"]] == [
            ("price", '"prêt.Price": 500', at)
        ]
    assert [one["field"] for one in json.loads(told("ls", "orders", "-o", "json"))["counts"]] == ["price"]


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
