"""A drain or a follow that is in the middle of its work, seen from outside."""

from __future__ import annotations

from functools import partial
from subprocess import Popen

import own_stream
from conftest import Run
from fault_stream import FaultStream
from own_broker import Broker

EVENTS = range(8_000)
SMALL_BATCHES = {"batch_bytes": 100_000, "poll_batches": 1}
until = partial(own_stream.until, seconds=60.0)


def drain_in_the_middle(stream: FaultStream, broker: Broker, penstock: Run, *, stall: float) -> Popen[str]:
    """A drain of EVENTS that has landed some, and cannot have landed all: the network is slow."""
    stream.produce_numbers(EVENTS, width=500)
    broker.proxy.slow(1_000_000)
    process = penstock("ingest", "drain", "customer_events", stall=stall, **SMALL_BATCHES)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("commit 1: "), process.stderr.read()
    return process


def read(stream: FaultStream) -> int:
    """How many offsets the landing file has passed."""
    return sum(there for there, _ in stream.account().values())
