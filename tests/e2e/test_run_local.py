"""run-local from outside: a real file through Kafka, Airflow, dbt and the gate to BI; and its end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.local.airflow_api import AirflowApi
from penstock.local.services import MARK, free_port
from penstock.monitor.slack_stand_in import SlackStandIn
from tests.e2e.conftest import begin_anew
from tests.patience import PATIENCE, PATIENCE_FOR_A_RUN, until
from tests.services_of_this_run import services_of_this_run

REPOSITORY = Path(__file__).resolve().parents[2]
STREAM = PIPELINE = "customer_events"


@dataclass(frozen=True)
class Marts:
    """What BI reads after a run."""

    rows: dict[str, list[tuple[Any, ...]]]
    version: int


@dataclass(frozen=True)
class Runs:
    """Three runs after one another, from nothing, and the marts after each of the first two."""

    first: dict[str, Any]
    marts_after_first: Marts
    second: dict[str, Any]
    marts_after_second: Marts
    nothing_new: str
    paused_afterwards: bool


@pytest.fixture(scope="module")
def runs(e2e_settings: Settings, airflow: AirflowApi, slack: SlackStandIn) -> Runs:
    named = os.environ.get("PENSTOCK_REES46")
    file = Path(named) if named else REPOSITORY.parent / "shared" / "data" / "rees46-2019-10-01.csv.gz"
    assert file.exists(), f"{file} is missing: name the file of real events in PENSTOCK_REES46"
    begin_anew(e2e_settings, airflow, PIPELINE)
    airflow.unpause(PIPELINE)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "PENSTOCK_"))},
        "PENSTOCK_PROJECT": str(e2e_settings.project),
        "PENSTOCK_DATA": str(e2e_settings.data),
        "PENSTOCK_ENV": e2e_settings.environment,
        "KAFKA_BOOTSTRAP_SERVERS": str(e2e_settings.bootstrap_servers),
        "SLACK_WEBHOOK_URL": slack.webhook_url,
        "AIRFLOW_PORT": airflow.base_url.rpartition(":")[2],
    }

    def run(*words: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "penstock", "local", "run", "-o", "json", *words]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_FOR_A_RUN)
        assert ended.returncode == 0, ended.stderr
        result: dict[str, Any] = json.loads(ended.stdout)
        return result

    first = run("--events", str(file))
    marts_after_first = _marts(e2e_settings)
    second = run("--events", str(file))
    marts_after_second = _marts(e2e_settings)
    nothing_new = subprocess.run(
        ["make", "run-local", "N=0"],
        cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=PATIENCE_FOR_A_RUN,
    )  # fmt: skip
    assert nothing_new.returncode == 0, nothing_new.stderr
    return Runs(
        first, marts_after_first, second, marts_after_second, nothing_new.stdout, airflow.is_paused(PIPELINE)
    )


def test_the_real_file_lands_but_for_the_row_that_is_cut_off(runs: Runs) -> None:
    assert (runs.first["produced"], runs.first["landed"], runs.first["rejected"]) == (17_435, 17_434, 1)
    assert [reason["field"] for reason in runs.first["reasons"]] == ["user_session"]


def test_the_real_files_marts_say_the_truth(runs: Runs, e2e_settings: Settings) -> None:
    marts = runs.marts_after_first
    assert len(marts.rows["purchases"]) == 214
    assert marts.version == 1
    assert runs.first["action"] == "publish"
    assert runs.first["marts"] == {mart: len(rows) for mart, rows in marts.rows.items()}
    with closing(open_duckdb(e2e_settings.marts_link(PIPELINE), read_only=True)) as connection:
        assert connection.execute("SELECT sum(events) FROM sessions").fetchall() == [(17_434,)]
        assert connection.execute("SELECT sum(revenue) FROM purchases").fetchall() == [(Decimal("59442.63"),)]
        top = "SELECT brand, count(*), sum(revenue) FROM purchases GROUP BY ALL ORDER BY 3 DESC LIMIT 1"
        assert connection.execute(top).fetchall() == [("apple", 33, Decimal("26951.25"))]


def test_the_same_file_again_lands_again_and_changes_no_mart(runs: Runs) -> None:
    assert (runs.second["landed"], runs.second["rejected"], runs.second["copies"]) == (17_434, 1, 17_434)
    assert runs.second["action"] == "refresh"
    assert runs.marts_after_second == runs.marts_after_first


def test_a_run_without_events_says_that_nothing_changed(runs: Runs) -> None:
    assert "0 produced, 0 landed" in runs.nothing_new
    assert "nothing changed: every mart is as it was, and version 1 stays" in runs.nothing_new


def test_a_dag_that_nobody_had_paused_is_not_paused(runs: Runs) -> None:
    assert not runs.paused_afterwards


def test_the_summary_says_what_to_open_and_type_next(runs: Runs, e2e_settings: Settings) -> None:
    for hint in ("/dags/customer_events", "index.html", str(e2e_settings.marts_link(PIPELINE)), "make stop"):
        assert hint in runs.nothing_new


def test_stop_leaves_nothing_of_a_run_that_was_killed(settings: Settings) -> None:
    ports = {"KAFKA_PORT": str(free_port()), "AIRFLOW_PORT": str(free_port())}
    env = {**os.environ, **ports}  # `settings` put the data folder there
    command = [sys.executable, "-m", "penstock", "local", "run", "--count", "100"]
    with services_of_this_run(settings):
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            try:
                until(lambda: "airflow" in " ".join(_programs(settings)))
            finally:
                run.kill()
        assert any("kafka.Kafka" in program for program in _programs(settings))
        stopped = subprocess.run(
            ["make", "stop"], cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=PATIENCE
        )
        assert stopped.returncode == 0, stopped.stderr
        assert "broker" in stopped.stdout
        assert _programs(settings) == []


def _marts(settings: Settings) -> Marts:
    with closing(open_duckdb(settings.marts_link(PIPELINE), read_only=True)) as connection:
        status = connection.execute("SELECT mart, version FROM mart_status").fetchall()
        rows = {mart: connection.execute(f'FROM "{mart}" ORDER BY ALL').fetchall() for mart, _ in status}
    (version,) = {version for _, version in status}
    return Marts(rows, version)


def _programs(settings: Settings) -> list[str]:
    """The command lines of all living processes that came from this data folder's run-local."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(settings.data) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found
