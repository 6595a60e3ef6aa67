"""The real file, built once: its truths, the build record, and that the order of landing changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from penstock.core.errors import BusyError
from penstock.transform.transform import transform
from tests.patience import PATIENCE, lines

MARTS = ["cohorts_weekly", "customers", "funnel_daily", "products", "purchases", "sessions"]


def test_the_marts_tell_the_truths_of_the_file(real_shop: Any) -> None:
    assert real_shop.query(
        "select sum(events), sum(views), sum(carts), sum(purchases), sum(revenue), "
        "count(*) filter (where purchases > 0) from marts.sessions"
    ) == [(17434, 17055, 165, 214, Decimal("59442.63"), 200)]
    assert real_shop.query("select count(*), sum(revenue) from marts.purchases") == [
        (214, Decimal("59442.63"))
    ]
    assert real_shop.query(
        "select brand, count(*), sum(revenue) from marts.purchases group by brand order by 3 desc limit 1"
    ) == [("apple", 33, Decimal("26951.25"))]


def test_the_build_record_says_what_was_built_from_what(real_shop: Any) -> None:
    ((build_id, run_id, pipeline, complete, inputs, marts, dbt),) = real_shop.query(
        "select build_id, run_id, pipeline, complete_until, inputs, marts, dbt from _penstock.build"
    )
    assert (len(build_id), run_id, pipeline) == (36, "real", "customer_events")
    (read,) = json.loads(inputs)
    assert (read["stream"], read["landed_commit"], read["landed"], read["rejected"]) == (
        "customer_events", 1, 17434, 1,
    )  # fmt: skip
    assert [offset["partition"] for offset in read["offsets"]] == [0, 1]
    assert sum(offset["next_offset"] for offset in read["offsets"]) == 17434
    assert read["complete_until"] == complete.isoformat()
    declared = {mart["name"]: mart for mart in json.loads(marts)}
    assert list(declared) == MARTS
    assert {mart["owner"] for mart in declared.values()} == {"customer-analytics"}
    assert declared["purchases"]["columns"][-1] == {
        "name": "revenue", "data_type": "decimal(12,2)",
        "description": "Price paid for the product, in USD.", "not_null": True,
    }  # fmt: skip
    counts = json.loads(dbt)
    assert counts["models"] == 8
    assert counts["unit_tests"] >= 11
    assert counts["warnings"] == 0


def test_every_mart_has_the_columns_that_the_record_declares(real_shop: Any) -> None:
    ((marts,),) = real_shop.query("select marts from _penstock.build")
    for mart in json.loads(marts):
        actual = real_shop.query(f"describe marts.{mart['name']}")
        assert [(row[0], row[2] == "NO") for row in actual] == [
            (column["name"], column["not_null"]) for column in mart["columns"]
        ]


def test_every_model_and_column_says_what_it_is(real_shop: Any) -> None:
    assert real_shop.query(
        """select table_name || '.' || column_name from duckdb_columns()
           where schema_name in ('marts', 'staging') and coalesce(comment, '') = '' """
    ) == []  # fmt: skip
    assert real_shop.query(
        """select column_name, comment from duckdb_columns() where schema_name = 'marts' and (
               data_type in ('TIMESTAMP', 'DATE') and comment not like '%UTC%'
               or data_type like 'DECIMAL%' and comment not like '%USD%'
               or data_type = 'TIMESTAMP WITH TIME ZONE')"""
    ) == []  # fmt: skip


@pytest.fixture(scope="module")
def shuffled_build(
    make_shop: Callable[..., Any], real_events: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, list[str], str]:
    """The real file in another order, over other partitions, in three commits, the last twice; what a
    writer of the landing file saw while it was built; what a second transform said meanwhile."""
    shop = make_shop(tmp_path_factory.mktemp("shuffled") / "data")
    shuffled = duckdb.sql("select * from real_events order by hash(event_id)").to_arrow_table()
    third = len(shuffled) // 3
    shop.landing.land_table(shuffled.slice(2 * third), partitions=5)
    shop.landing.land_table(shuffled.slice(0, third), partitions=3)
    shop.landing.land_table(shuffled.slice(third, third), partitions=4)
    shop.landing.land_table(shuffled.slice(third, third), partitions=7)
    process = shop.start()
    busy = ""
    seen: list[str] = []
    for line in lines(process.stderr):
        if "on-run-start" in line and "OK" in line:
            with pytest.raises(BusyError) as caught:
                transform(shop.settings, "customer_events", run_id="second", patience=0.1)
            busy = str(caught.value)
        if "OK created" in line:
            seen.append(_as_a_writer(shop.landing.path))
    assert process.wait(timeout=PATIENCE) == 0
    return shop, seen, busy


def _as_a_writer(path: Any) -> str:
    try:
        duckdb.connect(path).close()
    except duckdb.IOException:
        return "held"
    return "free"


def test_the_same_events_landed_otherwise_give_the_same_marts(
    real_shop: Any, shuffled_build: tuple[Any, list[str], str]
) -> None:
    shop, _, _ = shuffled_build
    assert shop.query("select count(*) from staging.stg_customer_events") == [(17434,)]
    expected, found = real_shop.marts(), shop.marts()
    assert list(found) == MARTS
    for mart in MARTS:
        assert found[mart] == expected[mart], mart


def test_a_writer_of_the_landing_file_gets_in_while_the_marts_are_built(
    shuffled_build: tuple[Any, list[str], str],
) -> None:
    _, seen, _ = shuffled_build
    # After staging, the view on it and the six marts; staging's own line may come before its hooks let go.
    assert seen[1:] == ["free"] * 7


def test_a_second_transform_names_the_one_that_runs(shuffled_build: tuple[Any, list[str], str]) -> None:
    _, _, busy = shuffled_build
    assert busy.startswith("transform of pipeline customer_events waited 0.1 s for ")
    assert "held by transform of pipeline customer_events (PID " in busy
