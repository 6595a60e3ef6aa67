"""The broker is killed with signal 9 in the middle of a drain."""

from __future__ import annotations

import time
from collections.abc import Callable
from subprocess import Popen

import pytest
from conftest import Run
from fault_stream import FaultStream
from own_broker import Broker

EVENTS = range(8_000)


def drain_until_first_commit(
    stream: FaultStream, broker: Broker, penstock: Run, *, stall: float
) -> Popen[str]:
    """A drain that has landed some events, and cannot have landed all: the network is slow."""
    stream.produce_numbers(EVENTS, width=500)
    broker.proxy.slow(1_000_000)
    process = penstock(
        "ingest", "drain", "customer_events", batch_bytes=100_000, poll_records=500, stall=stall
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("commit 1: "), process.stderr.read()
    return process


@pytest.mark.slow
@pytest.mark.fault(1, "killed after the first commit of a drain, started again")
def test_a_drain_outlives_a_broker_that_dies_and_comes_back(
    own_broker: Broker, stream: FaultStream, penstock: Run
) -> None:
    process = drain_until_first_commit(stream, own_broker, penstock, stall=60)
    stream.witness.saw(own_broker.kill())
    assert process.poll() is None
    own_broker.proxy.heal()
    own_broker.start()
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 0, stderr
    stream.assert_each_once(EVENTS)


@pytest.mark.slow
@pytest.mark.fault(1, "killed after the first commit of a drain, stays away")
def test_a_broker_that_stays_away_ends_the_drain_and_the_next_one_finishes(
    own_broker: Broker, stream: FaultStream, penstock: Run, drain: Callable[..., str]
) -> None:
    process = drain_until_first_commit(stream, own_broker, penstock, stall=5)
    stream.witness.saw(own_broker.kill())
    began = time.monotonic()
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 1
    assert "Traceback" not in stderr
    assert f"127.0.0.1:{own_broker.proxy.port}" in stderr
    assert time.monotonic() - began < 60
    landed = len(stream.event_ids())
    assert 0 < landed < len(EVENTS) - 80
    stream.witness.saw(f"the drain failed after {landed:,} rows")
    own_broker.proxy.heal()
    own_broker.start()
    drain()
    stream.assert_each_once(EVENTS)
    stream.assert_marts_undisturbed(EVENTS, width=500)
