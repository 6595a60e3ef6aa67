"""One dbt build, in a process of its own that ends: dbt keeps its DuckDB file locked for as long as it lives.

Run by `dbt_build.py` as `python -m penstock.transform.dbt_process <project> <logs> <target> <selected …>`.
dbt's log goes to stderr. On stdout and stdin this process and its parent talk, one JSON value a line:

1. it parses the project, writes `manifest.json` into `target`, and says `{"selected": [unique ids]}`: what
   a build would run
2. the parent looks at that, and answers with further arguments of the build, such as `["--full-refresh"]`;
   `null` forbids the build, and this process ends
3. it builds, and says `{"success": bool, "error": text or null}`: `error` is what stopped dbt before, or
   beside, its nodes. Where parsing fails, that is the first and only thing that it says.

Stdin is the parent's life line, too. When the parent ends, however it ends, the kernel closes the pipe, and
this process ends at once. DuckDB stands that, and so do we: a build that was cut off leaves no build record,
and the next one starts from the last commit.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

import yaml

_PARENT_IS_GONE = 70  # exit code, EX_SOFTWARE; nobody is left to read it


def main(project: Path, logs: str, target: str, select: list[str]) -> int:
    """Install the project's packages where that is due, parse, ask, build, and say how it ended."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever dbt prints is log
    logging.raiseExceptions = False  # on a full disk, dbt's log must not bury what dbt says
    asked: queue.Queue[list[str] | None] = queue.Queue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    places = ["--project-dir", str(project), "--profiles-dir", str(project)]
    words = _Words(
        ["--no-use-colors", "--no-send-anonymous-usage-stats", "--log-path", logs],
        places,
        ["--target-path", target],
    )
    selection = ["--select", *select] if select else []

    gc.disable()  # what import and parsing make stays to the end: looking through it for garbage finds none
    manifest = _parse(project, words)
    gc.freeze()
    gc.enable()
    if not manifest.success:
        return _end(answers, manifest)
    from dbt.cli.main import dbtRunner

    runner = dbtRunner(manifest=manifest.result)
    listed = runner.invoke(
        words.of("ls", "--output", "json", "--output-keys", "unique_id", *selection, quiet=True)
    )
    if not listed.success:
        return _end(answers, listed)
    _say(answers, {"selected": [json.loads(line)["unique_id"] for line in listed.result or []]})
    more = asked.get()
    if more is None:
        return 1
    return _end(answers, runner.invoke(words.of("build", *selection, *more)))


class _Words:
    """The command lines of dbt's commands, which differ in what stands after the command's name."""

    def __init__(self, general: list[str], places: list[str], target: list[str]) -> None:
        self._general, self._places, self._target = general, places, target

    def of(self, command: str, *more: str, quiet: bool = False) -> list[str]:
        silence = ["--log-level", "none"] if quiet else []
        target = self._target if command != "deps" else []
        return [*self._general, *silence, command, *self._places, *target, *more]


def _parse(project: Path, words: _Words) -> Any:
    """dbt's result of `parse`, or of `deps` where that failed first."""
    from dbt.cli.main import dbtRunner

    _forget_dbt_settings()
    runner = dbtRunner()
    deps = words.of("deps", quiet=True)
    if _all_local(project):
        runner.invoke(deps)  # takes no network and no time, and a moved project is found again
    result = runner.invoke(words.of("parse"))
    if type(result.exception).__name__ == "UninstalledPackagesFoundError":
        installed = runner.invoke(deps)
        result = runner.invoke(words.of("parse")) if installed.success else installed
    return result


def _forget_dbt_settings() -> None:
    """A person's own settings of dbt, such as DBT_TARGET, would change the build; what models ask for with
    `env_var` stays, whatever it is named."""
    from dbt.env_vars import KNOWN_ENGINE_ENV_VARS

    for known in KNOWN_ENGINE_ENV_VARS:
        for name in filter(None, (known.name, known.old_name)):
            os.environ.pop(name, None)


def _end(answers: TextIO, result: Any) -> int:
    error = str(result.exception) if result.exception is not None else None
    _say(answers, {"success": bool(result.success), "error": error})
    answers.close()
    return 0 if result.success else 1


def _say(answers: TextIO, value: Any) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def _listen(asked: queue.Queue[list[str] | None]) -> None:
    for line in sys.stdin:
        more = json.loads(line)
        asked.put(more)
        if more is None:
            return
    os._exit(_PARENT_IS_GONE)


def _all_local(project: Path) -> bool:
    """Whether the project's packages are folders of this machine, all of them."""
    packages_file = project / "packages.yml"
    if not packages_file.exists():
        return False
    try:
        content = yaml.safe_load(packages_file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return False  # dbt says what is wrong with it
    packages = content.get("packages") if isinstance(content, dict) else None
    return isinstance(packages, list) and all("local" in package for package in packages)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
    gc.unfreeze()  # else DuckDB, as it ends, reports all that is left as leaks
    sys.exit(code)
