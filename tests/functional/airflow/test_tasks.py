"""What each task of a pipeline does with its command's answer, and whom it alerts."""

from __future__ import annotations

import errno
import json
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow.sdk import DAG, AssetAlias
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow.sdk.execution_time.context import OutletEventAccessors

from penstock.airflow.alert import reports_failure, reports_marked_as_failed, what_failed
from penstock.airflow.factory import build_dag
from penstock.airflow.stage import StageFailed, StoppedFromOutside, penstock_environment
from penstock.core.error_data import ErrorData, as_object, error_printed
from penstock.core.errors import SettingError
from penstock.core.pipeline import read_pipeline
from penstock.core.settings import Settings
from tests.patience import until

REPOSITORY = Path(__file__).resolve().parents[3]
StandIn = Callable[[str], Path]

REFUSED = ErrorData("GateRefused", "sessions: 3 keys twice", where="x.yaml:3", value="7", fix="look")
FAILS = f"print({json.dumps(as_object(REFUSED))!r}); sys.exit('judging\\nError: sessions: …')"
STOPPED = StoppedFromOutside(ErrorData("StoppedFromOutside", "stopped from outside"))


class TaskInstance:
    """What Airflow hands to a task and to its callback, as far as we use it."""

    dag_id, run_id, log_url = "customer_events", "manual__1", "http://127.0.0.1:8080/log"

    def __init__(self, task_id: str, states: dict[str, str | None]) -> None:
        self.task_id = task_id
        self.states = states
        self.kept: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.kept[key] = value

    def get_task_states(
        self, *, dag_id: str, task_ids: list[str], run_ids: list[str]
    ) -> dict[str, dict[str, str | None]]:
        assert (dag_id, run_ids) == (self.dag_id, [self.run_id])
        return {self.run_id: {task: self.states[task] for task in task_ids if task in self.states}}

    def xcom_pull(self, *, task_ids: str) -> Any:
        return [{"stream": "customer_events", "landed": 7}] if task_ids == "ingest" else None


@pytest.fixture
def dag(settings: Settings) -> DAG:
    return build_dag(read_pipeline(settings.pipeline_file("customer_events")))


@pytest.fixture
def context() -> dict[str, Any]:
    ti = TaskInstance("x", {})
    return {"run_id": "manual__1", "outlet_events": OutletEventAccessors(), "ti": ti}


