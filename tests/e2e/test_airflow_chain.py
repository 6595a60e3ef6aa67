"""The whole chain in a real Airflow: events in a real broker become published marts, and a gate that refuses
keeps BI on what it has.

Three runs follow each other, each a fixture that needs the one before. What had landed then, and what BI was
served, is read as soon as a run has ended: so the tests may come in any order."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

import duckdb
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.local.airflow_api import AirflowApi
from penstock.local.broker import create_topic
from penstock.local.produce import Produced, produce
from penstock.local.run_local import what_failed
from penstock.local.synthetic import synthetic_sample
from penstock.monitor.slack_stand_in import SlackStandIn
from tests.e2e.conftest import begin_anew
from tests.patience import PATIENCE, PATIENCE_FOR_A_RUN

PIPELINE = "customer_events"
TASKS = ("ingest", "transform", "validate", "publish", "report")
PAGE = PATIENCE * 1000  # milliseconds for a page of a server that shares two cores with all the rest


@dataclass(frozen=True)
class Run:
    """A run that has ended: its id, its state, the state of each task; what had landed then (events, rejects,
    the ids of the runs that landed), and what BI was served: the version and rows of each mart, the events of
    all sessions."""

    id: str
    state: str
    tasks: dict[str, str | None]
    landed: tuple[int, int, set[str]]
    served: dict[str, tuple[int, int]]
    session_events: int


def run_dag(airflow: AirflowApi, settings: Settings) -> Run:
    run_id = f"manual__{uuid.uuid4().hex[:8]}"
    airflow.trigger(PIPELINE, run_id)
    airflow.unpause(PIPELINE)
    state = airflow.wait_until_run_ends(PIPELINE, run_id, seconds=PATIENCE_FOR_A_RUN)
    tasks = {task: s.state for task, s in airflow.task_states(PIPELINE, run_id).items()}
    if not settings.marts_link(PIPELINE).exists():
        pytest.fail(f"nothing was published: {tasks}\n{logs(airflow, run_id, tasks)}")
    with duckdb.connect(settings.landing_file(PIPELINE), read_only=True) as landing:
        ((events, rejects),) = landing.execute(
            "select (select count(*) from raw.customer_events), (select count(*) from raw.rejects)"
        ).fetchall()
        by = {by for (by,) in landing.execute("select distinct run_id from raw.commits").fetchall()}
    with duckdb.connect(settings.marts_link(PIPELINE), read_only=True) as marts:
        served = {
            mart: (version, rows)
            for mart, version, rows in marts.execute(
                "select mart, version, row_count from mart_status"
            ).fetchall()
        }
        ((in_sessions,),) = marts.execute("select sum(events) from sessions").fetchall()
    return Run(run_id, state, tasks, (events, rejects, by), served, in_sessions)


def send(settings: Settings, count: int, run: int) -> Produced:
    assert settings.bootstrap_servers is not None
    topic = load_contract(settings, PIPELINE).topic
    create_topic(settings.bootstrap_servers, topic)
    return produce(settings.bootstrap_servers, topic, synthetic_sample(count, seed=7, run=run))


def logs(airflow: AirflowApi, run_id: str, tasks: dict[str, str | None]) -> str:
    """Every task's log, for the message of an assertion that fails."""
    return "\n".join(
        f"=== {task} {state}\n{airflow.task_log(PIPELINE, run_id, task)}"
        for task, state in tasks.items()
        if state in ("failed", "success")
    )


# What a person sees: the colour that the browser paints, whatever way the style sheet names it.
PAINTED = """element => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(element).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}"""


def seen(page: Page, run_id: str, task: str) -> tuple[str, str]:
    """How the run's page shows a task: the word in its row, the colour of its square in the grid."""
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=task, exact=True))
    badge = row.get_by_test_id("state-badge").or_(row.locator(".chakra-badge")).first
    expect(badge).to_have_text(re.compile(r"\w"), timeout=PAGE)
    square = page.get_by_test_id(f"grid-{run_id}-{task}").get_by_test_id("task-state-badge")
    red, green, blue, _ = square.evaluate(PAINTED)
    colour = "green" if green > max(red, blue) else "red" if red > max(green, blue) else "neither"
    return badge.inner_text().strip(), colour


@pytest.fixture(scope="module")
def sent(e2e_settings: Settings, airflow: AirflowApi) -> Produced:
    begin_anew(e2e_settings, airflow, PIPELINE)
    return send(e2e_settings, 2000, run=0)


@pytest.fixture(scope="module")
def green(airflow: AirflowApi, e2e_settings: Settings, sent: Produced) -> Run:
    """The first run, over 2000 synthetic messages."""
    run = run_dag(airflow, e2e_settings)
    assert run.tasks == dict.fromkeys(TASKS, "success"), logs(airflow, run.id, run.tasks)
    return run


@pytest.fixture(scope="module")
def without_news(airflow: AirflowApi, e2e_settings: Settings, green: Run) -> Run:
    """A run to which nothing was sent."""
    return run_dag(airflow, e2e_settings)


