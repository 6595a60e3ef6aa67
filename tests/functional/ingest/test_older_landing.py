"""A landing file of an older format: brought up to date by its writer, once; read as it is by others."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from penstock.cli import main
from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import LandingError
from penstock.core.landing_format import FORMAT_VERSION
from penstock.core.settings import Settings
from penstock.ingest.consume.source import utc_now
from penstock.ingest.contract.model import load_contract
from penstock.ingest.landing.file import open_landing
from penstock.ingest.landing.schema import has_huge_events
from penstock.ingest.recovery.backup import backup
from penstock.ingest.rejects.replay import replay

STREAM = "customer_events"
# What tests/older_formats/make_format_1.py landed, and where: event, epoch, partition, offset, commit.
EVENTS = [
    ("e0", 1, 0, 0, 1), ("e1", 1, 0, 1, 1), ("e2", 1, 0, 2, 1), ("e3", 1, 0, 3, 1),
    ("e4", 1, 1, 0, 2), ("e0", 1, 1, 4, 2),
    ("e5", 1, 1, 3, 3),
    ("e6", 1, 0, 10, 4),
    ("e7", 2, 0, 0, 5), ("e1", 2, 0, 1, 5),
]  # fmt: skip
PLACES = (
    "SELECT event_id, _epoch, _kafka_partition, _offset, _commit FROM raw.customer_events "
    "ORDER BY _commit, _kafka_partition, _offset"
)
FORMAT = "SELECT format_version FROM raw.landing"
OPENS = (
    "from penstock.core.settings import Settings\n"
    "from penstock.ingest.contract.model import load_contract\n"
    "from penstock.ingest.landing.file import open_landing\n"
    "settings = Settings.from_env()\n"
    "with open_landing(settings, load_contract(settings, 'customer_events')): pass\n"
)


@pytest.fixture
def older(settings: Settings, unpack_older: Callable[[str, Path], None]) -> Path:
    """The landing file of the settings is one of format 1."""
    path = settings.landing_file(STREAM)
    unpack_older("landing-1", path)
    return path


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = open_duckdb(path, read_only=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def open_once(settings: Settings) -> None:
    with open_landing(settings, load_contract(settings, STREAM)):
        pass


def test_the_first_writer_brings_it_up_to_date_and_says_so_once(
    settings: Settings, older: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others = ("rejects", "offsets", "commits", "topics", "gaps")
    before = {name: rows(older, f"SELECT * FROM raw.{name} ORDER BY ALL") for name in others}
    with caplog.at_level(logging.INFO):
        open_once(settings)
        open_once(settings)
    assert caplog.messages == [f"{older}: brought up to date, from format 1 to 3; no event has changed"]
    assert rows(older, FORMAT) == [(3,)]
    assert rows(older, PLACES) == EVENTS
    assert {name: rows(older, f"SELECT * FROM raw.{name} ORDER BY ALL") for name in others} == before


def test_an_older_tombstone_is_reported_apart_afterwards(settings: Settings, older: Path) -> None:
    with duckdb.connect(older) as connection:
        connection.execute(
            "INSERT INTO raw.rejects VALUES (2, 0, 99, NULL, 5, '1.0.0', NULL, NULL, NULL, "
            "[{'field': NULL, 'rule': 'value', 'found': 'null'}], NULL)"
        )
    open_once(settings)
    found = rows(older, "SELECT reasons[1].rule FROM raw.rejects WHERE value IS NULL")
    assert found == [("tombstone",)]


def test_that_it_holds_huge_events_is_still_known(
    settings: Settings, unpack_older: Callable[[str, Path], None]
) -> None:
    path = settings.landing_file(STREAM)
    unpack_older("landing-2", path)
    with open_landing(settings, load_contract(settings, STREAM)) as landing:
        assert has_huge_events(landing.connection)
    assert rows(path, FORMAT) == [(3,)]
    assert rows(path, PLACES) == [("e0", 1, 0, 0, 1), ("e1", 1, 0, 1, 1), ("e2", 1, 0, 2, 2)]
    assert rows(path, "SELECT comment FROM duckdb_tables() WHERE comment IS NOT NULL") == []


def test_a_comment_that_a_person_made_stays(
    settings: Settings, unpack_older: Callable[[str, Path], None]
) -> None:
    path = settings.landing_file(STREAM)
    unpack_older("landing-2", path)
    with duckdb.connect(path) as connection:
        connection.execute(f"COMMENT ON TABLE raw.{STREAM} IS 'asked for by finance'")
    open_once(settings)
    assert rows(path, FORMAT) == [(3,)]
    assert rows(path, "SELECT comment FROM duckdb_tables() WHERE comment IS NOT NULL") == [
        ("asked for by finance",)
    ]


def test_an_index_that_a_person_made_is_named_with_what_drops_it(settings: Settings, older: Path) -> None:
    with duckdb.connect(older) as connection:
        connection.execute(f'CREATE INDEX "of mine" ON raw.{STREAM} (event_id)')
    with pytest.raises(LandingError, match=f"somebody made an index on raw.{STREAM}") as caught:
        open_once(settings)
    assert rows(older, FORMAT) == [(1,)]
    drop = (caught.value.fix or "").split("`")[1]
    with duckdb.connect(older) as connection:
        connection.execute(drop)
    open_once(settings)
    assert rows(older, PLACES) == EVENTS


@pytest.mark.parametrize(("point", "version"), [("landing.migrating", 1), ("landing.migrated", 3)])
def test_a_writer_that_is_killed_at_it_leaves_the_older_or_the_newer_file(
    settings: Settings, older: Path, point: str, version: int
) -> None:
    env = os.environ | {"PENSTOCK_KILL_AT": point}
    assert subprocess.run([sys.executable, "-c", OPENS], env=env).returncode == -signal.SIGKILL
    assert rows(older, FORMAT) == [(version,)]
    open_once(settings)
    assert rows(older, FORMAT) == [(3,)]
    assert rows(older, PLACES) == EVENTS


def test_a_disk_without_room_leaves_the_older_file_and_says_what_to_do(
    settings: Settings, older: Path
) -> None:
    before = older.read_bytes()
    full = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", full + OPENS], env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "LandingError" in done.stderr
    assert older.read_bytes() == before
    open_once(settings)
    assert rows(older, PLACES) == EVENTS


def test_a_replay_lands_with_the_first_places_after_it(settings: Settings, older: Path) -> None:
    settings = _with_contract(settings, older, "minimum: 0", "minimum: -5")
    result = replay(
        settings, load_contract(settings, STREAM), where={}, dry_run=False, run_id="r", clock=utc_now, wait=0
    )
    assert (result.checked, result.landed, result.commit) == (2, 1, 6)
    assert rows(older, PLACES) == [*EVENTS, ("e8", 1, 1, 2, 6)]


def test_looking_at_rejects_changes_nothing(older: Path) -> None:
    before = older.read_bytes()
    listed = CliRunner().invoke(main, ["ingest", "rejects", "ls", STREAM])
    assert "2 open, 1 replayed" in listed.output
    shown = CliRunner().invoke(main, ["ingest", "rejects", "show", f"{STREAM}/1/3"])
    assert "replayed in commit 3" in shown.output
    assert CliRunner().invoke(main, ["ingest", "rejects", "export", STREAM]).exit_code == 0
    assert older.read_bytes() == before


def test_a_backup_of_it_is_a_copy_of_it_and_opens_as_it_does(
    settings: Settings, older: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.duckdb"
    assert backup(settings, STREAM, copy, wait=0).commit == 5
    assert rows(copy, FORMAT) == [(1,)]
    with open_landing(settings, load_contract(settings, STREAM), path=copy):
        pass
    assert rows(copy, PLACES) == EVENTS


@pytest.mark.parametrize("words", [["rejects", "ls", STREAM], ["backup", STREAM, "copy.duckdb"]])
def test_a_newer_format_is_refused_by_readers(
    settings: Settings, older: Path, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_newer(older)
    done = CliRunner().invoke(main, ["ingest", *words])
    assert done.exit_code == 1
    assert f"a landing file of format 99; this Penstock knows formats up to {FORMAT_VERSION}" in done.output
    assert not Path("copy.duckdb").exists()


def test_a_newer_format_is_refused_by_writers(settings: Settings, older: Path) -> None:
    make_newer(older)
    with pytest.raises(LandingError, match="a landing file of format 99") as caught:
        open_once(settings)
    assert caught.value.fix == "a newer Penstock has written it: run that version here, too"
    assert rows(older, FORMAT) == [(99,)]


def make_newer(path: Path) -> None:
    with open_duckdb(path) as connection:
        connection.execute("UPDATE raw.landing SET format_version = 99")


def _with_contract(settings: Settings, older: Path, old: str, new: str) -> Settings:
    """The same data folder, under a contract that was changed."""
    project = older.parents[2] / "project"
    changed = Settings(project, settings.data, settings.environment, None)
    file = changed.contract_file(STREAM)
    file.parent.mkdir(parents=True)
    file.write_text(settings.contract_file(STREAM).read_text().replace(old, new))
    return changed
