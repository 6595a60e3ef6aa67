"""`penstock validate backtest`: when the checks of history would have stopped a run, or warned."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from penstock.cli import main
from tests.functional.validate.test_history import CUSTOMERS, HISTORY, KEYS, PURCHASES

FREE = "update marts.purchases set price = 0 where bought_at::date = '2026-01-10'"
FEWER = "delete from marts.purchases where bought_at::date = '2026-01-12' and hash(event_id) % 3 > 0"


@pytest.fixture
def past(shop: Any) -> Any:
    """A shop of 14 days: on one all is free, on another one a third of the purchases is there."""
    shop.sql(PURCHASES, CUSTOMERS, FREE, FEWER)
    shop.suite("purchases", HISTORY)
    shop.suite("customers", KEYS)
    return shop


def backtest(*words: str) -> Result:
    result = CliRunner().invoke(main, ["validate", "backtest", "shop", *words])
    assert result.exit_code in (0, 1, 2), result.exception
    return result


def of_purchases(*words: str) -> dict[str, Any]:
    result = backtest("-o", "json", *words)
    assert result.exit_code == 0, result.stderr
    (check,) = json.loads(result.stdout)["checks"]
    return dict(check)


def files(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


def test_it_says_when_a_check_would_have_stopped_a_run_and_why(past: Any) -> None:
    check = of_purchases()

    assert (check["judged"], check["learning"], check["stopped"], check["warned"]) == (7, 7, 1, 1)
    assert check["false_alarms_per_month"] == round(2 * 30 / 7, 2)
    free, fewer = check["alarms"]
    assert (free["period"], free["stops"]) == ("2026-01-10", True)
    assert "above_zero(price) of 2026-01-10 is 0 %, usual is " in free["text"]
    assert (fewer["period"], fewer["stops"]) == ("2026-01-12", False)
    assert {"measure": "rows", "periods": ["2026-01-12"], "stops": False}.items() <= fewer["findings"][
        0
    ].items()


def test_it_tells_people_the_same(past: Any) -> None:
    lines = backtest().stdout.splitlines()

    assert lines[0] == "shop: as of each period of the last 90 days of the candidates"
    assert lines[1].startswith("marts.purchases: “New days are like those before” expect_")
    assert lines[1].endswith(
        "7 days judged, 7 days only learned from; 1 would have stopped a run, 1 would have warned: "
        "8.57 false alarms a month"
    )
    assert lines[2].startswith("  would stop as of 2026-01-10: ")
    assert lines[3].startswith("  would warn as of 2026-01-12: rows of 2026-01-12 is ")
    assert lines[4] == (
        "not asked: expect_values_of_keys_to_stay of marts.customers: it compares two versions, here is one"
    )


def test_only_the_last_days_are_asked(past: Any) -> None:
    assert [alarm["period"] for alarm in of_purchases("--days", "3")["alarms"]] == ["2026-01-12"]


def test_the_suites_count_as_they_are_now(past: Any) -> None:
    """Whoever tunes a check need not build anew to hear what it would say."""
    kwargs = {
        "measures": {"above_zero(price)": {"silenced": "a free day"}},
        "exceptional": {"2026-01-12": "x"},
    }
    past.suite("purchases", HISTORY | {"severity": "warning", "kwargs": HISTORY["kwargs"] | kwargs})
    past.sql("update _penstock.build set declarations_hash = 'that of an older suite'")

    check = of_purchases()

    assert check["judged"] == 6
    assert check["stopped"] == 0
    assert "above_zero(price)" not in json.dumps(check["alarms"])


def test_without_a_build_the_published_marts_are_asked(past: Any) -> None:
    past.publish(
        f"attach '{past.warehouse}' as warehouse (read_only)",
        "create table purchases as from warehouse.marts.purchases",
        "create table customers as from warehouse.marts.customers",
        "create table mart_status (mart varchar)",
        "detach warehouse",
    )
    past.warehouse.unlink()

    assert of_purchases()["stopped"] == 1
    assert backtest().stdout.startswith("shop: as of each period of the last 90 days of the published marts")


def test_where_nothing_is_built_or_published_it_says_so(past: Any) -> None:
    past.warehouse.unlink()
    result = backtest()
    assert result.exit_code == 1
    assert "nothing has been built yet" in result.stderr


def test_it_changes_nothing_and_asks_without_great_expectations(past: Any) -> None:
    CliRunner().invoke(main, ["validate", "shop"])
    before = files(past.settings.data)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "penstock", "validate", "backtest", "shop"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "penstock.validate.history.as_of" in done.stderr
    assert "great_expectations" not in done.stderr
    assert files(past.settings.data) == before


def test_what_is_declared_wrongly_is_reported_with_its_line(past: Any) -> None:
    path = past.suite("purchases", HISTORY | {"kwargs": {"period_column": "bought_at", "windw": 3}})
    result = backtest()
    assert result.exit_code == 1
    assert f"{path}:" in result.stderr
    assert "expect_new_periods_to_resemble_history has no 'windw'" in result.stderr
    assert "did you mean 'window'?" in result.stderr


def test_a_pipeline_without_a_check_of_history_hears_so(shop: Any) -> None:
    assert "no check of history to ask: declare expect_new_periods_" in backtest().stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["validate", "shp"], 1, "dags/shp.yaml: no such file"),
        (["validate", "backtest", "shp"], 1, "dags/shp.yaml: no such file"),
        (["validate", "bactest", "shop"], 2, "No such command 'bactest': did you mean 'backtest'?"),
        (["validate", "shop", "--dayz", "3"], 2, "No such option '--dayz'"),
        (["validate", "-o", "json"], 2, "Missing argument 'PIPELINE'"),
        (["validate", "backtest", "shop", "--days", "0"], 2, "0 is not in the range"),
    ],
    ids=str,
)
def test_what_is_misspelt_is_refused(shop: Any, words: list[str], code: int, says: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code
    assert says in result.output


def test_options_may_stand_before_the_pipeline(shop: Any) -> None:
    result = CliRunner().invoke(main, ["validate", "-o", "json", "--run-id", "shop", "shop"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["run_id"] == "shop"


def test_no_pipeline_has_the_name_of_a_verb(shop: Any) -> None:
    file = shop.settings.pipeline_file("backtest")
    file.write_text("name: backtest\ndescription: A shop.\nowner: sales\nstreams: [orders]\n")
    result = CliRunner().invoke(main, ["transform", "backtest"])
    assert result.exit_code == 1
    assert "'backtest' cannot name a pipeline: Penstock uses that name itself" in result.output
