"""Ingest killed with signal 9 at random moments: KILLS= and SEED= say how many and which.

What the landing file says after each kill tells the phase that the kill fell into.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import pytest
from conftest import Run
from fault_stream import FaultStream

from penstock.core.errors import PenstockError

EVENTS = 400  # before each kill, landed in commits of about 50
LIMITS = {"poll_records": 50, "batch_bytes": 5_000}


def kept(stream: FaultStream) -> int:
    """Rows and rejects that are there."""
    try:
        return sum(there for _, there in stream.account().values())
    except PenstockError:  # killed before there was a file
        return 0


def phase(stream: FaultStream, before: int, after: int) -> str:
    wal = stream.settings.landing_file("customer_events").with_suffix(".duckdb.wal")
    if after == before:
        return "before the first commit"
    if after < before + EVENTS:
        return "between two commits"
    return "after the last commit" + (", file not closed" if wal.exists() else "")


@pytest.mark.fault(4, "killed at random moments")
def test_killed_at_random_moments_nothing_is_lost_or_doubled(
    stream: FaultStream, penstock: Run, drain: Callable[..., str]
) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    kills = int(os.environ.get("KILLS") or 10)
    moments = random.Random(seed)
    produced = EVENTS
    stream.produce_numbers(range(produced))
    began = time.monotonic()
    drain(**LIMITS)
    whole = time.monotonic() - began
    phases: Counter[str] = Counter()
    while phases.total() < kills:
        stream.produce_numbers(range(produced, produced + EVENTS))
        produced += EVENTS
        before = kept(stream)
        process = penstock("ingest", "drain", "customer_events", **LIMITS)
        try:
            process.wait(moments.uniform(0.4, 1.0) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            phases[phase(stream, before, kept(stream))] += 1
        else:  # it was faster than the kill
            assert process.returncode == 0
        account = stream.account()
        assert all(read == there for read, there in account.values()), f"SEED={seed}: {account}"
        drain(**LIMITS)
    stream.witness.saw(f"SEED={seed}: {kills} kills: {dict(phases)}")
    stream.assert_each_once(range(produced))
