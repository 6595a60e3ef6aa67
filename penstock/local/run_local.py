"""The whole chain on your machine, step by step: broker, events, Airflow, one run of the DAG, a summary.

What is running already is used again, and everything stays up afterwards: `make stop` ends it.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, replace
from pathlib import Path

import penstock
from penstock.core.command import default_run_id
from penstock.core.error_data import error_in
from penstock.core.errors import PenstockError
from penstock.core.part_file import write_whole
from penstock.core.pipeline import load_pipeline
from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.local.airflow_api import AirflowApi, TaskState
from penstock.local.airflow_up import release, start_airflow
from penstock.local.broker import create_topic, start_broker
from penstock.local.produce import Produced, produce
from penstock.local.rees46 import rees46_sample
from penstock.local.sample import Sample
from penstock.local.services import Services, refuse_taken_port
from penstock.local.steps import Step, Steps
from penstock.local.summary import Summary, summarise
from penstock.local.synthetic import synthetic_sample
from penstock.monitor.situation import what_bi_serves

PIPELINE = STREAM = "customer_events"
_RUN_ENDS_WITHIN = 1800.0  # seconds
_EVENTS = "events"  # of all runs; beside the seeds, which are numbers
_A_RUN_TOOK = 100_000  # the time of as many events, where they are not counted yet
_TASKS = ("ingest", "transform", "validate", "publish", "report")


@dataclass(frozen=True)
class Wishes:
    """What run-local was asked for: `events` (a file in the REES46 layout), else `count` synthetic events
    of `seed`; and the ports of what it starts."""

    events: Path | None
    count: int
    seed: int
    kafka_port: int
    airflow_port: int


def run_local(settings: Settings, wishes: Wishes, steps: Steps) -> tuple[Summary, AirflowApi]:
    """Do all six steps. Raises PenstockError at the first that fails; services stay up."""
    services = Services(settings)
    with steps.step("Environment") as step:
        topic = load_contract(settings, STREAM).topic
        load_pipeline(settings, PIPELINE)
        sample = None if wishes.events is None else rees46_sample(wishes.events)
        _refuse_taken_ports(settings, services, wishes)
        step.result = f"Penstock {penstock.__version__}, Python {platform.python_version()}"
    with steps.step("Broker") as step:
        step.show(0, "the first time, 43 MB of jars are fetched")
        bootstrap = start_broker(settings, services, wishes.kafka_port)
        create_topic(bootstrap, topic)
        settings = replace(settings, bootstrap_servers=bootstrap)
        step.result = f"Kafka at {bootstrap}"
    with steps.step("Events") as step:
        if sample is None:
            run, before = _next_run(settings, wishes)
            sample = synthetic_sample(wishes.count, wishes.seed, run, before=before)
        produced = _produce(bootstrap, topic, sample, step)
    run_id = default_run_id()
    try:
        with steps.step("Airflow") as step:
            airflow = start_airflow(settings, services, wishes.airflow_port, hold=[PIPELINE])
            declared = settings.pipeline_file(PIPELINE).stat().st_mtime
            airflow.wait_until_dag_is_seen(PIPELINE, newer_than=declared)
            step.result = airflow.base_url
        with steps.step(f"Run of the DAG {PIPELINE}") as step:
            airflow.trigger(PIPELINE, run_id)
            airflow.unpause(PIPELINE)
            _follow(settings, airflow, run_id, step)
    finally:
        if release(settings, wishes.airflow_port, PIPELINE):
            steps.say(f"the DAG {PIPELINE} is paused again: somebody had paused it before this run")
    with steps.step("Summary") as step:
        summary = summarise(
            settings, pipeline=PIPELINE, stream=STREAM, run_id=run_id, source=sample.source, produced=produced
        )
        step.result = "every event is accounted for"
    return summary, airflow


def _refuse_taken_ports(settings: Settings, services: Services, wishes: Wishes) -> None:
    """Now, not after minutes: a port that somebody else has."""
    ours = {service.port for service in services.all_running()}
    wanted = {"Airflow": wishes.airflow_port}
    if not settings.bootstrap_servers:
        wanted["Kafka"] = wishes.kafka_port
    for name, port in wanted.items():
        if port not in ours:
            refuse_taken_port(port, name)


def _produce(bootstrap: str, topic: str, sample: Sample, step: Step) -> Produced:
    produced = produce(
        bootstrap, topic, sample, lambda sent, share: step.show(share, f"{sent:,} events produced")
    )
    step.result = f"{produced.count:,} produced to the topic {topic}: {sample.source}"
    return produced


def _next_run(settings: Settings, wishes: Wishes) -> tuple[int, int]:
    """How many runs of this seed came before, in this data folder, and how many events of any seed. Counted
    before anything is sent: a run that fails halfway has used up its event ids."""
    if wishes.count == 0:
        return 0, 0
    file = settings.data / "local" / "synthetic_runs.json"
    try:
        runs: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        run = int(runs.get(str(wishes.seed), 0))
        before = int(runs.get(_EVENTS, _A_RUN_TOOK * sum(runs.values())))
    except (ValueError, TypeError, AttributeError) as exc:
        raise PenstockError(
            f"{file}: damaged: {exc}", fix="remove it, and name a SEED that was not used"
        ) from exc
    write_whole(file, json.dumps(runs | {str(wishes.seed): run + 1, _EVENTS: before + wishes.count}))
    return run, before


def _follow(settings: Settings, airflow: AirflowApi, run_id: str, step: Step) -> None:
    """Show task by task how the run goes. Raises PenstockError where it fails."""
    ended: set[str] = set()

    def on_change(tasks: dict[str, TaskState]) -> None:
        for task in _TASKS:
            state = tasks[task].state if task in tasks else None
            if state in ("success", "failed", "upstream_failed", "skipped") and task not in ended:
                ended.add(task)
                step.say(f"{'✓' if state == 'success' else '✗'} {task}: {state.replace('_', ' ')}")
        now = [
            f"{task} {tasks[task].state}"
            for task in _TASKS
            if task in tasks and tasks[task].state == "running"
        ]
        step.show(len(ended) / len(_TASKS), ", ".join(now) or "waiting for the scheduler")

    others = [run for run in airflow.active_runs(PIPELINE) if run != run_id]
    if others:
        step.say(f"waits for the run {others[0]}, which began before")
    state = airflow.wait_until_run_ends(PIPELINE, run_id, seconds=_RUN_ENDS_WITHIN, on_change=on_change)
    tasks = airflow.task_states(PIPELINE, run_id)
    if state != "success" or any(task.state != "success" for task in tasks.values()):
        raise what_failed(settings, airflow, run_id, tasks)
    step.result = f"success, {run_id}"


def what_failed(
    settings: Settings, airflow: AirflowApi, run_id: str, tasks: dict[str, TaskState]
) -> PenstockError:
    """The failing task, its error, where its log is, and what BI still serves."""
    failed = next((task for task in _TASKS if task in tasks and tasks[task].state == "failed"), None)
    served = what_bi_serves(settings, PIPELINE)
    if failed is None:
        return PenstockError(
            f"the run {run_id} failed", fix=f"see {airflow.run_url(PIPELINE, run_id)}\n  {served}"
        )
    log = f"its log: {airflow.task_url(PIPELINE, run_id, failed)}\n  {served}"
    error = error_in(airflow.xcom(PIPELINE, run_id, failed, "error"))
    if error is None:  # it was stopped, or its worker was lost
        return PenstockError(f"the task {failed} failed, and has not said why", fix=log)
    return PenstockError(
        f"the task {failed} failed: {error.message}", fix=f"{error.fix}\n  {log}" if error.fix else log,
        where=error.where, value=error.value,
    )  # fmt: skip
