"""Start dbt, wait for it, and say in one line what broke."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from penstock.core.errors import TransformError
from penstock.core.settings import Settings
from penstock.transform.artifacts import Failure, NodeCounts, first_lines, node_counts, node_failures
from penstock.transform.dbt_workspace import dbt_workspace

_HELD = "Could not set lock on file"


class FileWasHeld(TransformError):
    """dbt found a DuckDB file held by another process. Trying again may help."""


@dataclass(frozen=True)
class DbtBuild:
    """A finished `dbt build`: its counts, and the folder of its `manifest.json` and `run_results.json`."""

    target: Path
    counts: NodeCounts


def dbt_build(settings: Settings, pipeline: str, *, select: str | None, full_refresh: bool) -> DbtBuild:
    """Run one `dbt build` of the pipeline's project in a process that ends with this one.

    Raises FileWasHeld where a DuckDB file was held when dbt wanted it, TransformError for any other failure.
    """
    project = dbt_workspace(settings, pipeline)
    output = settings.dbt_output_dir(pipeline)
    target = output / "target"
    arguments = [
        "--no-use-colors", "--no-send-anonymous-usage-stats", "--log-path", str(output / "logs"),
        "build", "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target),
        *(["--select", *select.split()] if select else []),
        *(["--full-refresh"] if full_refresh else []),
    ]  # fmt: skip
    for artifact in ("manifest.json", "run_results.json"):  # of an earlier build: must not speak for this one
        (target / artifact).unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock.transform.dbt_process", str(project), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(settings),
        encoding="utf-8",
    )
    assert process.stdout is not None
    with process:  # closes stdin and waits, also when this is interrupted
        answer = process.stdout.read().replace(
            _in_json(project), _in_json(settings.dbt_project_dir(pipeline))
        )
        code = process.wait()
    answer = answer.replace(_in_json(project), _in_json(settings.dbt_project_dir(pipeline)))
    _raise_failure(pipeline, answer, code, target)
    return DbtBuild(target, node_counts(target))


def _environment(settings: Settings) -> dict[str, str]:
    """This process's environment without the reader's own dbt settings, which would change the build."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "PENSTOCK_"))}
    return kept | {
        "PENSTOCK_PROJECT": str(settings.project),
        "PENSTOCK_DATA": str(settings.data),
        "PENSTOCK_ENV": settings.environment,
    }


def _in_json(path: Path) -> str:
    return json.dumps(str(path))[1:-1]


def _raise_failure(pipeline: str, answer: str, code: int, target: Path) -> None:
    if not answer:
        raise TransformError(
            f"pipeline {pipeline}: dbt ended with code {code} and no result",
            fix="see dbt's own log lines above; a negative code is the signal that ended it",
        )
    result = json.loads(answer)
    if result["error"] is not None:
        message = f"pipeline {pipeline}: dbt could not build: {first_lines(result['error'])}"
        if _HELD in result["error"]:
            raise FileWasHeld(message)
        raise TransformError(
            message, fix=f"correct it and run again; dbt's log: {target.parent / 'logs' / 'dbt.log'}"
        )
    if result["success"]:
        return
    failures, skipped = node_failures(target)
    if not failures:
        raise TransformError(
            f"pipeline {pipeline}: dbt failed and names no node; its log: {target.parent}/logs"
        )
    held = next((failure for failure in failures if _HELD in failure.text), None)
    if held is not None:
        raise FileWasHeld(f"pipeline {pipeline}: {held.line}")
    raise TransformError(
        f"pipeline {pipeline}: {failures[0].line}{_others(failures[1:], skipped)}",
        fix=f"correct it and run again; dbt's log: {target.parent / 'logs' / 'dbt.log'}",
    )


def _others(failures: list[Failure], skipped: int) -> str:
    parts = [f"{len(failures)} more failed: {', '.join(f.name for f in failures[:3])}"] if failures else []
    if len(failures) > 3:
        parts[0] += ", …"
    if skipped:
        parts.append(f"{skipped} skipped")
    return f" ({'; '.join(parts)})" if parts else ""