@pytest.fixture(scope="module")
def refused(airflow: AirflowApi, e2e_settings: Settings, without_news: Run) -> Run:
    """A run over more events, while the suite of `sessions` asks for the impossible."""
    send(e2e_settings, 500, run=1)
    file = e2e_settings.suites_dir(PIPELINE) / "sessions.yaml"
    before = file.read_text()
    suite = yaml.safe_load(before)
    impossible = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 987654321},
                  "severity": "critical"}  # fmt: skip
    suite["expectations"].append(impossible)
    file.write_text(yaml.safe_dump(suite, sort_keys=False))
    try:
        return run_dag(airflow, e2e_settings)
    finally:
        file.write_text(before)


def test_events_become_marts(green: Run, sent: Produced) -> None:
    assert green.state == "success"
    assert sent.dirt is not None
    assert sent.duplicates is not None
    dirt = sum(sent.dirt.values())
    assert green.landed == (2000 - dirt, dirt, {green.id})  # the run that landed it is Airflow's
    assert {version for version, _ in green.served.values()} == {1}
    assert green.session_events == 2000 - dirt - sent.duplicates


def test_every_changed_mart_is_an_asset_event_with_version_and_rows(airflow: AirflowApi, green: Run) -> None:
    events = {
        event["uri"]: event["extra"]
        for event in airflow.asset_events(PIPELINE)
        if event["source_run_id"] == green.id
    }
    assert {"sessions", "customers"} <= green.served.keys()
    assert events == {
        f"penstock://local/{PIPELINE}/{mart}": {"version": 1, "rows": rows}
        for mart, (_, rows) in green.served.items()
    }


def test_a_run_without_news_emits_no_event(airflow: AirflowApi, green: Run, without_news: Run) -> None:
    assert without_news.tasks == dict.fromkeys(TASKS, "success"), logs(
        airflow, without_news.id, without_news.tasks
    )
    assert [e for e in airflow.asset_events(PIPELINE) if e["source_run_id"] == without_news.id] == []
    assert without_news.served == green.served
    report = airflow.task_log(PIPELINE, without_news.id, "report")
    assert re.search(r"publish +success .*action refresh", report)


def test_the_browser_shows_five_green_tasks(airflow: AirflowApi, green: Run, browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(PAGE)
    page.goto(airflow.run_url(PIPELINE, green.id))
    shown = {task: seen(page, green.id, task) for task in TASKS}
    page.close()
    assert shown == dict.fromkeys(TASKS, ("Success", "green"))


def test_a_gate_that_refuses_makes_the_run_red_and_keeps_bi_on_the_old_version(
    airflow: AirflowApi, green: Run, refused: Run
) -> None:
    assert refused.tasks == {
        "ingest": "success", "transform": "success", "validate": "failed", "publish": "upstream_failed",
        "report": "success",
    }, logs(airflow, refused.id, refused.tasks)  # fmt: skip
    assert refused.state == "failed"
    assert refused.served == green.served
    assert re.search(r"validate +failed", airflow.task_log(PIPELINE, refused.id, "report"))


def test_the_browser_shows_the_red_run(airflow: AirflowApi, refused: Run, browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(PAGE)
    page.goto(airflow.run_url(PIPELINE, refused.id))
    shown = {task: seen(page, refused.id, task) for task in TASKS}
    expect(page.get_by_test_id("main-content").get_by_text("Failed", exact=True).first).to_be_visible(
        timeout=PAGE
    )
    page.goto(airflow.task_url(PIPELINE, refused.id, "validate"))
    why = page.get_by_text("expect_table_row_count_to_equal failed").first
    expect(why).to_be_visible(timeout=PAGE)  # in the task's log
    page.close()
    assert shown == {
        "ingest": ("Success", "green"), "transform": ("Success", "green"), "validate": ("Failed", "red"),
        "publish": ("Upstream Failed", "red"), "report": ("Success", "green"),
    }  # fmt: skip


def test_run_local_says_what_the_gate_said(airflow: AirflowApi, refused: Run, e2e_settings: Settings) -> None:
    tasks = airflow.task_states(PIPELINE, refused.id)
    error = what_failed(e2e_settings, airflow, refused.id, tasks)
    said = "the task validate failed: marts.sessions: expect_table_row_count_to_equal failed: observed"
    assert error.message.startswith(said)
    docs, log, served = error.fix.splitlines()
    assert docs == f"see {e2e_settings.docs_dir}/{PIPELINE}/index.html"
    assert log == f"  its log: {airflow.task_url(PIPELINE, refused.id, 'validate')}"
    assert served.startswith("  BI still serves version 1")


def test_slack_hears_it_once_and_from_the_run_itself(
    refused: Run, slack: SlackStandIn, airflow: AirflowApi
) -> None:
    ours = [text for text in slack.texts if refused.id in text]
    assert len(ours) == 1
    (text,) = ours
    assert "customer_events: validate failed" in text
    assert "marts.sessions: expect_table_row_count_to_equal failed: observed" in text
    assert "customer-analytics" in text
    assert "version 1" in text
    assert airflow.task_url(PIPELINE, refused.id, "validate") in text
