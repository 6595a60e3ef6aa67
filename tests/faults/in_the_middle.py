"""A drain or a follow that is in the middle of its work, seen from outside."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE, next_line

EVENTS = range(8_000)
SMALL_BATCHES = {"batch_bytes": 100_000, "poll_batches": 1}
SHORT = 15.0  # seconds without an event that end a drain; one fetch takes 2 over the slow network


def drain_in_the_middle(
    stream: FaultStream, broker: Broker, penstock: Run, *, stall: float = PATIENCE
) -> Popen[str]:
    """A drain of EVENTS that has landed some, and cannot have landed all: the network is slow."""
    stream.produce_numbers(EVENTS, width=500)
    broker.proxy.slow(1_000_000)
    process = penstock("ingest", "drain", "customer_events", stall=stall, **SMALL_BATCHES)
    first = next_line(process.stderr)
    assert first.startswith("commit 1: "), first
    return process


@contextmanager
def standing_still(process: Popen[str]) -> Iterator[None]:
    """It does nothing while the block runs, however long that takes."""
    process.send_signal(signal.SIGSTOP)
    yield
    process.send_signal(signal.SIGCONT)


def read(stream: FaultStream) -> int:
    """How many offsets the landing file has passed."""
    return sum(there for there, _ in stream.account().values())
