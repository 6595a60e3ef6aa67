"""Airflow's scheduler and tasks are killed, runs come at once, a past run is cleared, Slack does not answer.

One Airflow for all tests here. Each sends events of its own, and counts all that were sent so far.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psutil
import pytest
import yaml

from penstock.core.settings import Settings
from penstock.publish.ledger import Publication, read_ledger
from tests.faults.marts_by_hand import PIPELINE, read_marts
from tests.faults.own_airflow import Airflow, airflow_over_own_project, for_test, gone, kill, task_of
from tests.faults.own_broker import Broker
from tests.faults.test_slack_fails import REPEAT
from tests.faults.witness import Witness
from tests.faults.writers import Writers
from tests.patience import PATIENCE, PATIENCE_FOR_A_RUN, until

pytestmark = pytest.mark.slow
STAGES = ("ingest", "transform", "validate", "publish")
WAREHOUSE = f"warehouse/{PIPELINE}"


@pytest.fixture(scope="module")
def own_airflow(session_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    session_broker.proxy.heal()
    session_broker.start()
    with airflow_over_own_project(tmp_path_factory.mktemp("airflow"), session_broker.servers) as airflow:
        yield airflow


@pytest.fixture
def airflow(
    own_airflow: Airflow,
    own_broker: Broker,
    settings: Settings,
    witness: Witness,
    monkeypatch: pytest.MonkeyPatch,
) -> Airflow:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", own_broker.servers)
    return for_test(own_airflow, witness)


def served(airflow: Airflow) -> list[Publication]:
    """The ledger in the file that readers get now."""
    return read_ledger(airflow.stream.settings.marts_link(PIPELINE))


def assert_result_of_one_run(airflow: Airflow, numbers: range) -> None:
    """Every event of `numbers` landed once, and is in the served marts once."""
    airflow.stream.assert_each_once(numbers)
    with duckdb.connect(airflow.stream.settings.marts_link(PIPELINE), read_only=True) as connection:
        (events,) = connection.execute("SELECT sum(events) FROM sessions").fetchall()[0]
    assert events == len(airflow.stream.event_ids())
    airflow.stream.witness.counted(f"the served sessions hold {events:,} events")


def hanging_build(airflow: Airflow, writers: Writers, run: str) -> tuple[psutil.Process, psutil.Process]:
    """The run's transform and its dbt, stopped while it has the warehouse open: it ends only if ended."""
    transform = writers.wait_for("transform", run).process
    warehouse = str(airflow.stream.settings.warehouse_file(PIPELINE))
    building: list[psutil.Process] = []

    def has_it_open(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):  # dbt's own children come and go
            return warehouse in [file.path for file in process.open_files() if file.mode == "r+"]
        return False

    def builds() -> bool:
        building[:] = filter(has_it_open, transform.children())
        return bool(building)

    until(builds, "no dbt of transform has the warehouse open")
    building[0].suspend()
    return transform, building[0]


@pytest.mark.fault(20, "the scheduler is killed while a build hangs, and started again")
def test_a_run_outlives_its_scheduler(airflow: Airflow, witness: Witness) -> None:
    numbers = airflow.send(400)
    with Writers(airflow.stream.settings.data) as writers:
        run = airflow.trigger()
        transform, dbt = hanging_build(airflow, writers, run)
        scheduler = airflow.scheduler()
        scheduler.send_signal(signal.SIGKILL)
        assert scheduler.wait(timeout=PATIENCE) == -signal.SIGKILL
        assert transform.is_running()
        witness.saw(f"the scheduler, PID {scheduler.pid}, died of signal 9; its task's build stayed")
        airflow.start()
        again = writers.wait_for("transform", run, number=2, writing=WAREHOUSE)
        gone(transform)
        gone(dbt)
        airflow.assert_ends_green(run)
    assert airflow.tries(run, "transform") == 2
    assert [one.process for one in writers.of("transform", run)] == [transform, again.process]
    witness.saw(writers.told())
    assert_result_of_one_run(airflow, numbers)


@pytest.mark.fault(
    20, "the process of a task is killed while its build hangs; its retry comes after a second"
)
def test_a_killed_task_is_tried_again_and_meets_nobody(airflow: Airflow, witness: Witness) -> None:
    numbers = airflow.send(300)
    with Writers(airflow.stream.settings.data) as writers:
        run = airflow.trigger()
        transform, dbt = hanging_build(airflow, writers, run)
        task = task_of(transform)
        kill(task)
        witness.saw(f"the process of transform's task, PID {task.pid}, died of signal 9 while dbt wrote")
        writers.wait_for("transform", run, number=2, writing=WAREHOUSE)
        gone(dbt)
        publish = writers.wait_for("publish", run)
        kill(publish.process)
        airflow.assert_ends_green(run)
    assert "ended by SIGKILL" in airflow.api.task_log(PIPELINE, run, "publish", 1)
    witness.saw("then publish itself: its task's log says SIGKILL")
    assert (airflow.tries(run, "transform"), airflow.tries(run, "publish")) == (2, 2)
    witness.saw(writers.told())
    assert_result_of_one_run(airflow, numbers)


