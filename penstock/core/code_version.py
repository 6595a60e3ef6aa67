"""Which code and which declarations a run used: noted in build records and in the ledger."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import penstock
from penstock.core.declared_files import dbt_files, declared_files
from penstock.core.settings import Settings


@dataclass(frozen=True)
class CodeVersion:
    """The engine's version, the project's git commit, and whether its tree had uncommitted changes."""

    version: str  # such as "0.1.0" or "0.1.0+g1a2b3c4"
    dirty: bool


def code_version(settings: Settings) -> CodeVersion:
    """Penstock's version and, where the project is a git checkout, its commit. Without git: not dirty."""
    commit = _git(settings.project, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return CodeVersion(penstock.__version__, dirty=False)
    changes = _git(settings.project, "status", "--porcelain")
    return CodeVersion(f"{penstock.__version__}+g{commit}", dirty=bool(changes))


def declarations_hash(settings: Settings, pipeline: str, streams: tuple[str, ...]) -> str:
    """SHA-256 (hex) over the names and bytes of every file that declares this pipeline: its YAML, its
    streams' contracts, its suites, and what dbt reads of its project and of the packages that it shares."""
    shared = [folder for folder in sorted((settings.project / "dbt_project").glob("_*")) if folder.is_dir()]
    files = [
        settings.pipeline_file(pipeline),
        *(settings.contract_file(stream) for stream in streams),
        *declared_files(settings.suites_dir(pipeline), ".yaml", ".yml"),
    ]
    for folder in (settings.dbt_project_dir(pipeline), *shared):
        files += dbt_files(folder)
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        if file.exists():
            content = file.read_bytes()
            name = os.fsencode(os.path.relpath(file, settings.project))
            digest.update(name + f"\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def other_engine(code: str) -> str | None:
    """Where `code`, the code version of a build, names another Penstock than this one: both, in words.

    The project's commit is left out: it changes with the files of every pipeline, `declarations_hash` with
    this one's alone.
    """
    built_by = code.split("+g")[0]
    if built_by == penstock.__version__:
        return None
    return f"was built by Penstock {built_by}, this is Penstock {penstock.__version__}"


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
