"""The folder in which dbt runs: the declared project, linked, in the data folder.

dbt writes beside `dbt_project.yml` (package-lock.yml, packages, .user.yml), and no option leads all of that
elsewhere. A project may be read-only, and is a declaration: what runs make does not belong there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from penstock.core.settings import Settings

_LOCK = "package-lock.yml"
_PACKAGES = "dbt_packages"  # where dbt puts them by default
_WRITTEN_BY_DBT = frozenset({"target", "logs", _PACKAGES, _LOCK, ".user.yml"})
_NAME_PACKAGES = ("packages.yml", "dependencies.yml", _LOCK)


def dbt_workspace(settings: Settings, pipeline: str) -> Path:
    """Make the workspace of a pipeline what its project is now, and return its folder.

    Two levels of folders around the project are linked, too: `../_shared` and `../../data` lead from the
    workspace to where they lead from the project. Call it under the pipeline's lock. Raises OSError.
    """
    project = settings.dbt_project_dir(pipeline)
    root = settings.dbt_output_dir(pipeline) / "project"
    workspace = root / "dbt_project" / pipeline
    workspace.mkdir(parents=True, exist_ok=True)
    _link(settings.project, root, but={"dbt_project"})
    _link(project.parent, workspace.parent, but={pipeline})
    _link(project, workspace, but=_WRITTEN_BY_DBT)
    _take_over_packages(project, workspace)
    return workspace


def _link(source: Path, folder: Path, *, but: Iterable[str]) -> None:
    """Have `folder` hold a link to everything in `source`, but for the names in `but`."""
    wanted = {entry.name: entry for entry in source.iterdir() if entry.name not in but}
    for link in folder.iterdir():
        if link.is_symlink():
            link.unlink()
    for name, entry in wanted.items():
        (folder / name).symlink_to(entry)


def _take_over_packages(project: Path, workspace: Path) -> None:
    """Packages that a person has installed are used as they are; those that dbt installed into the workspace
    stay until other ones are declared."""
    declared = "".join(
        f"{name}\n{file.read_bytes()!r}\n" for name in _NAME_PACKAGES if (file := project / name).exists()
    )
    installed, lock, seen = workspace / _PACKAGES, workspace / _LOCK, workspace / ".packages-declared"
    if (project / _PACKAGES).is_dir():
        shutil.rmtree(installed, ignore_errors=True)
        installed.mkdir()
        _link(project / _PACKAGES, installed, but=())
    elif not seen.exists() or seen.read_text(encoding="utf-8") != declared:
        shutil.rmtree(installed, ignore_errors=True)
        lock.unlink(missing_ok=True)
    if (project / _LOCK).exists():
        lock.write_bytes((project / _LOCK).read_bytes())
    seen.write_text(declared, encoding="utf-8")
