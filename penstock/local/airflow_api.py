"""Airflow's REST API, as much of it as run-local and the tests need. Loopback only: it logs in nowhere."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from penstock.core.errors import PenstockError

_PAUSE = 0.5  # seconds between two looks: each takes the server some 50 ms of processor time
_TIMEOUT = 30.0  # seconds for one request; the server shares two cores with everything else
ENDED = frozenset({"success", "failed"})  # states of a run that has ended

# Loopback needs no proxy, whatever the environment says.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True)
class TaskState:
    """Where a task of a run is: Airflow's state (None: not yet scheduled) and number of tries."""

    state: str | None
    try_number: int


class AirflowApi:
    """A local Airflow. Every method raises PenstockError where Airflow cannot be reached or refuses."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    # Is it there?

    def is_up(self) -> bool:
        """Whether the API server answers."""
        try:
            self._get("/monitor/health")
        except PenstockError:
            return False
        return True

    def is_healthy(self) -> bool:
        """Whether API server, database, scheduler and DAG processor all say so."""
        try:
            health = self._get("/monitor/health")
        except PenstockError:
            return False
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    # DAGs.

    def wait_until_dag_is_seen(self, dag_id: str, *, newer_than: float = 0.0, seconds: float = 60.0) -> None:
        """Wait until the DAG has been parsed after `newer_than` (seconds since 1970).

        Raises PenstockError with Airflow's import error where its file cannot be loaded.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self._was_parsed(dag_id, newer_than):
                return
            broken = self.import_errors(newer_than=newer_than)
            for file, text in broken.items():
                if file.rsplit("/", 1)[-1].removesuffix(".py") == dag_id:
                    raise PenstockError(f"Airflow cannot load the DAG {dag_id}: {_last_lines(text)}")
            if time.monotonic() > deadline:
                raise PenstockError(f"Airflow did not show the DAG {dag_id} within {seconds:g} s")
            time.sleep(_PAUSE)

    def import_errors(self, *, newer_than: float = 0.0) -> dict[str, str]:
        """File (relative to the DAGs' folder) → text, of every DAG file that cannot be loaded."""
        errors = self._get("/importErrors?limit=100")["import_errors"]
        return {
            error["filename"]: error["stack_trace"]
            for error in errors
            if _time(error["timestamp"]).timestamp() >= newer_than
        }

    def is_paused(self, dag_id: str) -> bool:
        """Whether nothing of the DAG starts. One that Airflow has not yet seen was paused by nobody."""
        try:
            return bool(self._get(f"/dags/{dag_id}")["is_paused"])
        except _NotFoundError:
            return False

    def pause(self, dag_id: str) -> None:
        """From now on nothing of the DAG starts: no run by schedule, no task of a run."""
        self._set_paused(dag_id, paused=True)

    def pause_if_known(self, dag_id: str) -> None:
        """`pause`; a DAG that Airflow has not yet seen starts paused anyway."""
        with contextlib.suppress(_NotFoundError):
            self.pause(dag_id)

    def unpause(self, dag_id: str) -> None:
        """The DAG goes on: what was triggered meanwhile, then by its schedule."""
        self._set_paused(dag_id, paused=False)

    # Runs.

    def trigger(self, dag_id: str, run_id: str) -> None:
        """Queue a run. Where a scheduled run is overdue (Airflow was down), this run takes its place: the
        scheduler finds its hour taken, and starts no second run beside this one."""
        overdue = self._overdue_hour(dag_id)
        body = {"dag_run_id": run_id, "logical_date": overdue}
        self._request("POST", f"/dags/{dag_id}/dagRuns", body)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """`queued`, `running`, `success` or `failed`."""
        state: str = self._get(_run(dag_id, run_id))["state"]
        return state

    def active_runs(self, dag_id: str) -> list[str]:
        """Ids of the runs that are queued or running, oldest first."""
        query = urlencode([("state", "queued"), ("state", "running"), ("order_by", "run_after")])
        return [run["dag_run_id"] for run in self._get(f"/dags/{dag_id}/dagRuns?{query}")["dag_runs"]]

    def task_states(self, dag_id: str, run_id: str) -> dict[str, TaskState]:
        """Task id → state, of every task of the run."""
        tasks = self._get(f"{_run(dag_id, run_id)}/taskInstances")["task_instances"]
        return {task["task_id"]: TaskState(task["state"], task["try_number"]) for task in tasks}

    def wait_until_run_ends(
        self, dag_id: str, run_id: str, *, seconds: float,
        on_change: Callable[[dict[str, TaskState]], None] = lambda _: None,
    ) -> str:  # fmt: skip
        """Wait until the run ends and return its state; `on_change` hears of every change of its tasks."""
        deadline = time.monotonic() + seconds
        seen: dict[str, TaskState] = {}
        while True:
            # The run first: where it has ended, its tasks are reported as they ended.
            run_state = self.run_state(dag_id, run_id)
            if (tasks := self.task_states(dag_id, run_id)) != seen:
                seen = tasks
                on_change(tasks)
            if run_state in ENDED:
                return run_state
            if time.monotonic() > deadline:
                states = ", ".join(f"{task} {state.state}" for task, state in seen.items())
                raise PenstockError(f"{dag_id}, run {run_id}: not ended after {seconds:g} s ({states})")
            time.sleep(_PAUSE)

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        """The log of one try of a task, as text, one message a line."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/logs/{max(try_number, 1)}"
        content = self._get(f"{path}?full_content=true")["content"]
        return "\n".join(_log_line(line) for line in content)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
        """What a task of the run has kept under `key`; None where it kept nothing."""
        try:
            return self._get(f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}")["value"]
        except _NotFoundError:
            return None

    def task_url(self, dag_id: str, run_id: str, task_id: str) -> str:
        """The page in Airflow's UI with the log of a task."""
        return f"{self.run_url(dag_id, run_id)}/tasks/{task_id}"

    def run_url(self, dag_id: str, run_id: str) -> str:
        """The page in Airflow's UI of a run."""
        return f"{self.base_url}/dags/{dag_id}/runs/{quote(run_id, safe='')}"

    def clear_run(self, dag_id: str, run_id: str) -> None:
        """Run all tasks of the run again."""
        self._request("POST", f"{_run(dag_id, run_id)}/clear", {"dry_run": False})

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task `success` or `failed`, as a person does in the UI."""
        self._request("PATCH", f"{_run(dag_id, run_id)}/taskInstances/{task_id}", {"new_state": state})

    def clear_task(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Run one task of the run again; one that still runs is ended first."""
        body = {"dag_run_id": run_id, "task_ids": [task_id], "dry_run": False, "only_failed": False}
        self._request("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark a run `success` or `failed`, as a person does in the UI."""
        self._request("PATCH", _run(dag_id, run_id), {"state": state})

    def asset_events(self, dag_id: str) -> list[dict[str, Any]]:
        """The events that runs of the DAG emitted, oldest first: `uri`, `extra`, `source_run_id` and more."""
        query = urlencode({"source_dag_id": dag_id, "order_by": "timestamp", "limit": 100})
        events: list[dict[str, Any]] = self._get(f"/assets/events?{query}")["asset_events"]
        return events

    # How it is asked.

    def _was_parsed(self, dag_id: str, newer_than: float) -> bool:
        try:
            dag = self._get(f"/dags/{dag_id}")
        except _NotFoundError:
            return False
        parsed = dag.get("last_parsed_time")
        return bool(parsed) and not dag["is_stale"] and _time(parsed).timestamp() >= newer_than

    def _overdue_hour(self, dag_id: str) -> str | None:
        dag = self._get(f"/dags/{dag_id}")
        due = dag.get("next_dagrun_run_after")
        if due is None or _time(due) > datetime.now(UTC):
            return None
        hour: str | None = dag.get("next_dagrun_logical_date")
        return hour

    def _set_paused(self, dag_id: str, *, paused: bool) -> None:
        self._request("PATCH", f"/dags/{dag_id}?update_mask=is_paused", {"is_paused": paused})

    def _get(self, path: str) -> Any:
        return self._request("GET", path, None)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        url = f"{self.base_url}/api/v2{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 # ours, http only
        try:
            with _open(request, timeout=_TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as exc:
            kind = _NotFoundError if exc.code == 404 else PenstockError
            said = exc.read().decode("utf-8", "replace")[:300]
            raise kind(f"Airflow refused {method} {url}: {exc.code} {said}") from exc
        except (OSError, ValueError) as exc:
            raise PenstockError(f"Airflow at {self.base_url} does not answer: {exc}") from exc


class _NotFoundError(PenstockError):
    """Airflow does not know the thing that was asked for."""


def _log_line(line: Any) -> str:
    """A message of a task's log, with the exception that belongs to it."""
    if isinstance(line, str):
        return line
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or []]
    return "\n".join([str(line.get("event", "")), *errors])


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _last_lines(text: str) -> str:
    """The exception at the end of a traceback."""
    lines = text.strip().splitlines()
    start = max((i for i, line in enumerate(lines) if line and not line.startswith(" ")), default=0)
    return "\n".join(lines[start:])
