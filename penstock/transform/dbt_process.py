"""One dbt build, in a process of its own that ends: dbt keeps its DuckDB file locked for as long as it lives.

Run by `dbt_build.py` as `python -m penstock.transform.dbt_process <project> <arguments of dbt build>`. dbt's
log goes to stderr; stdout gets one JSON object: `{"success": bool, "error": what stopped dbt before any node
ran, or null}`.

Stdin is the parent's life line. The parent holds the other end and writes nothing; when it ends, however it
ends, the kernel closes the pipe, and this process ends at once. DuckDB stands that, and so do we: a build
that was cut off leaves no build record, and the next one starts from the last commit.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from pathlib import Path

import yaml

_PARENT_IS_GONE = 70  # exit code, EX_SOFTWARE; nobody is left to read it


def main(project: Path, build_arguments: list[str]) -> int:
    """Install the project's packages where that is due, build, and print the result."""
    result_stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever dbt prints is log
    logging.raiseExceptions = False  # on a full disk, dbt's log must not bury what dbt says
    threading.Thread(target=_end_with_parent, daemon=True).start()

    from dbt.cli.main import dbtRunner

    runner = dbtRunner()
    general = build_arguments[: build_arguments.index("build")]  # where its log lies, for example
    deps = [*general, "--quiet", "deps", "--project-dir", str(project), "--profiles-dir", str(project)]
    if _all_local(project):
        runner.invoke(deps)  # takes no network and no time, and a moved project is found again
    result = runner.invoke(build_arguments)
    if type(result.exception).__name__ == "UninstalledPackagesFoundError":
        installed = runner.invoke(deps)
        result = runner.invoke(build_arguments) if installed.success else installed
    error = str(result.exception) if result.exception is not None else None
    with result_stream:
        json.dump({"success": bool(result.success), "error": error}, result_stream)
    return 0 if result.success else 1


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(_PARENT_IS_GONE)


def _all_local(project: Path) -> bool:
    """Whether the project's packages are folders of this machine, all of them."""
    packages_file = project / "packages.yml"
    if not packages_file.exists():
        return False
    content = yaml.safe_load(packages_file.read_text(encoding="utf-8"))
    packages = content.get("packages") if isinstance(content, dict) else None
    return isinstance(packages, list) and all("local" in package for package in packages)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
