"""Airflow as run-local brings it up, and what a person does there to a running task."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from penstock.core.errors import PenstockError
from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.local.airflow_api import AirflowApi
from penstock.local.airflow_up import start_airflow
from penstock.local.broker import create_topic
from penstock.local.produce import produce
from penstock.local.services import Services
from penstock.local.synthetic import synthetic_sample
from penstock.monitor.slack_stand_in import SlackStandIn
from tests.patience import PATIENCE, is_gone, until


def test_nothing_of_it_listens_off_loopback(airflow: AirflowApi, services: Services) -> None:
    parts = [service for service in services.all_running() if service.name.startswith("airflow-")]
    assert {part.name for part in parts} == {"airflow-api", "airflow-dag-processor", "airflow-scheduler"}
    listening = set()
    for part in parts:
        process = psutil.Process(part.pid)
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                listening |= {
                    (connection.laddr.ip, connection.laddr.port)
                    for connection in member.net_connections(kind="inet")
                    if connection.status == psutil.CONN_LISTEN
                }
    port = int(airflow.base_url.rsplit(":", 1)[1])
    assert listening == {("127.0.0.1", port)}


def test_a_broken_yaml_is_its_own_import_error_and_hides_no_other_dag(airflow: AirflowApi) -> None:
    errors = airflow.import_errors()
    assert set(errors) == {"misspelt.py"}
    assert "dags/misspelt.yaml:7: unknown key 'retrys'" in errors["misspelt.py"]
    assert "did you mean 'retries'?" in errors["misspelt.py"]
    with pytest.raises(PenstockError, match=r"cannot load the DAG misspelt: .*misspelt\.yaml:7"):
        airflow.wait_until_dag_is_seen("misspelt")
    airflow.wait_until_dag_is_seen("customer_events", seconds=PATIENCE)


def test_what_runs_is_reused_but_not_with_another_environment(
    airflow: AirflowApi, services: Services, e2e_settings: Settings, slack: SlackStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    port = int(airflow.base_url.rsplit(":", 1)[1])
    before = {service.pid for service in services.all_running()}
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook_url)
    again = start_airflow(e2e_settings, services, port)
    assert again.base_url == airflow.base_url
    assert {service.pid for service in services.all_running()} == before
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "http://127.0.0.1:1/services/elsewhere")
    other = replace(e2e_settings, environment="staging")
    with pytest.raises(PenstockError) as caught:
        start_airflow(other, services, port)
    assert "PENSTOCK_ENV, SLACK_WEBHOOK_URL" in str(caught.value)
    assert "elsewhere" not in str(caught.value)


@pytest.fixture(scope="module")
def held(airflow: AirflowApi, e2e_settings: Settings) -> AirflowApi:
    """The topic of the pipeline `held` has an event that nobody lands: its `ingest` waits."""
    assert e2e_settings.bootstrap_servers is not None
    topic = load_contract(e2e_settings, "held").topic
    create_topic(e2e_settings.bootstrap_servers, topic)
    produce(e2e_settings.bootstrap_servers, topic, synthetic_sample(1, seed=1, run=0))
    airflow.unpause("held")
    return airflow


@pytest.fixture
def waiting(held: AirflowApi) -> Iterator[tuple[str, psutil.Process]]:
    """A run of `held` whose `ingest` waits: its id, and the command's process."""
    run_id = f"manual__{uuid.uuid4().hex[:8]}"
    held.trigger("held", run_id)
    commands: list[psutil.Process] = []

    def begun() -> bool:
        commands[:] = [process for process in psutil.process_iter() if is_ingest_of(process, run_id)]
        return bool(commands)

    until(begun, "the command of ingest has not begun")
    yield run_id, commands[0]
    if held.task_states("held", run_id)["ingest"].state == "running":
        held.set_task_state("held", run_id, "ingest", "failed")
    held.wait_until_run_ends("held", run_id, seconds=PATIENCE)


def is_ingest_of(process: psutil.Process, run_id: str) -> bool:
    try:
        words = process.cmdline()
        is_it = words[1:] == ["-P", "-m", "penstock", "ingest", "wait", "held", "-o", "json"]
        return is_it and process.environ().get("PENSTOCK_RUN_ID") == run_id
    except psutil.Error:
        return False


def test_a_task_marked_as_failed_takes_its_process_with_it(
    held: AirflowApi, waiting: tuple[str, psutil.Process], slack: SlackStandIn
) -> None:
    run_id, command = waiting
    held.set_task_state("held", run_id, "ingest", "failed")
    until(lambda: is_gone(command), "the command has not ended")
    assert held.wait_until_run_ends("held", run_id, seconds=PATIENCE) == "failed"
    states = {task: state.state for task, state in held.task_states("held", run_id).items()}
    assert states == {
        "ingest": "failed", "transform": "upstream_failed", "validate": "upstream_failed",
        "publish": "upstream_failed", "report": "success",
    }  # fmt: skip
    until(lambda: any(run_id in text for text in slack.texts), "no message came")


def test_a_task_that_is_cleared_ends_its_process_before_the_next_begins(
    held: AirflowApi, waiting: tuple[str, psutil.Process], slack: SlackStandIn
) -> None:
    run_id, command = waiting
    held.clear_task("held", run_id, "ingest")
    until(lambda: is_gone(command), "the command has not ended")

    def begun_anew() -> bool:
        return any(is_ingest_of(process, run_id) for process in psutil.process_iter())

    until(begun_anew, "there is no second try")
    assert not any(run_id in text for text in slack.texts)


def test_a_run_marked_as_failed_ends_its_process_and_is_reported_as_no_success(
    held: AirflowApi, waiting: tuple[str, psutil.Process]
) -> None:
    run_id, command = waiting
    held.set_run_state("held", run_id, "failed")
    until(lambda: is_gone(command), "the command has not ended")
    until(lambda: held.task_states("held", run_id)["report"].state == "failed", "no report has failed")
    assert "it is no success" in held.task_log("held", run_id, "report")
