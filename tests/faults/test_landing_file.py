"""The landing file is held by another process, cut short, or replaced by garbage."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.faults.fault_stream import FaultStream
from tests.patience import PATIENCE, next_line

HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.mark.fault(10, "the landing file held by another process")
def test_a_held_file_is_waited_for_then_the_holder_is_named(
    stream: FaultStream, drain: Callable[..., str], failed_drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(100))
    drain()
    stream.produce_numbers(range(100, 300))
    file = stream.settings.landing_file("customer_events")
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert next_line(holder.stdout) == "held\n"
        error = failed_drain("--wait", "2")
        holder.communicate(timeout=PATIENCE)
    assert f"{file}: held by " in error
    assert "python" in error
    assert f"(PID {holder.pid}) for more than 2 s" in error
    stream.witness.saw(f"the drain named the holder, PID {holder.pid}")
    drain()
    stream.assert_each_once(range(300))


@pytest.mark.fault(11, "the landing file replaced by")
@pytest.mark.parametrize("damage", ["half", "a few bytes", "garbage", "another file"])
def test_a_damaged_file_is_reported_and_never_overwritten(
    stream: FaultStream, drain: Callable[..., str], failed_drain: Callable[..., str], damage: str
) -> None:
    stream.produce_numbers(range(3_000), width=200)
    drain()
    file = stream.settings.landing_file("customer_events")
    whole = file.read_bytes()
    damaged = {
        "half": whole[: len(whole) // 2],
        "a few bytes": whole[:100],
        "garbage": os.urandom(len(whole)),
        "another file": b"event_id,event_time\n1,2\n" * 1000,
    }[damage]
    file.write_bytes(damaged)
    stream.produce_numbers(range(3_000, 3_100))
    error = failed_drain()
    assert str(file) in error
    assert file.read_bytes() == damaged
    stream.witness.saw(f"the drain refused the file; its {len(damaged):,} bytes stayed")
    file.write_bytes(whole)  # from a copy
    drain()
    stream.assert_each_once(range(3_100))
