"""The suites of customer_events fit the marts, let good data through, and each of their checks can fail."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from penstock.core.build_record import write_build
from penstock.core.code_version import declarations_hash
from penstock.core.settings import Settings
from penstock.validate.gate import validate
from tests.records import a_build, a_mart

PROJECT = Path(__file__).parents[3]
PIPELINE = "customer_events"

GOOD = (Path(__file__).parent / "good_marts.sql").read_text(encoding="utf-8")
BAD = (Path(__file__).parent / "bad_marts.sql").read_text(encoding="utf-8")
NOTHING = "select 1"
COMPLETE_UNTIL = dt.datetime(2019, 10, 2, tzinfo=dt.UTC)
# Only marts without rows break "where events have landed, there are sessions", and the same for purchases.
# Of fewer days than a week, the checks of history only learn.
A_WEEK_MORE = "".join(
    f"""; insert into {mart} by name select {mart}.* replace ({column} - to_days(n::integer) as {column})
    from {mart}, range(1, 8) as days (n)"""
    for mart, column in (("sessions", "started_at"), ("purchases", "purchased_at"))
)
A_CUSTOMER_ALONE = "insert into customers by name select 1 as user_id"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(project=PROJECT, data=tmp_path, environment="local", bootstrap_servers=None)


def marts() -> list[dict[str, Any]]:
    """The marts as dbt declares them: what the suites must fit."""
    folder = PROJECT / "dbt_project" / PIPELINE / "models" / "marts"
    return [
        model for file in sorted(folder.glob("*.yml")) for model in yaml.safe_load(file.read_text())["models"]
    ]


def fill(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """The marts' tables in the current schema, without their constraints, so that they can hold bad rows."""
    for mart in marts():
        columns = ", ".join(f"{column['name']} {column['data_type']}" for column in mart["columns"])
        connection.execute(f"create table {mart['name']} ({columns})")
    connection.execute(rows)


def build(settings: Settings, rows: str, *, landed: int = 1) -> None:
    path = settings.warehouse_file(PIPELINE)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute("create schema marts; create schema _penstock; use marts")
        fill(connection, rows)
        connection.execute(
            "create table _penstock.inputs as select 'customer_events' as stream, ?::bigint as landed",
            [landed],
        )
        declared = [a_mart(mart["name"], [column["name"] for column in mart["columns"]]) for mart in marts()]
        record = a_build(
            PIPELINE, complete_until=COMPLETE_UNTIL, marts=tuple(declared),
            declarations_hash=declarations_hash(settings, PIPELINE, (PIPELINE,)),
        )  # fmt: skip
        write_build(connection, record)


def publish(settings: Settings, rows: str) -> None:
    path = settings.versions_dir(PIPELINE) / "1-v1" / f"{PIPELINE}.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path) as connection:
        fill(connection, rows)
    settings.marts_link(PIPELINE).symlink_to(f"{PIPELINE}/1-v1/{path.name}")


def declared() -> list[tuple[str, str, str]]:
    found = []
    for file in sorted((PROJECT / "expectations" / PIPELINE).glob("*.yaml")):
        suite = yaml.safe_load(file.read_text())
        for check in suite["expectations"]:
            kwargs = check["kwargs"]
            column = kwargs.get("column") or ", ".join(
                kwargs.get("column_list", [kwargs[key] for key in ("column_A", "column_B") if key in kwargs])
            )
            found.append((suite["name"], check["type"], check.get("description", column)))
    return found


def test_good_data_passes_without_a_warning(settings: Settings) -> None:
    build(settings, GOOD)
    publish(settings, GOOD)

    verdict = validate(settings, PIPELINE, "run-1")

    assert verdict.problems == ()
    assert verdict.skipped == ()
    assert verdict.checks.passed == len(declared())


def test_every_check_can_fail(settings: Settings) -> None:
    publish(settings, GOOD * 10 + GOOD.replace("1 as user_id", "77 as user_id") + A_WEEK_MORE)
    failed: set[tuple[str, str, str]] = set()
    for rows in (BAD, A_CUSTOMER_ALONE):
        build(settings, rows)
        verdict = validate(settings, PIPELINE, "run-1")
        assert verdict.outcome == "refused"
        assert verdict.checks.errored == 0, verdict.problems
        for problem in verdict.problems:
            description = problem.message.partition("“")[2].partition("”")[0]
            failed.add((problem.mart, problem.check, description or problem.column or ""))

    assert sorted(set(declared()) - failed) == []


def test_nothing_has_landed_yet_is_nothing_wrong(settings: Settings) -> None:
    build(settings, NOTHING, landed=0)

    verdict = validate(settings, PIPELINE, "run-1")

    assert (verdict.outcome, verdict.problems) == ("passed", ())
    assert verdict.checks.passed + verdict.checks.skipped == len(declared())


def test_marts_that_were_full_may_not_become_empty(settings: Settings) -> None:
    build(settings, NOTHING, landed=0)
    publish(settings, GOOD)

    verdict = validate(settings, PIPELINE, "run-1")

    assert verdict.outcome == "refused"
    critical = {problem.mart for problem in verdict.problems if problem.severity == "critical"}
    assert critical == {"customers", "products", "purchases", "sessions"}
