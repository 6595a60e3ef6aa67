"""The landing file's write-ahead log is torn or damaged: what an ended process had written last."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.fault_stream import FaultStream
from tests.faults.marts_by_hand import PIPELINE, run_stage
from tests.patience import PATIENCE

Run = Callable[..., subprocess.Popen[str]]

LIMITS = {"poll_batches": 1, "batch_bytes": 5_000}  # a commit for each record batch of some 80 events
EVENTS = 300


@dataclass(frozen=True)
class Left:
    """What killed drains left: a file closed after 100 events, and a log of commits beside it."""

    file: Path
    whole: bytes
    log: bytes

    @property
    def log_file(self) -> Path:
        return self.file.with_name(self.file.name + ".wal")

    def damage(self, log: bytes) -> None:
        """Lay the file as it was, and `log` beside it."""
        self.file.write_bytes(self.whole)
        self.log_file.write_bytes(log)


@pytest.fixture
def left(
    stream: FaultStream, penstock: Run, drain: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Left:
    stream.produce_numbers(range(100))
    drain()
    stream.produce_numbers(range(100, EVENTS))
    monkeypatch.setenv("PENSTOCK_KILL_AT", "ingest.committed")
    for _ in range(2):
        killed = penstock("ingest", "drain", PIPELINE, **LIMITS)
        killed.communicate(timeout=PATIENCE)
        assert killed.returncode == -signal.SIGKILL
    monkeypatch.delenv("PENSTOCK_KILL_AT")
    file = stream.settings.landing_file(PIPELINE)
    left = Left(file, file.read_bytes(), file.with_name(file.name + ".wal").read_bytes())
    assert stream.rows("SELECT count(*) FROM raw.commits")[0][0] > 2
    return left


def kept(stream: FaultStream) -> int:
    """Events that the file holds; the offsets say the same."""
    account = stream.account()
    assert all(read == there for read, there in account.values()), account
    return sum(there for _, there in account.values())


@pytest.mark.fault(11, "the log cut to 90 %, 50 % and 1 %")
def test_a_log_that_was_cut_short_takes_its_offsets_with_it(
    stream: FaultStream, left: Left, drain: Callable[..., str]
) -> None:
    before = kept(stream)
    assert 100 < before < EVENTS
    holds = []
    for share in (0.9, 0.5, 0.01):
        left.damage(left.log[: int(len(left.log) * share)])
        holds.append(kept(stream))
        drain()
        stream.assert_each_once(range(EVENTS))
    assert before > holds[0] >= holds[1] >= holds[2] == 100
    stream.witness.saw(f"of {before} events that had landed the file then held {holds}")


@pytest.mark.fault(11, "bytes of the log changed")
def test_a_damaged_log_is_reported_and_stays_and_the_file_goes_on_without_it(
    stream: FaultStream, left: Left, drain: Callable[..., str], failed_drain: Callable[..., str]
) -> None:
    for share in (0.1, 0.6):
        at = int(len(left.log) * share)
        damaged = left.log[:at] + bytes(byte ^ 0xFF for byte in left.log[at : at + 16]) + left.log[at + 16 :]
        left.damage(damaged)
        error = failed_drain()
        assert f"{left.file}: cannot be opened" in error
        assert "WAL" in error
        assert f"if only {left.log_file} is, move that aside" in error
        assert (left.file.read_bytes(), left.log_file.read_bytes()) == (left.whole, damaged)
        stream.witness.saw(f"16 bytes changed at {at:,}: the drain refused the file, its log stayed")
        left.log_file.rename(left.file.with_name("aside.wal"))
        drain()
        stream.assert_each_once(range(EVENTS))


@pytest.mark.slow
@pytest.mark.fault(11, "the log cut short after a build has read its commits, whose numbers are given anew")
def test_a_build_that_read_commits_which_a_torn_log_lost_is_reported(
    stream: FaultStream, left: Left, penstock: Run, drain: Callable[..., str]
) -> None:
    run_stage(stream.settings, "transform", PIPELINE)
    os.truncate(left.log_file, len(left.log) // 100)
    lost = stream.rows("SELECT count(*) FROM raw.commits")
    stream.witness.saw(f"{lost[0][0]} commit was left of those that the build had read")
    stream.produce_numbers(range(EVENTS, 1_000))
    drain(**LIMITS)
    refused = penstock("transform", PIPELINE)
    _, stderr = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 1
    told = stderr.splitlines()[-2]
    assert "was read before and is not in it" in told
    assert "--full-refresh" in told
    stream.witness.saw("transform asked for --full-refresh")
    run_stage(stream.settings, "transform", PIPELINE, "--full-refresh")
    stream.assert_each_once(range(1_000))
    stream.assert_marts_undisturbed(range(1_000))
