"""Ingest killed with signal 9 at random moments: KILLS= and SEED= say how many and which.

The victim tells, through a pipe, which phase it is in. A moment is: some time after the nth begin of some
phase. The last that came through the pipe says where the kill really fell.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_stream import FaultStream, numbered
from kafka import KafkaProducer
from small_limits import PHASES

EVENTS = 400  # produced before each kill: 8 commits or more, with those that only tell how far a follow is
MOST = {"d": 4}  # times that a phase is waited for, others 8: who has nothing to land decodes nothing
LIMITS = ("batch_bytes=5000", "poll_batches=1", "linger=0.05")
PATIENCE = 30.0  # seconds for a victim to reach its moment


class Victim:
    """A command that lands events, and the letters of its phases so far."""

    def __init__(self, command: str) -> None:
        self._read, write = os.pipe()
        program = str(Path(__file__).with_name("small_limits.py"))
        words = [*LIMITS, f"tell_phases={write}", "--", "ingest", command, "customer_events"]
        self.process = subprocess.Popen(
            [sys.executable, program, *words],
            pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write)
        self.told = ""

    def wait_for(self, letter: str, times: int) -> bool:
        """Wait until a phase began so many times; False where the command ended before."""
        while self.told.count(letter) < times:
            piece = os.read(self._read, 1)
            if not piece:
                return False
            self.told += piece.decode()
        return True

    def kill(self) -> str | None:
        """End it now; the phase that it was in, or None where it had ended by itself."""
        self.process.kill()
        code = self.process.wait(timeout=PATIENCE)
        while piece := os.read(self._read, 1000):
            self.told += piece.decode()
        os.close(self._read)
        return PHASES[self.told[-1]] if code == -signal.SIGKILL else None


@pytest.mark.fault(4, "drains and follows killed at random moments")
def test_killed_at_random_moments_nothing_is_lost_or_doubled(
    stream: FaultStream, drain: Callable[..., str]
) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    kills = int(os.environ.get("KILLS") or 10)
    chance = random.Random(seed)
    phases: Counter[str] = Counter()
    produced = 0
    producer = KafkaProducer(bootstrap_servers=stream.settings.bootstrap_servers)
    while phases.total() < kills:
        for number in range(produced, produced + EVENTS):
            producer.send(stream.topic, numbered(number), partition=number % 2)
        producer.flush()
        produced += EVENTS
        victim = Victim(chance.choice(["drain", "follow"]))
        letter = chance.choice(list(PHASES))
        if victim.wait_for(letter, times=chance.randint(1, MOST.get(letter, 8))):
            time.sleep(chance.choice([0, chance.uniform(0, 0.01), chance.uniform(0, 0.05)]))
        phase = victim.kill()
        if phase is not None:
            phases[phase] += 1
        if stream.settings.landing_file("customer_events").exists():
            account = stream.account()
            assert all(read == there for read, there in account.values()), f"SEED={seed}: {account}"
    producer.close()
    drain()
    told = ", ".join(f"{phases[phase]} in {phase}" for phase in PHASES.values())
    stream.witness.saw(f"SEED={seed}: {kills} processes died of signal 9: {told}")
    stream.assert_each_once(range(produced))
    stream.assert_marts_undisturbed(range(produced))
