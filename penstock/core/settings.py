"""Where things are, and which environment this is: all from environment variables, each with a default.

Paths follow one rule: declarations lie in the project folder, everything that runs make lies in the data
folder, and every file has one writer (see the README's table of files).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


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
        """
        project = Path(os.environ.get("PENSTOCK_PROJECT") or Path.cwd()).absolute()
        data = os.environ.get("PENSTOCK_DATA")
        return Settings(
            project=project,
            data=Path(data).absolute() if data else project / "data",
            environment=os.environ.get("PENSTOCK_ENV") or "local",
            bootstrap_servers=os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None,
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

    @property
    def docs_dir(self) -> Path:
        """Great Expectations' Data Docs: a static site."""
        return self.data / "docs"

    @property
    def outbox_file(self) -> Path:
        """SQLite: messages to people that nobody has taken yet."""
        return self.data / "penstock.sqlite"
