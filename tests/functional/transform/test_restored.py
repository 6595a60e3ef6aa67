"""A warehouse beside a landing file that came back from a backup: it goes on, or says that it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.core.duckdb_file import open_duckdb

LEAP = 1_700_000_000_000  # a restore's number is the clock in milliseconds


@pytest.fixture(scope="module")
def backed_up(
    make_shop: Callable[..., Any],
    make_event: Callable[..., Any],
    untested_project: Path,
    tmp_path_factory: Any,
) -> Any:
    """A shop whose landing file was copied after commit 1, and whose warehouse has read just that."""
    shop = make_shop(tmp_path_factory.mktemp("backed_up") / "data", untested_project)
    shop.landing.land([make_event("a", price="1.00")])
    shutil.copy(shop.landing.path, shop.data / "backup.duckdb")
    done = shop.transform()
    assert done.returncode == 0, done.stderr
    return shop


def restore(shop: Any) -> None:
    """What `penstock ingest restore` leaves: the backup, and the restore's own row."""
    shutil.copy(shop.data / "backup.duckdb", shop.landing.path)
    with open_duckdb(shop.landing.path) as connection:
        connection.execute(f"insert into raw.commits values ({LEAP}, now(), 'restore', 'r', 0, 0)")


def test_after_a_restore_a_warehouse_goes_on_or_names_the_full_refresh(
    backed_up: Any, make_event: Callable[..., Any]
) -> None:
    shop = backed_up
    warehouse_then = shop.data / "warehouse.then"
    shutil.copy(shop.warehouse, warehouse_then)
    shop.landing.land([make_event("b")])  # commit 2, lost with the disk
    assert shop.transform().returncode == 0
    restore(shop)
    assert shop.landing.land([make_event("c")]) == LEAP + 1
    assert shop.landing.land([make_event("b")]) == LEAP + 2

    stopped = shop.transform()  # it has read commit 2, which the file does not hold
    assert stopped.returncode == 1
    assert "commit 2 was read before and is not in it" in stopped.stderr
    assert "--full-refresh" in stopped.stderr
    refreshed = shop.transform("--full-refresh")
    assert refreshed.returncode == 0, refreshed.stderr
    marts = shop.marts()

    shutil.copy(warehouse_then, shop.warehouse)  # it has read commit 1, which the backup holds
    done = shop.transform()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new_commits"] == 3  # the restore, and two batches
    assert shop.marts() == marts
    assert shop.query("select count(distinct event_id) from staging.stg_customer_events") == [(3,)]


def test_commits_whose_numbers_were_given_anew_are_not_taken_for_the_old_ones(
    make_shop: Callable[..., Any], make_event: Callable[..., Any], untested_project: Path, tmp_path: Path
) -> None:
    shop = make_shop(tmp_path / "data", untested_project)
    shop.landing.land([make_event("a")])
    assert shop.transform().returncode == 0
    shop.landing.path.unlink()
    shop.landing = type(shop.landing)(shop.data)  # made anew: its first commit is 1, too
    shop.landing.land([make_event("b")])
    shop.landing.land([make_event("a")])
    stopped = shop.transform()
    assert stopped.returncode == 1
    assert "commit 1 was read before and is not in it" in stopped.stderr
