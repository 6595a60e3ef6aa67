"""The tasks of a pipeline's DAG: each runs a stage's command in Penstock's own interpreter."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, AssetAlias, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from penstock.airflow.child import Child
from penstock.core.error_data import ErrorData, as_object
from penstock.core.settings import Settings

FULL_REFRESH = "full_refresh"  # the DAG's parameter
ERROR = "error"  # the XCom of a task that failed


class StageFailed(AirflowException):  # type: ignore[misc]
    """A command failed. `data` is its own error; Airflow's log shows it as text."""

    def __init__(self, data: ErrorData) -> None:
        super().__init__(data)
        self.data = data


class StoppedFromOutside(StageFailed):
    """The task was marked or cleared, or its worker was shut down: nothing that the command did."""


class PenstockOperator(BaseOperator):  # type: ignore[misc]
    """A task of the project that lies in `project`, with `commands` (words after `penstock`) to run."""

    ui_color = "#e8f1f2"

    def __init__(self, *, project: Path, commands: Sequence[Sequence[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._project = project
        self._commands = [list(words) for words in commands]
        self._child: Child | None = None

    def on_kill(self) -> None:
        """Called by Airflow when this task is marked, cleared, timed out or shut down."""
        if self._child is not None:
            self._child.stop()

    def _run(self, words: Sequence[str], context: Any) -> dict[str, Any]:
        """Run one command with `-o json`, its stderr in this task's log, and return its result. Raises
        StageFailed."""
        words = [*words, "-o", "json"]
        self.log.info("penstock %s", " ".join(words))
        self._child = Child(
            penstock_command(words),
            env=penstock_environment(self._project, run_id=context["run_id"]),
            cwd=self._project,
        )
        ended = self._child.follow(self.log.info)
        if ended.error is not None:
            raise (StoppedFromOutside if ended.stopped else StageFailed)(ended.error)
        return _result(words, ended.stdout)


class StageOperator(PenstockOperator):
    """Runs the commands in turn; the first that fails ends the task.

    Airflow keeps what they came to as the task's XComs: the results, one object each, as its return value;
    the error as `error`, in the form in which commands print it. run-local reads that.
    """

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """The commands' results."""
        return self._results(self._commands, context)

    def _results(self, commands: Sequence[Sequence[str]], context: Any) -> list[dict[str, Any]]:
        try:
            return [without_details(self._run(words, context)) for words in commands]
        except StoppedFromOutside:
            raise  # this task's next try may have begun: it would find a word of the one before
        except StageFailed as exc:
            self._keep(exc.data, context["ti"])
            raise

    def _keep(self, error: ErrorData, ti: Any) -> None:
        try:
            ti.xcom_push(key=ERROR, value=as_object(error))
        except Exception as exc:  # Airflow's server may be what is away; the error itself counts more
            self.log.warning("the error could not be kept as an XCom: %s", exc)


class TransformOperator(StageOperator):
    """`penstock transform`, in full where the run was triggered with the parameter `full_refresh`."""

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """A run by schedule has the parameter's default: false."""
        full = ["--full-refresh"] if (context.get("params") or {}).get(FULL_REFRESH) else []
        return self._results([[*words, *full] for words in self._commands], context)


class PublishOperator(StageOperator):
    """`penstock publish`; then an asset event for each mart that changed, and for no other."""

    def __init__(self, *, marts: AssetAlias, **kwargs: Any) -> None:
        super().__init__(outlets=[marts], **kwargs)
        self._marts = marts

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """Publish. The marts are known only now: an alias stands for them where DAGs are parsed."""
        results = super().execute(context)
        for result in results:
            for mart in result["changed_marts"]:
                uri = mart_uri(Settings.from_env().environment, result["pipeline"], mart)
                extra = {"version": result["version"], "rows": result["marts"][mart]}
                context["outlet_events"][self._marts].add(Asset(uri), extra=extra)
                self.log.info("%s changed: version %s, %s rows", uri, extra["version"], extra["rows"])
        return results


class ReportOperator(PenstockOperator):
    """Sends what is still in the outbox, then logs how every stage of the run ended.

    Fails only where a person has marked the running run as failed: Airflow then skips the stages that are
    left, and calls the run a success once its teardown has ended well or badly. Here at least it is logged.
    """

    def __init__(self, *, stages: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stages = list(stages)

    def execute(self, context: Any) -> None:
        """Messages that cannot be sent are logged; they make no run fail."""
        for words in self._commands:
            try:
                self._run(words, context)
            except StageFailed as exc:
                self.log.error("penstock %s: %s", " ".join(words), exc)
        ti = context["ti"]
        answer = ti.get_task_states(dag_id=ti.dag_id, task_ids=self._stages, run_ids=[ti.run_id])
        states = answer.get(ti.run_id, {})
        for line in self._summary(ti, states):
            self.log.info(line)
        skipped = [stage for stage in self._stages if states.get(stage) == "skipped"]
        if skipped:
            raise AirflowFailException(
                f"the run was marked as ended before {skipped[0]} ran: it is no success"
            )

    def _summary(self, ti: Any, states: dict[str, str | None]) -> list[str]:
        lines = [f"{ti.dag_id}, run {ti.run_id}:"]
        for stage in self._stages:
            state = states.get(stage) or "not run"
            results = ti.xcom_pull(task_ids=stage) if state == "success" else None
            shown = " | ".join(_one_line(result) for result in results or [])
            lines.append(f"  {stage:<9} {state:<15} {shown}".rstrip())
        return lines


def _result(words: Sequence[str], stdout: str) -> dict[str, Any]:
    """What a command that went well has printed: one JSON object."""
    try:
        result = json.loads(stdout)
    except ValueError:
        result = None
    if isinstance(result, dict):
        return result
    problem = f"penstock {' '.join(words)}: not one JSON object: {stdout[:200]!r}"
    raise StageFailed(ErrorData("NoResult", problem))


def penstock_command(words: Sequence[str]) -> list[str]:
    """`penstock <words>` for the interpreter that has it. -P: the current folder's modules stay out."""
    return [os.environ.get("PENSTOCK_PYTHON") or sys.executable, "-P", "-m", "penstock", *words]


def penstock_environment(project: Path, *, run_id: str) -> dict[str, str]:
    """This process's environment, with what names the project, its data and the run made explicit."""
    settings = Settings.from_env()
    data = settings.data if os.environ.get("PENSTOCK_DATA") else project / "data"
    return {
        **os.environ,
        "PENSTOCK_PROJECT": str(project),
        "PENSTOCK_DATA": str(data),
        "PENSTOCK_ENV": settings.environment,
        "PENSTOCK_RUN_ID": run_id,
        "PYTHONIOENCODING": "utf-8:backslashreplace",  # what its output is read as
        "PYTHONUNBUFFERED": "1",  # lines reach the log when they are written
    }


def mart_uri(environment: str, pipeline: str, mart: str) -> str:
    """The Airflow asset that a published mart is."""
    return f"penstock://{environment}/{pipeline}/{mart}"


def without_details(result: dict[str, Any]) -> dict[str, Any]:
    """What of a result is worth keeping in Airflow's database: no list of things that have details of their
    own (each problem of a verdict, each mart's columns). Those lie in Penstock's files."""
    return {
        key: value
        for key, value in result.items()
        if not (isinstance(value, list) and any(isinstance(item, dict | list) for item in value))
    }


def _one_line(result: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in result.items() if value not in (None, [], {}))


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_short(item)}" for key, item in value.items()) + ")"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
