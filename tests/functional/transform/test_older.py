"""Landing files and warehouses of other formats: the right rows, each event once, without a hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import BusyError, LandingError, TransformError
from penstock.core.pipeline_lock import file_lock
from penstock.core.settings import Settings
from penstock.transform.landing import wait_until_readable
from penstock.transform.transform import transform

PIPELINE = STREAM = "customer_events"


@pytest.fixture
def older(settings: Settings, unpack_older: Callable[[str, Path], None]) -> Settings:
    unpack_older("landing-1", settings.landing_file(STREAM))
    return settings


@pytest.fixture(scope="module")
def built(
    make_shop: Callable[..., Any],
    unpack_older: Callable[[str, Path], None],
    untested_project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Any]:
    """A transform of the older landing file into the older warehouse, and what it printed."""
    shop = make_shop(tmp_path_factory.mktemp("older") / "data", untested_project)
    unpack_older("landing-1", shop.landing.path)
    unpack_older("warehouse-1", shop.warehouse)
    return shop, shop.transform()


def test_an_older_warehouse_is_built_anew_and_says_why(built: tuple[Any, Any]) -> None:
    shop, done = built
    assert done.returncode == 0, done.stderr
    why = f"the warehouse {shop.warehouse} is of an older format (1, now 2)"
    assert f"pipeline {PIPELINE}: all is built anew (full refresh): {why}" in done.stderr.splitlines()
    assert shop.query("select format_version from _penstock.warehouse") == [(2,)]


def test_each_event_of_the_older_landing_file_is_there_once_from_its_first_place(
    built: tuple[Any, Any],
) -> None:
    shop, _ = built
    staging = "select event_id, brand, _kafka_partition, _offset, _commit from staging.stg_customer_events"
    assert shop.query(f"{staging} order by 1") == [
        ("e0", "acme", 0, 0, 1), ("e1", "acme", 0, 1, 1), ("e2", "acme", 0, 2, 1), ("e3", "acme", 0, 3, 1),
        ("e4", "acme", 1, 0, 2), ("e5", "acme", 1, 3, 3), ("e6", "acme", 0, 10, 4), ("e7", "acme", 0, 0, 5),
    ]  # fmt: skip
    assert shop.query("select sum(events), sum(purchases) from marts.products") == [(8, 2)]
    ((inputs,),) = shop.query("select inputs::varchar from _penstock.build")
    (read,) = json.loads(inputs)
    assert (read["landed_commit"], read["landed"], read["rejected"]) == (5, 10, 2)


def test_the_landing_file_is_brought_up_to_date_for_it(built: tuple[Any, Any]) -> None:
    shop, done = built
    line = f"{shop.landing.path}: brought up to date, from format 1 to 3; no event has changed"
    assert done.stderr.splitlines().count(line) == 1
    with open_duckdb(shop.landing.path, read_only=True) as connection:
        assert connection.execute("select format_version from raw.landing").fetchall() == [(3,)]


def test_it_is_brought_up_to_date_under_the_lock_of_its_consumer(older: Settings) -> None:
    lock = file_lock(older.ingest_lock_file(STREAM), what="follow of stream customer_events", wait=0)
    with lock, pytest.raises(BusyError, match="held by follow of stream customer_events"):
        wait_until_readable(older, STREAM, wait=0)
    assert wait_until_readable(older, STREAM, wait=0) == []


def test_a_newer_landing_file_is_refused(older: Settings) -> None:
    with open_duckdb(older.landing_file(STREAM)) as connection:
        connection.execute("update raw.landing set format_version = 99")
    with pytest.raises(
        LandingError, match="a landing file of format 99; this Penstock knows formats up to 3"
    ):
        transform(older, PIPELINE, run_id="r")
    assert not older.warehouse_file(PIPELINE).exists()


def test_a_newer_warehouse_is_refused_before_anything_runs(
    older: Settings, unpack_older: Callable[[str, Path], None]
) -> None:
    path = older.warehouse_file(PIPELINE)
    unpack_older("warehouse-1", path)
    with open_duckdb(path) as connection:
        connection.execute("create table _penstock.warehouse as select 99 as format_version")
    before = path.read_bytes()
    with pytest.raises(TransformError, match="a warehouse of format 99; this Penstock knows formats up to 2"):
        transform(older, PIPELINE, run_id="r")
    assert path.read_bytes() == before
