"""Where things are, and which environment this is: all from environment variables, each with a default.

Paths follow one rule: declarations lie in the project folder, everything that runs make lies in the data
folder, and every file has one writer (see the README's table of files).
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from penstock.core.errors import DiskError, SettingError

_QUOTED = re.compile(r"\s*(['\"]).*\1\s*", re.DOTALL)
# It stands in landing files, in Kafka's group ids and in the addresses of Airflow's assets.
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class Settings:
    """Paths and names. Secrets are not here: `penstock.monitor` alone reads Slack's."""

    project: Path
    data: Path
    environment: str
    bootstrap_servers: str | None

    @staticmethod
    def from_env() -> Settings:
        """Read `PENSTOCK_PROJECT` (default: this folder), `PENSTOCK_DATA` (default: `data` in the project),
        `PENSTOCK_ENV` (default: `local`) and `KAFKA_BOOTSTRAP_SERVERS`.

        A relative `PENSTOCK_DATA` counts from the current folder, as a shell user expects.
        Raises SettingError for a value that cannot be meant, DiskError where the current folder is gone.
        """
        named = _folder("PENSTOCK_PROJECT")
        project = _absolute(named or Path())
        data = _folder("PENSTOCK_DATA")
        return Settings(
            project=project,
            data=_absolute(data) if data else project / "data",
            environment=_environment(),
            bootstrap_servers=os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None,
        )

    def refuse_unusable(self) -> None:
        """Raises DiskError where project or data folder is there, but is no folder; OSError where the system
        does not even say that. A data folder that is missing is made by the first stage that writes."""
        for folder, name in ((self.project, "PENSTOCK_PROJECT"), (self.data, "PENSTOCK_DATA")):
            try:
                is_folder = stat.S_ISDIR(folder.stat().st_mode)
            except FileNotFoundError:
                if folder == self.data and not folder.is_symlink():
                    continue
                raise DiskError(
                    f"{folder}: no such folder", fix=f"correct {name}, or make it", where=folder
                ) from None
            if not is_folder:
                raise DiskError(
                    f"{folder}: is a file, not a folder", fix=f"correct {name}, or move it away", where=folder
                )

    # What a user declares.

    def contract_file(self, stream: str) -> Path:
        """The ODCS contract of a stream."""
        return self.project / "ingest" / f"{stream}.odcs.yaml"

    def pipeline_file(self, pipeline: str) -> Path:
        """The YAML that says when a pipeline runs and what it reads."""
        return self.project / "dags" / f"{pipeline}.yaml"

    def dbt_project_dir(self, pipeline: str) -> Path:
        """The dbt project of a pipeline."""
        return self.project / "dbt_project" / pipeline

    def suites_dir(self, pipeline: str) -> Path:
        """The folder of a pipeline's Great Expectations suites, `<mart>.yaml` each."""
        return self.project / "expectations" / pipeline

    # What runs make.

    def landing_file(self, stream: str) -> Path:
        """Written by the stream's consumer alone."""
        return self.data / "landing" / f"{stream}.duckdb"

    def warehouse_file(self, pipeline: str) -> Path:
        """Written by the pipeline's dbt alone."""
        return self.data / "warehouse" / f"{pipeline}.duckdb"

    def marts_link(self, pipeline: str) -> Path:
        """The symlink that BI tools open; it points at the version now published."""
        return self.data / "marts" / f"{pipeline}.duckdb"

    def versions_dir(self, pipeline: str) -> Path:
        """The folder of published versions: `<seq>-v<version>/<pipeline>.duckdb` each."""
        return self.data / "marts" / pipeline

    def lock_file(self, pipeline: str) -> Path:
        """Held (flock) by whatever writes for the pipeline."""
        return self.data / "locks" / f"{pipeline}.lock"

    def ingest_lock_file(self, stream: str) -> Path:
        """Held (flock) by the stream's consumer on this machine."""
        return self.data / "locks" / f"{stream}.ingest.lock"

    def dbt_output_dir(self, pipeline: str) -> Path:
        """dbt's `target` and `logs` folders lie in here."""
        return self.data / "dbt" / pipeline

    def verdict_file(self, pipeline: str) -> Path:
        """The gate's newest verdict, JSON."""
        return self.data / "verdicts" / f"{pipeline}.json"

    def feedback_file(self, pipeline: str) -> Path:
        """What people decided of the gate's findings, YAML."""
        return self.data / "feedback" / f"{pipeline}.yaml"

    def quarantine_file(self, pipeline: str) -> Path:
        """Which commits the pipeline's marts are built without, YAML."""
        return self.data / "quarantine" / f"{pipeline}.yaml"

    @property
    def docs_dir(self) -> Path:
        """Great Expectations' Data Docs: a static site."""
        return self.data / "docs"

    @property
    def outbox_file(self) -> Path:
        """SQLite: messages to people that nobody has taken yet."""
        return self.data / "penstock.sqlite"


def _folder(name: str) -> Path | None:
    """The folder that a variable names; None where it is not set, or empty."""
    value = os.environ.get(name)
    if not value:
        return None
    if _QUOTED.fullmatch(value):
        raise SettingError(
            f"{name} is {value!r}: the quotes are part of it", fix="write it without quotes", value=value
        )
    if value.startswith("~"):
        raise SettingError(
            f"{name} is {value!r}: '~' stands for the home folder in a shell only",
            fix="write the whole path",
            value=value,
        )
    if value != value.strip() or not value.isprintable():
        raise SettingError(
            f"{name} is {value!r}: it begins or ends with a space, holds a line end or a control "
            "character, or is no UTF-8 text",
            fix="correct it, or rename the folder",
            value=value,
        )
    return Path(value)


def _absolute(path: Path) -> Path:
    try:
        absolute = path.absolute()
    except FileNotFoundError:
        raise DiskError(
            "the current folder is no longer there",
            fix="go to one that is, or set PENSTOCK_PROJECT and PENSTOCK_DATA to whole paths",
        ) from None
    try:
        os.fspath(absolute).encode()
    except UnicodeEncodeError:
        raise DiskError(
            f"{os.fspath(absolute)!r}: the folder's name is not UTF-8", fix="rename it", where=absolute
        ) from None
    return absolute


def _environment() -> str:
    value = os.environ.get("PENSTOCK_ENV") or "local"
    if not _ENVIRONMENT.fullmatch(value):
        raise SettingError(
            f"PENSTOCK_ENV is {value!r}",
            fix="use letters, digits, '.', '_' and '-' only, 63 at most",
            value=value,
        )
    return value
