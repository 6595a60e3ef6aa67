"""A backup equals the landing file, overwrites nothing, and is of one moment."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import LandingError
from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing
from penstock.ingest.recovery.backup import backup
from tests.patience import PATIENCE

NOW = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
STREAM = "customer_events"
EVENT = (
    '{"event_id": "e%d", "event_time": "2024-05-01T12:00:00Z", "event_type": "view", "product_id": 7, '
    '"category_id": 1, "price": 12.50, "user_id": 1, "user_session": "s", "more": [1.0]}'
)


@pytest.fixture
def landed(settings: Settings) -> Path:
    """A landing file with rows, rejects with headers, offsets and a "complete until"."""
    values = [(EVENT % number).encode() for number in range(1000)] + [b"\xff bad", None]
    events = pa.table(
        {
            "partition": pa.array([0] * len(values), pa.int32()),
            "offset": pa.array(range(len(values)), pa.int64()),
            "kafka_timestamp": pa.array([None] * len(values), pa.timestamp("ms", tz="UTC")),
            "key": pa.array([b"k"] * len(values), pa.binary()),
            "value": pa.array(values, pa.binary()),
            "headers": pa.array(
                [[{"key": "h", "value": b"\x00"}]] * len(values),
                pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())])),
            ),
        }
    )
    with open_landing(settings, load_contract(settings, STREAM)) as landing:
        epoch = landing.epoch("cluster", "topic-id", now=NOW)
        result = landing.land(Batch(events, {0: None}, {0: len(values)}), epoch=epoch, run_id="r", now=NOW)
        landing.complete_until(NOW)
    assert (result.landed, result.rejected) == (1000, 2)
    return settings.landing_file(STREAM)


def content(path: Path) -> dict[str, Any]:
    with duckdb.connect(path, read_only=True) as connection:
        tables = connection.execute("SELECT table_name, sql FROM duckdb_tables() ORDER BY 1").fetchall()
        rows = {
            name: connection.execute(f'SELECT * FROM raw."{name}" ORDER BY ALL').fetchall()
            for name, _ in tables
        }
        return {"tables": tables, "rows": rows}


def test_a_backup_equals_the_landing_file_and_passes_its_checks(
    settings: Settings, landed: Path, tmp_path: Path
) -> None:
    file = tmp_path / "safe" / "backup.duckdb"
    file.parent.mkdir()
    result = backup(settings, STREAM, file, wait=1)
    assert (result.commit, result.offsets, result.complete_until) == (1, ((1, 0, 1002),), NOW)
    assert content(file) == content(landed)
    assert "PRIMARY KEY" in str(content(file)["tables"])
    assert [left.name for left in file.parent.iterdir()] == ["backup.duckdb"]
    landed.unlink()
    file.rename(landed)
    with open_landing(settings, load_contract(settings, STREAM)) as landing:
        assert landing.next_offsets(1) == {0: 1002}


def test_a_backup_overwrites_nothing(settings: Settings, landed: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("mine")
    with pytest.raises(LandingError, match=r"mine.txt: is there already"):
        backup(settings, STREAM, file, wait=1)
    assert file.read_text() == "mine"


def test_a_held_landing_file_is_waited_for_and_its_holder_named(
    settings: Settings, landed: Path, tmp_path: Path
) -> None:
    with open_duckdb(landed):
        done = subprocess.run(
            [sys.executable, "-m", "penstock", "ingest", "backup", STREAM, tmp_path / "b", "--wait", "0.2"],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"(PID {os.getpid()})" in done.stderr
    assert not (tmp_path / "b").exists()


def test_a_killed_backup_leaves_no_file_under_the_name(
    settings: Settings, landed: Path, tmp_path: Path
) -> None:
    (tmp_path / "safe").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "ingest", "backup", STREAM, tmp_path / "safe" / "b"],
        env=os.environ | {"PENSTOCK_KILL_AT": "ingest.backup_copied"}, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    safe = tmp_path / "safe"
    assert [name for name in left_in(safe) if name.endswith(".penstock-part")] == left_in(safe) != []
    assert backup(settings, STREAM, safe / "b", wait=1).commit == 1
    assert left_in(safe) == ["b"]


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
