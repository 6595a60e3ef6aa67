"""Rejects checked again: those that pass land with their first place, once, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from penstock.cli import main
from penstock.core.errors import BusyError
from penstock.ingest.landing.lock import stream_lock
from penstock.ingest.rejects.replay import ReplayResult, replay
from tests.functional.ingest.own_orders import NOW, Orders, order


def replay_now(orders: Orders, **options: Any) -> ReplayResult:
    chosen: dict[str, Any] = {"where": {}, "dry_run": False, "run_id": "again", "wait": 0} | options
    return replay(orders.settings, orders.contract, clock=lambda: NOW, **chosen)


def test_what_passes_lands_with_its_first_place_and_is_marked(orders: Orders) -> None:
    orders.land(order(1), order(2, 500, note="é"), order(3, 5000), b"no json")
    orders.land(order(4, 600, other=1.10), partition=1)
    orders.mend()
    result = replay_now(orders)
    assert (result.checked, result.landed, result.still_rejected, result.commit) == (4, 2, 2, 3)
    assert {(r.field, r.rule, r.count) for r in result.reasons} == {
        ("price", "maximum", 1),
        (None, "json", 1),
    }
    assert orders.rows("SELECT * FROM raw.orders ORDER BY id") == [
        (1, 1, None, None, 1, 0, 0, NOW, 1, "1.0.0"),
        (2, 500, "é", None, 1, 0, 1, NOW, 3, "1.1.0"),
        (4, 600, None, '{"other":1.1}', 1, 1, 0, NOW, 3, "1.1.0"),
    ]
    assert orders.rows('SELECT "partition", "offset", replayed_commit FROM raw.rejects ORDER BY ALL') == [
        (0, 1, 3), (0, 2, None), (0, 3, None), (1, 0, 3),
    ]  # fmt: skip
    assert orders.rows("SELECT kind, run_id, landed, rejected FROM raw.commits ORDER BY commit") == [
        ("batch", "test", 1, 3), ("batch", "test", 0, 1), ("replay", "again", 2, 0),
    ]  # fmt: skip
    assert orders.rows("SELECT * FROM raw.offsets ORDER BY ALL") == [(1, 0, 4), (1, 1, 1)]


def test_a_second_replay_finds_nothing(orders: Orders) -> None:
    orders.land(order(1, 500))
    orders.mend()
    replay_now(orders)
    before = orders.everything()
    again = replay_now(orders)
    assert (again.checked, again.landed, again.commit) == (0, 0, None)
    assert orders.everything() == before


def test_under_the_same_contract_nothing_changes(orders: Orders) -> None:
    orders.land(order(1, 500), None)
    before = orders.everything()
    assert (replay_now(orders).still_rejected, replay_now(orders).commit) == (2, None)
    assert orders.everything() == before


def test_a_contract_that_learns_the_producers_key_lands_what_was_missing(orders: Orders) -> None:
    orders.land(b'{"id": 1, "unitPrice": 5}', b'{"id": 2, "unitPrice": 500}', b'{"id": 3, "price": 7}')
    file = orders.settings.contract_file("orders")
    file.write_text(file.read_text().replace("{name: price,", "{name: price, physicalName: unitPrice,"))
    result = replay_now(orders)
    assert {(r.field, r.rule, r.count) for r in result.reasons} == {("price", "maximum", 1)}
    assert orders.rows("SELECT id, price, _unknown FROM raw.orders ORDER BY id") == [
        (1, 5, None), (3, 7, None),
    ]  # fmt: skip


def test_a_dry_run_counts_and_changes_nothing(orders: Orders) -> None:
    orders.land(order(1, 500), order(2, 5000))
    orders.mend()
    before = orders.everything()
    result = replay_now(orders, dry_run=True)
    assert (result.landed, result.still_rejected, result.commit) == (1, 1, None)
    assert orders.everything() == before
    assert replay_now(orders).landed == 1


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"reason": "maximum"}, {1, 2}),
        ({"field": "id"}, set()),
        ({"reason": "maximum", "field": "price"}, {1, 2}),
        ({"reason": "required", "field": "price"}, set()),
    ],
)
def test_only_what_where_names_is_judged(orders: Orders, where: dict[str, str], ids: set[int]) -> None:
    orders.land(order(1, 500), order(2, 600), b'{"id": "text", "price": 1}', b'{"price": 700}')
    orders.mend()
    replay_now(orders, where=where)
    assert {row[0] for row in orders.rows("SELECT id FROM raw.orders")} == ids


def test_the_same_place_in_two_epochs_is_two_events(orders: Orders) -> None:
    orders.land(order(1, 500), order(2, 5000))
    orders.land(order(3, 5000), order(4, 500), new_topic=True)
    orders.mend()
    assert replay_now(orders).landed == 2
    assert orders.rows("SELECT id, _epoch, _offset FROM raw.orders ORDER BY ALL") == [(1, 1, 0), (4, 2, 1)]
    still_open = orders.rows('SELECT epoch, "offset" FROM raw.rejects WHERE replayed_commit IS NULL')
    assert sorted(still_open) == [(1, 1), (2, 0)]


def test_many_chunks_are_one_commit(orders: Orders) -> None:
    for partition in (0, 1):
        prices = (500 + number % 2 * 1000 for number in range(300))
        orders.land(*(order(n + partition * 1000, p) for n, p in enumerate(prices)), partition=partition)
    orders.mend()
    result = replay_now(orders, chunk_bytes=10_000)
    assert (result.checked, result.landed, result.commit) == (600, 300, 3)
    assert orders.rows(
        "SELECT count(DISTINCT (id, _kafka_partition, _offset)), count(*) FROM raw.orders"
    ) == [(300, 300)]
    assert orders.rows(
        "SELECT count(*) FROM raw.rejects r JOIN raw.orders o "
        'ON o._kafka_partition = r."partition" AND o._offset = r."offset" AND r.replayed_commit = 3'
    ) == [(300,)]


@pytest.mark.parametrize("point", ["inserted", "marked", "committed"])
def test_killed_at_any_point_it_loses_and_doubles_nothing(orders: Orders, point: str) -> None:
    orders.land(order(1), order(2, 500), order(3, 600), order(4, 5000))
    orders.mend()
    before = orders.everything()
    killed = subprocess.run(
        [sys.executable, "-m", "penstock", "ingest", "rejects", "replay", "orders"],
        env=os.environ | {"PENSTOCK_KILL_AT": f"replay.{point}"},
    )
    assert killed.returncode == -signal.SIGKILL
    if point != "committed":
        assert orders.everything() == before
    replay_now(orders)
    assert orders.rows("SELECT id, count(*) FROM raw.orders GROUP BY 1 ORDER BY 1") == [
        (1, 1),
        (2, 1),
        (3, 1),
    ]
    assert orders.rows("SELECT kind, sum(landed) FROM raw.commits WHERE kind = 'replay' GROUP BY 1") == [
        ("replay", 2)
    ]


def test_beside_the_streams_consumer_it_says_who_is_there(orders: Orders) -> None:
    orders.land(order(1, 500))
    with (
        stream_lock(orders.settings, orders.contract, what="follow"),
        pytest.raises(BusyError, match=f"orders.*{os.getpid()}"),
    ):
        replay_now(orders)


def test_the_command_says_what_it_did(orders: Orders) -> None:
    orders.land(order(1, 500), order(2, 5000))
    orders.mend()
    told = CliRunner().invoke(main, ["ingest", "rejects", "replay", "orders", "--where", "reason=maximum"])
    assert told.output.splitlines() == [
        "orders: 2 rejects checked again: 1 landed under commit 2, 1 stay",
        "  1 still rejected for price: maximum",
    ]
    wrong = CliRunner().invoke(main, ["ingest", "rejects", "replay", "orders", "--where", "resaon=maximum"])
    assert wrong.exit_code == 2
    assert "'resaon=maximum': write reason=… or field=…" in wrong.output
    as_json = CliRunner().invoke(main, ["ingest", "rejects", "replay", "orders", "--dry-run", "-o", "json"])
    assert json.loads(as_json.output) == {
        "stream": "orders", "checked": 1, "landed": 0, "still_rejected": 1, "commit": None, "dry_run": True,
        "reasons": [{"field": "price", "rule": "maximum", "count": 1}],
    }  # fmt: skip


def test_a_stream_that_never_landed_has_nothing_to_replay(orders: Orders) -> None:
    told = CliRunner().invoke(main, ["ingest", "rejects", "replay", "orders"])
    assert told.exit_code == 1
    assert "orders.duckdb: no such file" in told.output
    assert not orders.settings.landing_file("orders").exists()
