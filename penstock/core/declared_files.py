"""Which files of a folder declare something: those that the tool that reads it reads, and no others.

Beside them lies what editors and desktops leave (`.orders.sql.swp`, `orders.yaml~`, `#orders.sql#`,
`.#orders.yaml`, `.DS_Store`). dbt passes over names that begin with `.`, `#` or `~`, and so does everybody
here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pathspec import PathSpec

_LEFT_BY_EDITORS = (".", "#", "~")
# dbt's settings of where it reads: the folder where the project says nothing, and the types of files read.
_DBT_FOLDERS = {
    "model-paths": ("models", (".sql", ".py", ".yml", ".yaml", ".md")),
    "seed-paths": ("seeds", (".csv", ".yml", ".yaml", ".md")),
    "snapshot-paths": ("snapshots", (".sql", ".yml", ".yaml", ".md")),
    "analysis-paths": ("analyses", (".sql", ".yml", ".yaml", ".md")),
    "macro-paths": ("macros", (".sql", ".yml", ".yaml", ".md")),
    "test-paths": ("tests", (".sql", ".csv", ".yml", ".yaml", ".md")),
    "function-paths": ("functions", (".sql", ".py", ".yml", ".yaml", ".md")),
    "docs-paths": (None, (".md",)),
}
_DBT_FILES = (
    "dbt_project.yml", "packages.yml", "dependencies.yml", "profiles.yml", "selectors.yml", ".dbtignore",
)  # fmt: skip
_MADE_BY_DBT = ("target/", "logs/", "dbt_packages/")


def declared_files(folder: Path, *endings: str) -> list[Path]:
    """The files in `folder` itself whose names have one of `endings`, sorted; none that an editor left."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _is_declared(file, endings))


def dbt_files(project: Path) -> list[Path]:
    """The files that dbt reads of a project, sorted: its settings; in its folders what has dbt's file types,
    but for what `.dbtignore` names; and the same of the packages that are folders of this machine.

    Of a `dbt_project.yml` that is not readable, the usual folders count.
    """
    found: set[Path] = set()
    waiting, seen = [project], set()
    while waiting:
        folder = Path(os.path.normpath(waiting.pop()))
        if folder not in seen:
            seen.add(folder)
            found.update(_files_of(folder))
            waiting += _local_packages(folder)
    return sorted(found)


def _files_of(project: Path) -> Iterator[Path]:
    yield from (project / name for name in _DBT_FILES if (project / name).is_file())
    ignored = _ignored(project)
    settings = _mapping(project / "dbt_project.yml")
    for key, (usual, endings) in _DBT_FOLDERS.items():
        for name in settings.get(key) or ([usual] if usual else []):
            # A path may be a template of dbt's: what it will be, only dbt knows. So all may be read, but what
            # dbt itself makes.
            template = "{" in str(name)
            for file in _below(project if template else project / str(name)):
                inside = os.path.relpath(file, project)
                if (
                    _is_declared(file, endings)
                    and not ignored.match_file(inside)
                    and not (template and inside.startswith(_MADE_BY_DBT))
                ):
                    yield file


def _local_packages(project: Path) -> Iterator[Path]:
    for name in ("packages.yml", "dependencies.yml"):
        packages = _mapping(project / name).get("packages")
        for package in packages if isinstance(packages, list) else []:
            if isinstance(package, dict) and "local" in package:
                yield project / str(package["local"])


def _ignored(project: Path) -> PathSpec:
    file = project / ".dbtignore"
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    return PathSpec.from_lines("gitwildmatch", lines)


def _is_declared(file: Path, endings: tuple[str, ...]) -> bool:
    """dbt takes upper-case endings, too. A name that leads nowhere is an editor's lock."""
    name = file.name
    return name.lower().endswith(endings) and not name.startswith(_LEFT_BY_EDITORS) and file.is_file()


def _below(folder: Path) -> Iterator[Path]:
    return folder.rglob("*") if folder.is_dir() else iter(())


def _mapping(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