def calls(file: Path) -> list[list[str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_task_runs_its_command_and_keeps_the_result(
    dag: DAG, context: dict[str, Any], penstock_stand_in: StandIn
) -> None:
    file = penstock_stand_in(
        "names = ['PENSTOCK_RUN_ID', 'PENSTOCK_PROJECT', 'PENSTOCK_DATA']\n"
        "env = {name: os.environ[name] for name in names}\n"
        "print(json.dumps({'landed': 3, 'reasons': [{'field': 'price'}], 'cwd': os.getcwd(), **env}))"
    )
    (result,) = dag.get_task("ingest").execute(context)
    assert calls(file) == [["ingest", "drain", "customer_events", "-o", "json"]]
    assert context["ti"].kept == {}
    data = str(Settings.from_env().data)
    # the reasons' details stay out of Airflow's database
    assert result == {
        "landed": 3, "cwd": str(REPOSITORY), "PENSTOCK_RUN_ID": "manual__1",
        "PENSTOCK_PROJECT": str(REPOSITORY), "PENSTOCK_DATA": data,
    }  # fmt: skip


def test_a_failed_command_fails_the_task_with_its_own_error(
    dag: DAG, context: dict[str, Any], penstock_stand_in: StandIn
) -> None:
    penstock_stand_in(FAILS)
    with pytest.raises(StageFailed) as caught:
        dag.get_task("validate").execute(context)
    assert caught.value.data == REFUSED
    assert str(caught.value) == "sessions: 3 keys twice\n  Fix: look"  # what Airflow's log shows
    assert context["ti"].kept == {"error": as_object(REFUSED)}  # what run-local reads


def test_an_error_that_airflow_does_not_keep_is_still_the_tasks_error(
    dag: DAG, context: dict[str, Any], penstock_stand_in: StandIn
) -> None:
    del context["ti"].kept  # the server is away
    penstock_stand_in(FAILS)
    with pytest.raises(StageFailed, match="3 keys twice"):
        dag.get_task("validate").execute(context)


def test_a_task_that_was_stopped_keeps_nothing_for_the_next_try_to_find(
    dag: DAG, context: dict[str, Any], penstock_stand_in: StandIn
) -> None:
    penstock_stand_in("print('begun', file=sys.stderr, flush=True); time.sleep(999)")
    task = dag.get_task("transform")

    def stop() -> None:
        until(lambda: task._child is not None)
        task.on_kill()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(StoppedFromOutside):
        task.execute(context)
    stopper.join()
    assert context["ti"].kept == {}


def test_what_a_task_failed_with_can_go_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(StageFailed(REFUSED))).data == REFUSED


def test_a_command_that_prints_no_result_fails_the_task(
    dag: DAG, context: dict[str, Any], penstock_stand_in: StandIn
) -> None:
    penstock_stand_in("print('done')")
    with pytest.raises(AirflowException, match="penstock transform customer_events -o json: not one JSON"):
        dag.get_task("transform").execute(context)


def test_the_first_stream_that_fails_ends_the_task(
    context: dict[str, Any], settings: Settings, tmp_path: Path, penstock_stand_in: StandIn
) -> None:
    file = penstock_stand_in("sys.exit('no broker') if words[2] == 'b' else print('{}')")
    yaml = tmp_path / "three.yaml"
    yaml.write_text("name: three\ndescription: x\nowner: x\nstreams: [a, b, c]\n")
    with pytest.raises(AirflowException, match=r"exit code 1: no broker$"):
        build_dag(read_pipeline(yaml)).get_task("ingest").execute(context)
    assert [words[2] for words in calls(file)] == ["a", "b"]


def test_only_marts_that_changed_are_events(
    dag: DAG, context: dict[str, Any], penstock_stand_in: StandIn
) -> None:
    result = {"pipeline": "customer_events", "action": "publish", "version": 4,
              "changed_marts": ["sessions"], "marts": {"sessions": 70, "customers": 9}}  # fmt: skip
    penstock_stand_in(f"print({json.dumps(result)!r})")
    dag.get_task("publish").execute(context)
    events = context["outlet_events"][AssetAlias("penstock://local/customer_events")].asset_alias_events
    assert [(event.dest_asset_key.uri, event.extra) for event in events] == [
        ("penstock://local/customer_events/sessions", {"version": 4, "rows": 70})
    ]


STATES: dict[str, str | None] = dict.fromkeys(["ingest", "transform", "validate", "publish"], "success")


def report(dag: DAG, states: dict[str, str | None]) -> None:
    dag.get_task("report").execute({"run_id": "manual__1", "ti": TaskInstance("report", states)})


def test_the_report_tells_how_every_stage_ended(
    dag: DAG, penstock_stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    file = penstock_stand_in("print('{}')")
    report(dag, {**STATES, "validate": "failed", "publish": "upstream_failed"})
    assert calls(file) == [["monitor", "deliver", "-o", "json"]]
    told = capsys.readouterr().out
    assert "ingest    success         stream customer_events, landed 7" in told
    assert "validate  failed" in told
    assert "publish   upstream_failed" in told


def test_messages_that_cannot_be_sent_make_no_run_fail(
    dag: DAG, penstock_stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    penstock_stand_in(FAILS)
    report(dag, STATES)
    assert "penstock monitor deliver: sessions: 3 keys twice\n  Fix: look" in capsys.readouterr().out


def test_a_run_that_a_person_ended_is_no_success(dag: DAG, penstock_stand_in: StandIn) -> None:
    penstock_stand_in("print('{}')")
    with pytest.raises(AirflowFailException, match="ended before validate ran"):
        report(dag, {**STATES, "validate": "skipped", "publish": "skipped"})


def test_an_alert_only_starts_the_monitor(settings: Settings, penstock_stand_in: StandIn) -> None:
    file = penstock_stand_in("print(os.getsid(0), os.getpid(), flush=True); time.sleep(999)")
    context = {
        "ti": TaskInstance("validate", {}),
        "exception": StageFailed(REFUSED),
    }
    reports_failure(settings.project)(context)
    log = settings.data / "logs" / "monitor.log"
    until(lambda: log.exists() and log.read_text().endswith("\n"))
    session, pid = map(int, log.read_text().split())
    assert session == pid  # of its own: it outlives the task
    monitor = psutil.Process(pid)
    assert monitor.status() != psutil.STATUS_ZOMBIE, "the alert waited for it"
    monitor.kill()
    assert calls(file) == [
        ["monitor", "failure", "customer_events", "--stage", "validate",
         "--run-id", "manual__1", "--log-url", "http://127.0.0.1:8080/log",
         "--error", json.dumps(as_object(REFUSED))]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "for_good", "with_tries_left"),
    [("failed", 1, 1), ("running", 1, 0), ("success", 0, 0), (None, 0, 0), ("restarting", 0, 0)],
)
def test_a_task_that_was_stopped_is_an_alarm_only_where_it_counts_as_failed(
    state: str | None, for_good: int, with_tries_left: int, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told: list[ErrorData] = []
    monkeypatch.setattr(
        "penstock.airflow.alert.start_monitor", lambda *_, **words: told.append(words["error"])
    )
    ti = TaskInstance("transform", {"transform": state})
    context = {"ti": ti, "exception": STOPPED}
    reports_failure(settings.project)(context)
    assert told == [STOPPED.data] * for_good
    told.clear()
    reports_marked_as_failed(settings.project)(context)
    assert told == [STOPPED.data] * with_tries_left


def test_a_command_that_failed_and_is_tried_again_is_no_alarm_yet(
    settings: Settings, penstock_stand_in: StandIn
) -> None:
    file = penstock_stand_in("")
    ti = TaskInstance("ingest", {"ingest": "up_for_retry"})
    reports_marked_as_failed(settings.project)({"ti": ti, "exception": AirflowException("no broker")})
    assert not file.exists()


@pytest.mark.parametrize(
    ("exception", "message", "fix"),
    [
        (StageFailed(REFUSED), "sessions: 3 keys twice", "look"),
        (AirflowTaskTimeout("Timeout, PID: 7"), "AirflowTaskTimeout: Timeout, PID: 7", None),
        (AirflowException("the server\nis away"), "AirflowException: the server", None),
        (KeyError("x"), "KeyError: 'x'", None),
        (SettingError("PENSTOCK_ENV is 'a b'", fix="use letters"), "PENSTOCK_ENV is 'a b'", "use letters"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "/x: Read-only file system",
         "it lies on a file system that is mounted read-only: choose another place"),
        ("killed", "killed", None),
        (None, "ended without saying why (its worker was lost, or ended it from outside)", None),
    ],
)  # fmt: skip
def test_an_alert_says_what_is_known(
    exception: BaseException | str | None, message: str, fix: str | None
) -> None:
    data = what_failed(exception)
    assert (data.message, data.fix) == (message, fix)


@pytest.mark.parametrize("text", ["x" * 100_000, "\U0001f600" * 100_000, "a\x00b", "\ud800"])
def test_an_alert_starts_whatever_the_error_says(
    text: str, settings: Settings, penstock_stand_in: StandIn
) -> None:
    """A word of a command line has its limits."""
    file = penstock_stand_in("")
    error = ErrorData("GateRefused", text, where=text, value=text, fix=text)
    reports_failure(settings.project)({"ti": TaskInstance("validate", {}), "exception": StageFailed(error)})
    until(lambda: file.exists() and file.read_text().endswith("\n"))
    said = error_printed(calls(file)[0][-1])
    assert said is not None
    assert {said.message, said.where, said.value, said.fix} == {text[:2500]}


def test_a_relative_data_folder_stays_where_airflow_sees_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENSTOCK_DATA", "somewhere")
    env = penstock_environment(Path("/project"), run_id="r")
    assert env["PENSTOCK_DATA"] == str(tmp_path / "somewhere")
    monkeypatch.delenv("PENSTOCK_DATA")
    assert penstock_environment(Path("/project"), run_id="r")["PENSTOCK_DATA"] == "/project/data"
