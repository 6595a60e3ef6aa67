"""An Airflow that tests may kill, over a project and a stream of its own.

It is started as run-local starts it. The project differs in this: its topic is its own, it has no schedule,
and a task that failed is tried again after a second.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from penstock.local.airflow_up import start_airflow
from penstock.local.services import Services, free_port
from penstock.monitor.slack_stand_in import SlackStandIn
from tests.faults.fault_stream import FaultStream, declare_stream
from tests.faults.marts_by_hand import PIPELINE
from tests.faults.witness import Witness
from tests.patience import PATIENCE, PATIENCE_FOR_A_RUN, is_gone, until
from tests.services_of_this_run import services_of_this_run

TASKS = ("ingest", "transform", "validate", "publish", "report")
GREEN = dict.fromkeys(TASKS, "success")
_OURS = ("PENSTOCK_", "KAFKA_", "SLACK_", "AIRFLOW_")
_SCHEDULER = "airflow-scheduler"
_LOADER = """
from datetime import timedelta

for task in dag.tasks:
    task.retry_delay = timedelta(seconds=1)
"""


@dataclass
class Airflow:
    """Airflow as run-local starts it; a second `start` brings back what has died of it."""

    stream: FaultStream
    services: Services
    slack: SlackStandIn
    port: int = field(default_factory=free_port)
    sent: int = 0
    runs: list[str] = field(default_factory=list)  # that have ended green, oldest first

    def start(self) -> None:
        with pytest.MonkeyPatch.context() as environment:
            for name in [name for name in os.environ if name.startswith(_OURS)]:
                environment.delenv(name)
            environment.setenv("SLACK_WEBHOOK_URL", self.slack.webhook_url)
            self.api = start_airflow(self.stream.settings, self.services, self.port, hold=[PIPELINE])
        self.api.wait_until_dag_is_seen(PIPELINE, seconds=PATIENCE)
        self.api.unpause(PIPELINE)

    def send(self, count: int) -> range:
        """Produce so many more numbered events; returns all numbers so far."""
        self.stream.produce_numbers(range(self.sent, self.sent + count))
        self.sent += count
        return range(self.sent)

    def trigger(self) -> str:
        run_id = f"manual__{uuid.uuid4().hex[:8]}"
        self.api.trigger(PIPELINE, run_id)
        return run_id

    def states(self, run_id: str) -> dict[str, str | None]:
        return {task: state.state for task, state in self.api.task_states(PIPELINE, run_id).items()}

    def tries(self, run_id: str, task: str) -> int:
        return self.api.task_states(PIPELINE, run_id)[task].try_number

    def assert_ends_green(self, run_id: str) -> None:
        state = self.api.wait_until_run_ends(PIPELINE, run_id, seconds=PATIENCE_FOR_A_RUN)
        assert (state, self.states(run_id)) == ("success", GREEN), self.logs(run_id)
        self.runs.append(run_id)

    def logs(self, run_id: str) -> str:
        """Every task's last log, for the message of an assertion that fails."""
        tasks = self.api.task_states(PIPELINE, run_id).items()
        return "\n".join(
            f"=== {task} {state.state}\n{self.api.task_log(PIPELINE, run_id, task, state.try_number)}"
            for task, state in tasks
            if state.state in ("failed", "success")
        )

    def by_hand(self, *words: str) -> tuple[int, str]:
        """Run `penstock <words>` as a person would beside Airflow; its exit code and what it said."""
        settings = self.stream.settings
        named = {"PENSTOCK_PROJECT": str(settings.project), "PENSTOCK_DATA": str(settings.data)}
        named |= {"SLACK_WEBHOOK_URL": self.slack.webhook_url, "PENSTOCK_RUN_ID": "by-hand"}
        done = subprocess.run(
            [sys.executable, "-m", "penstock", *words],
            env=os.environ | named, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def scheduler(self) -> psutil.Process:
        service = self.services.running(_SCHEDULER)
        assert service is not None
        return psutil.Process(service.pid)


def task_of(command: psutil.Process) -> psutil.Process:
    """The process of Airflow's task that has started this command of ours (through the launcher)."""
    parent = command.parent()
    while parent is not None and not _is_launcher(parent):
        parent = parent.parent()
    assert parent is not None
    task = parent.parent()
    assert task is not None
    return task


def kill(process: psutil.Process) -> None:
    """End it with signal 9, and see that it is gone."""
    process.send_signal(signal.SIGKILL)
    gone(process)


def gone(process: psutil.Process) -> None:
    """Wait until the process is no more (or a zombie, which does nothing)."""
    until(lambda: is_gone(process), f"{process} still runs")


def _is_launcher(process: psutil.Process) -> bool:
    return any(word.endswith("/penstock/airflow/launcher.py") for word in process.cmdline())


@contextmanager
def airflow_over_own_project(folder: Path, servers: str) -> Iterator[Airflow]:
    """A running Airflow; ended, with all that came from it, at the end of the block."""
    stream = declare_stream(folder / "project", folder / "data", servers, Witness(0, ""))
    dag = stream.settings.pipeline_file(PIPELINE)
    declared = dag.read_text()
    schedule, retries = 'schedule: "@hourly"\n', "retries: 1\n"
    assert schedule in declared
    assert retries in declared
    dag.write_text(declared.replace(schedule, ""))  # no run but the tests'
    loader = dag.with_suffix(".py")
    loader.write_text(loader.read_text() + _LOADER)
    with SlackStandIn() as slack, services_of_this_run(stream.settings) as services:
        airflow = Airflow(stream, services, slack)
        airflow.start()
        yield airflow


def for_test(airflow: Airflow, witness: Witness) -> Airflow:
    """The same Airflow at rest, its stream's account in this test's line."""
    for run_id in airflow.api.active_runs(PIPELINE):  # a test that failed may have left one
        airflow.api.wait_until_run_ends(PIPELINE, run_id, seconds=PATIENCE_FOR_A_RUN)
    airflow.stream = replace(airflow.stream, witness=witness)
    return airflow