@pytest.mark.fault(20, "two runs triggered at once, and a stage started by hand beside them")
def test_runs_at_once_take_turns(airflow: Airflow, witness: Witness) -> None:
    numbers = airflow.send(300)
    with Writers(airflow.stream.settings.data) as writers:
        first, second = airflow.trigger(), airflow.trigger()
        writers.wait_for("transform", first, writing=WAREHOUSE)
        code, said = airflow.by_hand("publish", PIPELINE)  # waits for the build, which nobody has judged
        assert code == 0 or "verdict" in said or "held by transform" in said, said
        airflow.assert_ends_green(first)
        airflow.assert_ends_green(second)
    (by_hand,) = writers.of("publish", "by-hand")
    (transform,) = writers.of("transform", first)
    assert by_hand.first < transform.last
    last = max(one.last for stage in STAGES for one in writers.of(stage, first))
    assert last < min(one.first for stage in STAGES for one in writers.of(stage, second))
    witness.saw("publish began by hand while the first run built; the second began after the first's end")
    witness.saw(writers.told())
    assert_result_of_one_run(airflow, numbers)


@pytest.mark.fault(20, "a past run is cleared")
def test_a_past_run_runs_again_and_changes_nothing(airflow: Airflow, witness: Witness) -> None:
    numbers = airflow.send(0 if airflow.sent else 1000)
    while len(airflow.runs) < 2:
        airflow.assert_ends_green(airflow.trigger())
    past = airflow.runs[0]
    marts, ledger = read_marts(airflow.stream.settings), served(airflow)
    with Writers(airflow.stream.settings.data) as writers:
        airflow.api.clear_run(PIPELINE, past)
        writers.wait_for("ingest", past)
        airflow.assert_ends_green(past)
    assert {airflow.tries(past, stage) > 1 for stage in STAGES} == {True}
    witness.saw(f"all stages of {past} ran again, {len(airflow.runs) - 2} runs after it")
    witness.saw(writers.told())
    after = served(airflow)
    assert after[: len(ledger)] == ledger
    assert [(one.run_id, one.version) for one in after[len(ledger) :]] == [(past, ledger[-1].version)]
    assert read_marts(airflow.stream.settings) == marts
    witness.counted(f"{len(ledger)} publications kept, version {ledger[-1].version} as before")
    assert_result_of_one_run(airflow, numbers)
    airflow.stream.assert_served_undisturbed(numbers)


@pytest.fixture
def impossible_check(airflow: Airflow) -> Iterator[Path]:
    """The gate refuses whatever `sessions` holds, until the test ends."""
    file = airflow.stream.settings.suites_dir(PIPELINE) / "sessions.yaml"
    before = file.read_text()
    suite = yaml.safe_load(before)
    suite["expectations"].append(
        {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 987654321}, "severity": "critical"}
    )
    file.write_text(yaml.safe_dump(suite, sort_keys=False))
    yield file
    file.write_text(before)


@pytest.mark.fault(19, "a run fails in Airflow while Slack answers nothing")
def test_a_run_that_fails_ends_as_ever_though_slack_does_not_answer(
    airflow: Airflow, impossible_check: Path, witness: Witness
) -> None:
    numbers = airflow.send(0 if airflow.sent else 100)
    airflow.slack.hold()
    run = airflow.trigger()
    assert airflow.api.wait_until_run_ends(PIPELINE, run, seconds=PATIENCE_FOR_A_RUN) == "failed"
    assert airflow.states(run) == {
        "ingest": "success", "transform": "success", "validate": "failed", "publish": "upstream_failed",
        "report": "success",
    }, airflow.logs(run)  # fmt: skip
    held = [text for text in airflow.slack.texts if run in text]
    assert held
    witness.saw(f"{len(held)} requests reached Slack, and none had an answer when the run ended")
    airflow.slack.release()
    code, said = airflow.by_hand("monitor", "deliver")
    assert (code, said.split(", ")[-1]) == (0, "0 pending\n")
    first, *repeats = [text for text in airflow.slack.texts if run in text]
    assert repeats == [f"{REPEAT}{first}"] * len(repeats)
    witness.counted(f"the run failed as it should; its message came, with {len(repeats)} marked repeats")
    airflow.stream.assert_each_once(numbers)
