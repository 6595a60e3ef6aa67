"""One warehouse through its life: a killed build, increments, a busy writer, a full refresh, dbt by hand."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from penstock.core.build_record import read_builds
from tests.patience import PATIENCE, lines, next_line

MINUTE = dt.timedelta(minutes=1)
# Ready at once, it holds the file from its first line to its second.
HOLD = """
import duckdb, sys
sys.stdin.readline()
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""
STAGING = "select event_id, price, _commit, _landed_at from staging.stg_customer_events order by 1"


@pytest.fixture(scope="module")
def life(
    make_shop: Callable[..., Any], make_event: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Runs of transform after each step, with what it printed and what the warehouse then held."""
    shop = make_shop(tmp_path_factory.mktemp("life") / "data")
    noon = make_event("x")["event_time"]
    steps: dict[str, Any] = {"shop": shop}

    def build(step: str, *words: str) -> None:
        done = shop.transform(*words)
        assert done.returncode == 0, done.stderr
        keep(step, done.stdout)

    def keep(step: str, stdout: str) -> None:
        steps[step] = {
            "result": json.loads(stdout), "staging": shop.query(STAGING), "marts": shop.marts(),
            "builds": shop.builds(),
        }  # fmt: skip

    shop.landing.land([
        make_event("a", price="1.00", user_id=1),
        make_event("b", price="2.00", user_id=2, event_type="purchase"),
        make_event("b", price="2.50", user_id=2, event_type="purchase"),
    ])  # fmt: skip
    steps["killed"] = kill_in_the_middle(shop)
    build("first")
    shop.landing.land([make_event("a", price="9.00", user_id=1), make_event("b", price="9.00", user_id=2)])
    # A reject that is replayed long after its neighbours: an old time, and a lower offset than many.
    shop.landing.land([
        make_event("c", price="3.00", user_id=1, event_time=noon - 9 * MINUTE, event_type="purchase"),
        make_event("c", price="9.00", user_id=1),
        make_event("a", price="9.00", user_id=1),
    ])  # fmt: skip
    keep("increment", transform_that_meets_a_writer(shop))
    build("full refresh", "--full-refresh")
    return steps


def kill_in_the_middle(shop: Any) -> int:
    """kill -9 of a transform whose dbt builds marts at that moment; the finished builds that are left."""
    process = shop.start()
    for line in lines(process.stderr):
        if "START sql table model" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=PATIENCE)
    rest = "".join(lines(process.stderr))  # dbt writes there, too: this waits for its end
    assert "Finished running" not in rest, "dbt outlived the transform that started it"
    left: int = shop.builds()
    return left


def transform_that_meets_a_writer(shop: Any) -> str:
    """A transform whose dbt finds the landing file held, by a writer that lets go once dbt has met it."""
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(shop.landing.path)],
        text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert writer.stdin is not None
    process = shop.start()
    holds = met = False
    for line in lines(process.stderr):
        if "Running with dbt" in line and not holds:
            holds = True
            writer.stdin.write("hold\n")
            assert next_line(writer.stdout) == "held\n"
        if "Could not set lock" in line and not met:
            met = True
            writer.communicate("let go\n", timeout=PATIENCE)
    assert met, "dbt never met the writer"
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return str(stdout)


def test_a_killed_build_takes_dbt_with_it_leaves_no_record_and_the_next_run_heals(
    life: dict[str, Any],
) -> None:
    assert life["killed"] == 0
    assert life["first"]["builds"] == 1
    assert [row[-1] for row in life["first"]["marts"]["purchases"]] == [Decimal("2.00")]


def test_a_writer_that_was_quicker_than_dbt_is_waited_for(life: dict[str, Any]) -> None:
    assert life["increment"]["builds"] == 1


def test_of_copies_the_first_that_landed_counts(life: dict[str, Any]) -> None:
    assert [(row[0], str(row[1]), row[2]) for row in life["first"]["staging"]] == [
        ("a", "1.00", 1), ("b", "2.00", 1),
    ]  # fmt: skip


def test_an_increment_appends_what_is_new_and_keeps_the_first_copy(life: dict[str, Any]) -> None:
    assert [(row[0], str(row[1]), row[2]) for row in life["increment"]["staging"]] == [
        ("a", "1.00", 1), ("b", "2.00", 1), ("c", "3.00", 3),
    ]  # fmt: skip
    assert life["first"]["result"]["new_commits"] == 0  # the killed build had read it
    assert life["increment"]["result"]["new_commits"] == 2


def test_a_full_refresh_gives_what_the_increments_gave(life: dict[str, Any]) -> None:
    assert life["full refresh"]["staging"] == life["increment"]["staging"]
    assert life["full refresh"]["marts"] == life["increment"]["marts"]
    assert life["full refresh"]["result"]["new_commits"] == 0


def test_each_build_has_an_id_of_its_own(life: dict[str, Any]) -> None:
    ids = {life[step]["result"]["build_id"] for step in ("first", "increment", "full refresh")}
    assert len(ids) == 3


def test_a_build_by_hand_works_with_no_setting_and_takes_the_record_away(life: dict[str, Any]) -> None:
    shop = life["shop"]
    assert shop.builds() == 1
    shutil.rmtree(shop.settings.dbt_output_dir("customer_events"))
    project = shop.settings.dbt_project_dir("customer_events")
    dbt = Path(sys.executable).with_name("dbt")
    # Without it dbt would write its log beside the repository's own data.
    env = shop.env | {"DBT_LOG_PATH": str(shop.settings.dbt_output_dir("customer_events") / "logs")}
    for words in (["deps"], ["build", "--select", "stg_customer_events"]):
        done = subprocess.run(
            [dbt, *words], cwd=project, env=env, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stdout
    assert "Deprecat" not in done.stdout
    assert (shop.settings.dbt_output_dir("customer_events") / "target/manifest.json").exists()
    assert shop.builds() == 0
    assert shop.query(STAGING) == life["increment"]["staging"]


def test_a_landing_file_made_anew_is_reported_and_not_passed_over(
    life: dict[str, Any], make_shop: Callable[..., Any], make_event: Callable[..., Any], tmp_path: Path
) -> None:
    other = make_shop(tmp_path / "data")
    other.landing.land([make_event("n", price="4.00")])
    other.warehouse.parent.mkdir(parents=True)
    shutil.copy(life["shop"].warehouse, other.warehouse)
    done = other.transform()
    assert done.returncode == 1
    assert "ends with commit 1, but commit 3 was read before" in done.stderr
    assert "--full-refresh" in done.stderr
    with duckdb.connect(other.warehouse, read_only=True) as connection:
        assert read_builds(connection) == []
