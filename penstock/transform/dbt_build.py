"""Start dbt, wait for it, and say in one line what broke."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.core.build_record import NodeCounts
from penstock.core.errors import TransformError
from penstock.core.quarantine import Commits, runs_of
from penstock.core.settings import Settings
from penstock.transform.artifacts import Failure, node_counts, node_failures
from penstock.transform.dbt_messages import dbt_error
from penstock.transform.dbt_workspace import dbt_workspace

_HELD = "Could not set lock on file"
_FAILURE = re.compile(r"(\w+ Error in \w+ \S+ \(.+?\)\n(?: +.*\n|\s*\n)*)")
_NODE_LINE = re.compile(r"(?P<number>\d+) of \d+ (?P<what>[A-Z].*)$")


class FileWasHeld(TransformError):
    """dbt found a DuckDB file held by another process. Trying again may help."""


@dataclass(frozen=True)
class DbtBuild:
    """A finished `dbt build`: its counts, and the folder of its `manifest.json` and `run_results.json`."""

    target: Path
    counts: NodeCounts


def dbt_build(
    settings: Settings,
    pipeline: str,
    *,
    select: str | None,
    left_out: Commits,
    ready: Callable[[Path, list[str]], bool],
) -> DbtBuild:
    """Run one `dbt build` of the pipeline's project in a process that ends with this one, without the commits
    in `left_out`.

    When dbt has parsed the project, and before any node runs, `ready` is called with the folder of
    `manifest.json` and the unique ids of what will run. It returns whether to build in full, or raises what
    forbids the build.

    Raises FileWasHeld where a DuckDB file was held when dbt wanted it, TransformError for any other failure.
    """
    project, workspace = settings.dbt_project_dir(pipeline), dbt_workspace(settings, pipeline)
    output = settings.dbt_output_dir(pipeline)
    target = output / "target"
    for artifact in ("manifest.json", "run_results.json"):  # of an earlier build: must not speak for this one
        (target / artifact).unlink(missing_ok=True)
    words = [str(workspace), str(output / "logs"), str(target), *(select or "").split()]
    with _data_as_url(settings.data) as data:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock.transform.dbt_process", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(settings, data, left_out),
            encoding="utf-8",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:  # closes stdin, which ends it, and waits; also when this is interrupted
            answer = process.stdout.readline()
            parsed = json.loads(answer) if answer else {}
            if "selected" in parsed:
                more: list[str] | None = None
                try:
                    more = ["--full-refresh"] if ready(target, parsed["selected"]) else []
                finally:
                    process.stdin.write(json.dumps(more) + "\n")
                    process.stdin.flush()
                answer = process.stdout.readline()
            process.stdout.read()
            code = process.wait()
    _raise_failure(pipeline, answer.replace(_in_json(workspace), _in_json(project)), code, target, project)
    return DbtBuild(target, node_counts(target))


@contextmanager
def _data_as_url(data: Path) -> Iterator[Path]:
    """The data folder by a name that is the same path as a URL: dbt-duckdb reads the warehouse's path as
    one, and there a `#` ends it. Only then, the folder has another name for a while."""
    if "#" not in str(data):
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        link = Path(folder) / "data"
        link.symlink_to(data, target_is_directory=True)
        yield link


def _environment(settings: Settings, data: Path, left_out: Commits) -> dict[str, str]:
    """This process's environment, with our settings as they are here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return kept | {
        "PENSTOCK_PROJECT": str(settings.project),
        "PENSTOCK_DATA": str(data),
        "PENSTOCK_ENV": settings.environment,
        "PENSTOCK_COMPARED": "yes",  # what a build by hand is not: see the macro begin_build
        "PENSTOCK_QUARANTINED": json.dumps({stream: runs_of(of) for stream, of in left_out.items()}),
    }


def _in_json(path: Path) -> str:
    return json.dumps(str(path))[1:-1]


def _raise_failure(pipeline: str, answer: str, code: int, target: Path, project: Path) -> None:
    log = target.parent / "logs" / "dbt.log"
    correct = f"correct it and run again; dbt's log: {log}"
    if not answer:
        raise TransformError(
            f"pipeline {pipeline}: dbt {_end(code)}{_under_way(log)}", fix=_after_end(code, log)
        )
    result = json.loads(answer)
    if result["error"] is not None:
        error = dbt_error(result["error"], project)
        where = f"{error.where}: " if error.where else ""
        message = f"pipeline {pipeline}: dbt could not build: {where}{error.what}"
        if _HELD in result["error"]:
            raise FileWasHeld(message)
        raise TransformError(message, fix=correct, where=_in_project(project, error.place))
    if result["success"]:
        return
    failures, skipped = node_failures(target, project)
    if not failures:
        error = dbt_error(_failure_in(log), project)
        where = f"{error.where}: " if error.where else ""
        raise TransformError(
            f"pipeline {pipeline}: {where}{error.what}", fix=correct, where=_in_project(project, error.place)
        )
    held = next((failure for failure in failures if _HELD in failure.text), None)
    if held is not None:
        raise FileWasHeld(f"pipeline {pipeline}: {held.line}")
    raise TransformError(
        f"pipeline {pipeline}: {failures[0].line}{_others(failures[1:], skipped)}", fix=correct,
        where=_in_project(project, failures[0].place),
    )  # fmt: skip


def _in_project(project: Path, place: str) -> Path | None:
    """The whole path of a place that dbt's messages name within its project."""
    return project / place if place else None


def _end(code: int) -> str:
    if code >= 0:
        return f"ended with code {code} and no result"
    return f"was ended by {signal.Signals(-code).name}"


def _failure_in(log: Path) -> str:
    """What dbt's log says of the last node that failed: dbt names no ephemeral model among its results."""
    found = _FAILURE.findall(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else []
    return str(found[-1]) if found else "dbt failed and names no node"


def _under_way(log: Path) -> str:
    """The nodes that dbt's log says were begun and not ended."""
    begun: dict[str, str] = {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else ():
        if "Running with dbt" in line:
            begun.clear()
        elif found := _NODE_LINE.search(line):
            if found["what"].startswith("START"):
                begun[found["number"]] = found["what"].removeprefix("START ").rstrip(". []RUN")
            else:
                begun.pop(found["number"], None)
    return f" while it ran {', '.join(begun.values())}" if begun else ""


def _after_end(code: int, log: Path) -> str:
    if code == -signal.SIGKILL:
        return f"the machine may have run out of memory, or somebody ended it; run again; dbt's log: {log}"
    return f"see dbt's log: {log}"


def _others(failures: list[Failure], skipped: int) -> str:
    parts = [f"{len(failures)} more failed: {', '.join(f.name for f in failures[:3])}"] if failures else []
    if len(failures) > 3:
        parts[0] += ", …"
    if skipped:
        parts.append(f"{skipped} skipped")
    return f" ({'; '.join(parts)})" if parts else ""
