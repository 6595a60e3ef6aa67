"""Ingest killed with signal 9 at random moments: KILLS= and SEED= say how many and which.

The victim tells, through a pipe, which phase it is in. A moment is: some time after the nth begin of some
phase, or, where that cannot come any more, after all has landed. The last phase that came through the pipe
says where the kill really fell.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaProducer

from tests.faults.fault_stream import FaultStream, numbered
from tests.faults.small_limits import ALL_LANDED, PHASES
from tests.patience import PATIENCE

EVENTS = 400  # produced before each kill
MOST = 6  # times that a phase is waited for: so many batches there are
LIMITS = ("batch_bytes=5000", "poll_batches=1", "linger=0.05")


@dataclass(frozen=True)
class Moment:
    """When to kill: so many seconds after a phase began the nth time."""

    phase: str
    times: int
    pause: float

    @staticmethod
    def any(chance: random.Random) -> Moment:
        pauses = [0, chance.uniform(0, 0.003), chance.uniform(0, 0.05)]
        return Moment(chance.choice(list(PHASES)), chance.randint(1, MOST), chance.choice(pauses))


class Victim:
    """A command that lands events, of which the topic has so many, and the letters that it told so far."""

    def __init__(self, command: str, events: int, log: Path) -> None:
        self._pipe, write = os.pipe()
        self._log = log
        program = [sys.executable, str(Path(__file__).with_name("small_limits.py"))]
        limits = [*LIMITS, f"events={events}", f"tell_phases={write}"]
        words = ["ingest", command, "customer_events"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*program, *limits, "--", *words], pass_fds=[write], stdout=output, stderr=output
            )
        os.close(write)
        self.told = ""

    def wait_for(self, moment: Moment) -> None:
        """Wait until the moment has come, or cannot come any more: all has landed, or the command ended."""
        deadline = time.monotonic() + PATIENCE
        while self.told.count(moment.phase) < moment.times and ALL_LANDED not in self.told:
            if not self._hear(1, deadline):
                return
        time.sleep(moment.pause)

    def kill(self) -> str | None:
        """End it now; the phase that it was in, or None where it had ended by itself, in peace."""
        self.process.kill()
        code = self.process.wait(PATIENCE)
        while self._hear(1000, time.monotonic() + PATIENCE):
            pass
        os.close(self._pipe)
        assert code in (0, -signal.SIGKILL), f"the victim ended with {code}: {self._log.read_text()}"
        return PHASES[self.told.replace(ALL_LANDED, "")[-1]] if code else None

    def _hear(self, most: int, deadline: float) -> bool:
        """Take in what it tells next; False where it tells nothing any more."""
        readable, _, _ = select.select([self._pipe], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            self.process.kill()
            pytest.fail(f"after {PATIENCE:g} s the victim is at {self.told}: {self._log.read_text()}")
        piece = os.read(self._pipe, most)
        self.told += piece.decode()
        return bool(piece)


@pytest.mark.fault(4, "drains and follows killed at random moments")
def test_killed_at_random_moments_nothing_is_lost_or_doubled(
    stream: FaultStream, drain: Callable[..., str], tmp_path: Path
) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    kills = int(os.environ.get("KILLS") or 10)
    print(f"SEED={seed}")  # a failure shows it
    chance = random.Random(seed)
    phases: Counter[str] = Counter()
    produced = 0
    producer = KafkaProducer(bootstrap_servers=stream.settings.bootstrap_servers)
    while phases.total() < kills:
        for number in range(produced, produced + EVENTS):
            producer.send(stream.topic, numbered(number), partition=number % 2)
        producer.flush()
        produced += EVENTS
        victim = Victim(chance.choice(["drain", "follow"]), produced, tmp_path / "victim.log")
        victim.wait_for(Moment.any(chance))
        phase = victim.kill()
        if phase is not None:
            phases[phase] += 1
        if stream.settings.landing_file("customer_events").exists():
            account = stream.account()
            assert all(read == there for read, there in account.values()), account
    producer.close()
    drain()
    told = ", ".join(f"{phases[phase]} in {phase}" for phase in PHASES.values())
    stream.witness.saw(f"SEED={seed}: {kills} processes died of signal 9: {told}")
    stream.assert_each_once(range(produced))
    stream.assert_marts_undisturbed(range(produced))
