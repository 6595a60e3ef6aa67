"""The disk with the landing file dies: a backup comes back with its offsets, or all lands anew."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition

from tests.faults.fault_stream import FaultStream
from tests.faults.marts_by_hand import PIPELINE, run_stage
from tests.patience import PATIENCE, until

Run = Callable[..., subprocess.Popen[str]]

LIMITS = {"poll_batches": 1, "batch_bytes": 5_000}  # a commit for each record batch of some 80 events


def kept(stream: FaultStream) -> int:
    """Events that the landing file holds, by rows and by offsets alike."""
    account = stream.account()
    assert all(read == there for read, there in account.values()), account
    return sum(there for _, there in account.values())


def disk_dies(stream: FaultStream) -> None:
    """Nothing is left of the landing file."""
    place = stream.settings.landing_file(PIPELINE)
    for file in place.parent.iterdir():
        file.unlink()
    assert list(place.parent.iterdir()) == []
    stream.witness.saw("the landing folder was empty")


def told(process: Any) -> dict[str, Any]:
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return dict(json.loads(out))


@pytest.mark.fault(12, "the landing file lost, a backup made while a follow landed brought back")
def test_a_backup_made_beside_a_follow_comes_back_and_the_rest_lands_once(
    stream: FaultStream, penstock: Run, drain: Callable[..., str], tmp_path: Path
) -> None:
    safe = tmp_path / "safe" / "backup.duckdb"
    safe.parent.mkdir()
    stream.produce_numbers(range(400))
    follow = penstock("ingest", "follow", PIPELINE, **LIMITS)
    until(lambda: kept(stream) >= 1)
    backup = penstock("ingest", "backup", PIPELINE, str(safe), "-o", "json")
    produced = 400
    while backup.poll() is None and produced < 1_500:
        stream.produce_numbers(range(produced, produced + 50))
        produced += 50
    result = told(backup)
    until(lambda: kept(stream) == produced)
    assert follow.poll() is None
    follow.send_signal(signal.SIGTERM)
    _, stderr = follow.communicate(timeout=PATIENCE)
    assert follow.returncode == 0, stderr
    stream.produce_numbers(range(produced, produced + 200))
    produced += 200
    drain()

    disk_dies(stream)
    restored = told(penstock("ingest", "restore", PIPELINE, str(safe), "-o", "json"))
    held = kept(stream)
    assert held == sum(offset for _, _, offset in result["offsets"])
    assert 0 < held <= produced - 200
    assert restored["to_land"] == produced - held
    stream.witness.saw(f"the backup brought back {held:,} of {produced:,} events")
    drain()
    stream.assert_each_once(range(produced))


@pytest.mark.fault(12, "the landing file lost, and the topic no longer holds what lies after the backup")
def test_a_gap_after_the_backup_is_named_before_anything_is_restored(
    stream: FaultStream, penstock: Run, drain: Callable[..., str], tmp_path: Path
) -> None:
    safe = tmp_path / "backup.duckdb"
    stream.produce_numbers(range(200))
    drain()
    told(penstock("ingest", "backup", PIPELINE, str(safe), "-o", "json"))
    stream.produce_numbers(range(200, 400))
    drain()
    disk_dies(stream)
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.delete_records({TopicPartition(stream.topic, 0): 130})
    admin.close()

    restore = ("ingest", "restore", PIPELINE, str(safe))
    refused = penstock(*restore)
    _, stderr = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 1
    assert f"{stream.topic}/0: the topic no longer holds offsets 100 to 129 (30 events)" in stderr
    assert f"`penstock {' '.join(restore)} --accept-gap`" in stderr
    assert not stream.settings.landing_file(PIPELINE).exists()
    stream.witness.saw("restore named partition 0, offsets 100 to 129, 30 events, and restored nothing")
    told(penstock(*restore, "--accept-gap", "-o", "json"))
    drain()

    gone = {f"e{number:06}" for number in range(200, 260, 2)}  # even numbers lie in partition 0
    bad = {f"e{number:06}" for number in range(99, 400, 100)}
    expected = {f"e{number:06}" for number in range(400)} - gone - bad
    assert stream.event_ids() == sorted(expected)
    assert stream.rows('SELECT "partition", from_offset, to_offset, events FROM raw.gaps') == [
        (0, 100, 129, 30)
    ]
    stream.witness.counted(f"{len(expected)} rows, each once; the 30 events of the gap are recorded")


@pytest.mark.slow
@pytest.mark.fault(12, "the landing file lost, no backup, after a build has read it")
def test_without_a_backup_all_lands_anew_and_a_build_says_that_it_must_start_anew(
    stream: FaultStream, penstock: Run, drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(300))
    drain(**LIMITS)
    run_stage(stream.settings, "transform", PIPELINE)
    numbers = stream.rows('SELECT max("commit") FROM raw.commits')[0][0]
    disk_dies(stream)
    stream.produce_numbers(range(300, 1_000))
    drain(**LIMITS)
    stream.assert_each_once(range(1_000))
    assert stream.rows('SELECT max("commit") FROM raw.commits')[0][0] > numbers  # they meet the old ones
    refused = penstock("transform", PIPELINE)
    _, stderr = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 1
    assert f"commit {numbers} was read before and is not in it" in stderr
    assert "--full-refresh" in stderr
    stream.witness.saw("transform asked for --full-refresh")
    run_stage(stream.settings, "transform", PIPELINE, "--full-refresh")
    stream.assert_marts_undisturbed(range(1_000))
