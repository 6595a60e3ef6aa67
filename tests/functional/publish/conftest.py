"""A small pipeline whose warehouse and verdict are written by hand, as the stages before write them."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from penstock.core.build_record import Column, Input, Mart, write_build
from penstock.core.settings import Settings
from penstock.core.verdict import Counts, write_verdict
from penstock.publish.publish import PublishResult, publish
from penstock.publish.rollback import resume, rollback
from tests.patience import PATIENCE
from tests.records import a_build, a_verdict

PIPELINE = "customer_events"
START = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)

Declared = tuple[str, str, str, bool]  # name, type, description, NOT NULL
SESSIONS: list[Declared] = [
    ("user_id", "bigint", "The customer.", True),
    ("started_at", "timestamptz", "First event of the session.", True),
    ("brand", "text", "Brand seen last; NULL where there was none.", False),
    ("revenue", "decimal(12,2)", "What was spent, in USD.", True),
]
PURCHASES: list[Declared] = [("event_id", "varchar", "The event.", True), ("price", "double", "USD.", False)]
SESSION_ROWS = (
    "VALUES (1, TIMESTAMPTZ '2026-11-20 11:00:00+02', 'apple', 1.50), (2, '2026-11-20 10:30:00Z', NULL, 0)"
)
PURCHASE_ROWS = "VALUES ('a', 1.5), ('b', NULL), ('c', 2.5)"


@dataclass
class Shop:
    """Builds, judges, publishes; `now` moves on by an hour with each build."""

    settings: Settings
    now: dt.datetime = START
    builds: int = 0
    marts: dict[str, tuple[str, list[Declared]]] = field(default_factory=dict)

    @property
    def link(self) -> Path:
        return self.settings.marts_link(PIPELINE)

    @property
    def folder(self) -> Path:
        return self.settings.versions_dir(PIPELINE)

    def build(
        self,
        *,
        sessions: str = SESSION_ROWS,
        purchases: str = PURCHASE_ROWS,
        others: dict[str, tuple[str, list[Declared]]] | None = None,
        complete_until: dt.datetime | None = None,
        offsets: Sequence[tuple[int, int, int]] = ((0, 0, 10), (0, 1, 20)),
        rejected: int = 1,
        outcome: str = "passed",
        warnings: dict[str, int] | None = None,
    ) -> str:
        """A finished build and its verdict. Returns the build's id."""
        self.builds += 1
        self.now += dt.timedelta(hours=1)
        build_id = str(uuid.uuid4())
        marts = {"sessions": (sessions, SESSIONS), "purchases": (purchases, PURCHASES), **(others or {})}
        file = self.settings.warehouse_file(PIPELINE)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        until = complete_until or self.now
        build = a_build(
            PIPELINE, build_id=build_id, built_at=self.now, code_dirty=True, declarations_hash="cafe",
            complete_until=until,
            inputs=(
                Input(
                    PIPELINE, self.builds, until, 9, rejected,
                    [{"epoch": e, "partition": p, "next_offset": n} for e, p, n in offsets],
                ),
            ),
            marts=tuple(
                Mart(
                    name, f"One row per {name}.", "team-" + name,
                    tuple(Column(c, t, d, n) for c, t, d, n in columns),
                )
                for name, (_, columns) in marts.items()
            ),
        )  # fmt: skip
        with duckdb.connect(file) as con:
            con.execute("SET TimeZone = 'UTC'")
            con.begin()
            con.execute("CREATE SCHEMA marts; CREATE SCHEMA staging; CREATE SCHEMA _penstock")
            for name, (rows, columns) in marts.items():
                con.execute(f"CREATE TABLE marts.{name} ({', '.join(f'{c} {t}' for c, t, _, _ in columns)})")
                con.execute(f"INSERT INTO marts.{name} {rows}")
            con.commit()
            write_build(con, build)
        self.judge(build_id, outcome=outcome, warnings=warnings)
        return build_id

    def judge(
        self, build_id: str, *, outcome: str = "passed", warnings: dict[str, int] | None = None
    ) -> None:
        """Write the gate's verdict on a build."""
        file = self.settings.verdict_file(PIPELINE)
        verdict = a_verdict(
            PIPELINE, build_id, judged_at=self.now, outcome=outcome, checks=Counts(passed=7, warned=1),
            warnings_by_mart=warnings or {},
        )  # fmt: skip
        write_verdict(verdict, file)

    def publish(self, run_id: str | None = None) -> PublishResult:
        """Publish as the next run."""
        return publish(self.settings, PIPELINE, run_id=run_id or f"run {uuid.uuid4()}", now=self.now)

    def publish_sessions(self, *revenues: float) -> PublishResult:
        """Build and publish with as many sessions, of these revenues."""
        rows = ", ".join(
            f"({n}, TIMESTAMPTZ '2026-11-20 10:00:00Z', NULL, {r})" for n, r in enumerate(revenues)
        )
        self.build(sessions=f"VALUES {rows}")
        return self.publish()

    def rollback(self, to: int | None = None, *, by: str = "ann", why: str | None = None) -> PublishResult:
        self.now += dt.timedelta(hours=1)
        return rollback(self.settings, PIPELINE, to=to, by=by, why=why, run_id="by hand", now=self.now)

    def resume(self, *, by: str = "ann", why: str | None = None) -> PublishResult:
        self.now += dt.timedelta(hours=1)
        return resume(self.settings, PIPELINE, by=by, why=why, run_id="by hand", now=self.now)

    def query(self, sql: str, file: Path | None = None) -> list[tuple[Any, ...]]:
        """Ask what is served, as a BI tool does: through the symlink."""
        with duckdb.connect(file or self.link, read_only=True) as con:
            rows: list[tuple[Any, ...]] = con.execute(sql).fetchall()
            return rows

    def files(self) -> list[str]:
        """All that lies in the folder of versions, and beside it."""
        return sorted(path.name for path in self.folder.iterdir())

    def command(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `penstock publish …` in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "penstock", "publish", *words],
            capture_output=True, text=True, timeout=PATIENCE,
            env={
                **os.environ, "PENSTOCK_PROJECT": str(self.settings.project),
                "PENSTOCK_DATA": str(self.settings.data), **env,
            },
        )  # fmt: skip


def installed_duckdb(config: pytest.Config, name: str, *wanted: str) -> Path:
    """A folder with another DuckDB for this Python: put it first on PYTHONPATH. Kept between test runs."""
    folder = config.cache.mkdir(f"duckdb-{name}-py{sys.version_info[0]}{sys.version_info[1]}")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (folder / "duckdb" / "__init__.py").exists():
            uv = Path(sys.executable).with_name("uv")
            subprocess.run(
                [
                    uv, "pip", "install", "--target", folder, "--python", sys.executable, "--no-deps",
                    "--only-binary", ":all:", *wanted,
                ],
                check=True, timeout=PATIENCE,
            )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def old_duckdb(request: pytest.FixtureRequest) -> Path:
    """The oldest DuckDB 1.x that has a wheel for this Python (1.0.0 has none for 3.13)."""
    return installed_duckdb(request.config, "oldest", "--resolution", "lowest-direct", "duckdb>=1.0.0")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    project = tmp_path / "project"
    (project / "dags").mkdir(parents=True)
    (project / "dags" / f"{PIPELINE}.yaml").touch()
    return Shop(Settings(project=project, data=tmp_path / "data", environment="test", bootstrap_servers=None))
