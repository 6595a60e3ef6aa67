"""The disk dies: a backup made beside a follow comes back with its offsets; the rest lands again, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from kafka import KafkaAdminClient, TopicPartition

from penstock.core.errors import BusyError, LandingError
from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.source import utc_now
from penstock.ingest.recovery.backup import backup
from penstock.ingest.recovery.restore import RestoreResult, restore
from tests.integration.ingest.own_stream import Stream
from tests.patience import PATIENCE, until

Event = Callable[..., bytes]


def drain_now(stream: Stream) -> int:
    return drain(stream.settings, stream.contract, run_id="test", clock=utc_now).landed


def restore_now(stream: Stream, file: Path, **options: bool) -> RestoreResult:
    return restore(stream.settings, stream.contract, file, run_id="restore", clock=utc_now, **options)


@contextmanager
def following() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "penstock", "ingest", "follow", "customer_events"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


@pytest.fixture
def saved(stream: Stream, event: Event, tmp_path: Path) -> Path:
    """20 events in a backup, 30 more in the landing file only."""
    stream.produce([event(number) for number in range(20)])
    drain_now(stream)
    file = tmp_path / "backup.duckdb"
    backup(stream.settings, "customer_events", file, wait=1)
    stream.produce([event(number) for number in range(20, 50)])
    drain_now(stream)
    return file


def test_a_backup_beside_a_follow_comes_back_and_the_rest_lands_once(
    stream: Stream, event: Event, tmp_path: Path
) -> None:
    file = tmp_path / "backup.duckdb"
    stream.produce([event(number) for number in range(3000)] + [b"bad"])
    with following() as process:
        until(lambda: stream.rows('SELECT "commit" FROM raw.commits'))
        result = backup(stream.settings, "customer_events", file, wait=PATIENCE)
        assert process.poll() is None
        with pytest.raises(BusyError, match=rf"follow .*\(PID {process.pid}\)"):
            restore_now(stream, file, replace=True)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    stream.produce([event(number) for number in range(3000, 3100)])
    drain_now(stream)
    stream.settings.landing_file("customer_events").unlink()
    command = [
        sys.executable,
        "-m",
        "penstock",
        "ingest",
        "restore",
        "customer_events",
        str(file),
        "-o",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=os.environ)
    assert done.returncode == 0, done.stderr
    read = sum(offset for _, _, offset in result.offsets)
    assert json.loads(done.stdout)["to_land"] == 3101 - read
    assert sum(ends for ends, _ in stream.account().values()) == read
    drain_now(stream)
    assert stream.event_ids() == [f"e{number:06}" for number in range(3100)]
    assert {read == kept for read, kept in stream.account().values()} == {True}


def test_a_landing_file_that_is_there_is_kept_aside(stream: Stream, saved: Path) -> None:
    place = stream.settings.landing_file("customer_events")
    before = stream.rows("SELECT event_id, _commit FROM raw.customer_events ORDER BY 1")
    with pytest.raises(LandingError, match="is there already") as stopped:
        restore_now(stream, saved)
    assert "--replace" in stopped.value.fix
    assert stream.rows("SELECT event_id, _commit FROM raw.customer_events ORDER BY 1") == before
    result = restore_now(stream, saved, replace=True)
    assert result.to_land == 30
    assert len(stream.event_ids()) == 20
    assert drain_now(stream) == 30
    assert stream.event_ids() == [f"e{number:06}" for number in range(50)]
    assert result.moved_aside is not None
    assert sorted(left.name for left in place.parent.iterdir()) == [place.name, result.moved_aside.name]
    place.unlink()
    result.moved_aside.rename(place)
    assert stream.rows("SELECT event_id, _commit FROM raw.customer_events ORDER BY 1") == before


def test_garbage_in_the_place_makes_room_and_is_kept(stream: Stream, saved: Path) -> None:
    place = stream.settings.landing_file("customer_events")
    place.write_bytes(b"garbage")
    place.with_name(place.name + ".wal").write_bytes(b"more")
    result = restore_now(stream, saved, replace=True)
    assert result.moved_aside is not None
    assert result.moved_aside.read_bytes() == b"garbage"
    assert drain_now(stream) == 30
    assert stream.account() == {0: (25, 25), 1: (25, 25)}


def test_a_gap_between_backup_and_topic_stops_the_restore_unless_accepted(
    stream: Stream, saved: Path
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.delete_records({TopicPartition(stream.topic, 0): 17})
    admin.close()
    place = stream.settings.landing_file("customer_events")
    place.unlink()
    with pytest.raises(LandingError, match=rf"{stream.topic}/0: .* offsets 10 to 16 \(7 events\)") as stopped:
        restore_now(stream, saved)
    assert f"restore customer_events {saved} --accept-gap" in stopped.value.fix
    assert list(place.parent.iterdir()) == []
    result = restore_now(stream, saved, accept_gap=True)
    assert [(gap.partition, gap.events) for gap in result.gaps] == [(0, 7)]
    assert drain_now(stream) == 23
    assert stream.rows('SELECT "partition", from_offset, to_offset, run_id FROM raw.gaps') == [
        (0, 10, 16, "restore")
    ]


def test_another_stream_s_or_environment_s_backup_is_refused(
    stream: Stream, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (saved.parent / "no.duckdb").write_bytes(b"no")
    with pytest.raises(Exception, match=r"no.duckdb: cannot be opened"):
        restore_now(stream, saved.parent / "no.duckdb", replace=True)
    with duckdb.connect(saved) as connection:
        connection.execute("UPDATE raw.landing SET environment = 'production'")
    with pytest.raises(LandingError, match=r"environment production.* environment local"):
        restore_now(stream, saved, replace=True)
    assert len(stream.event_ids()) == 50


def test_killed_before_the_swap_the_old_file_stays_and_the_next_restore_works(
    stream: Stream, saved: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "penstock",
        "ingest",
        "restore",
        "customer_events",
        str(saved),
        "--replace",
    ]
    killed = subprocess.run(
        command, env=os.environ | {"PENSTOCK_KILL_AT": "ingest.restore_ready"}, timeout=PATIENCE
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(stream.event_ids()) == 50
    restore_now(stream, saved, replace=True)
    assert drain_now(stream) == 30


def test_commit_numbers_never_come_again(stream: Stream, saved: Path) -> None:
    place = stream.settings.landing_file("customer_events")
    seen: set[int] = set()
    for _ in range(3):
        numbers = {row[0] for row in stream.rows('SELECT "commit" FROM raw.commits WHERE "commit" > 1')}
        assert not numbers & seen
        seen |= numbers
        place.unlink()
        restore_now(stream, saved)
        drain_now(stream)
    assert stream.rows('SELECT kind FROM raw.commits ORDER BY "commit"') == [
        ("batch",),
        ("restore",),
        ("batch",),
    ]
