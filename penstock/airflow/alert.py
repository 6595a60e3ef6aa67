"""When a task has failed for good: start `penstock monitor failure …`, and do no more.

Airflow gives a callback about 10 s, and may run it where nothing else of ours runs (in the DAG processor,
when a worker was lost). So the command runs by itself, in its own session.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from penstock.airflow.stage import StageFailed, StoppedFromOutside, penstock_command, penstock_environment
from penstock.core.disk import refusal
from penstock.core.error_data import ErrorData, as_object, error_data

# Characters of each part; the monitor shows no more. As JSON a character has up to 12 bytes, and the system
# takes 128 KiB in one word of a command line.
_LONGEST = 2500
_NO_WORD = ErrorData(
    "NothingKnown", "ended without saying why (its worker was lost, or ended it from outside)"
)


def reports_failure(project: Path) -> Callable[[Any], None]:
    """An `on_failure_callback` for the tasks of the pipelines of `project`: a task has failed for good.

    One that was stopped from outside counts only where it is not marked as a success, or cleared.
    """

    def tell_failure(context: Any) -> None:
        if not _was_stopped(context) or _state(context["ti"]) in {"running", "failed"}:
            _report(project, context)

    return tell_failure


def reports_marked_as_failed(project: Path) -> Callable[[Any], None]:
    """An `on_retry_callback`: Airflow calls that one where a task was marked as failed with tries left."""

    def tell_marked_as_failed(context: Any) -> None:
        if _was_stopped(context) and _state(context["ti"]) == "failed":
            _report(project, context)

    return tell_marked_as_failed


def _report(project: Path, context: Any) -> None:
    ti = context["ti"]
    start_monitor(
        project, pipeline=ti.dag_id, stage=ti.task_id, run_id=ti.run_id,
        log_url=getattr(ti, "log_url", None) or "", error=what_failed(context.get("exception")),
    )  # fmt: skip


def _was_stopped(context: Any) -> bool:
    return isinstance(context.get("exception"), StoppedFromOutside)


def _state(ti: Any) -> str | None:
    """The state that Airflow's database holds: a person may have set it while the task ran."""
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    state: str | None = states.get(ti.run_id, {}).get(ti.task_id)
    return state


def start_monitor(
    project: Path, *, pipeline: str, stage: str, run_id: str, log_url: str, error: ErrorData
) -> int:
    """Start the monitor; return its process id. What it says goes to `<data>/logs/monitor.log`."""
    env = penstock_environment(project, run_id=run_id)
    log = Path(env["PENSTOCK_DATA"]) / "logs" / "monitor.log"
    words = [
        "monitor", "failure", pipeline, "--stage", stage, "--run-id", run_id,
        "--log-url", log_url, "--error", _as_word(error),
    ]  # fmt: skip
    with _appended(log) as output:
        process = subprocess.Popen(
            penstock_command(words), env=env, cwd=project, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    return process.pid


@contextmanager
def _appended(log: Path) -> Iterator[IO[bytes] | None]:
    """The log; where the disk refuses it None, which is this process's own output: a person must hear."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        output = log.open("ab")
    except OSError:
        yield None
        return
    with output:
        yield output


def what_failed(exception: BaseException | str | None) -> ErrorData:
    """What is known of a failure: the command's own error, or as much as Airflow's exception says. There is
    none where a worker was lost."""
    if isinstance(exception, StageFailed):
        return exception.data
    if isinstance(exception, BaseException):  # a timeout; a server that is away; a bug in this task
        return error_data(refusal(exception, None) or exception)
    return ErrorData("NothingKnown", exception) if exception else _NO_WORD


def _as_word(error: ErrorData) -> str:
    """As one word of a command line: short enough, and whatever is in it only ASCII without a NUL."""
    cut = {name: text[:_LONGEST] for name, text in asdict(error).items() if text is not None}
    return json.dumps(as_object(ErrorData(**cut)))
