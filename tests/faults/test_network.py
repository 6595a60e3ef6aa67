"""The network between consumer and broker is cut, stalled or slowed while a drain fetches."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.in_the_middle import EVENTS, SHORT, drain_in_the_middle
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE


@pytest.mark.fault(3, "all connections cut after the first commit of a drain")
def test_cut_connections_are_made_anew(own_broker: Broker, stream: FaultStream, penstock: Run) -> None:
    process = drain_in_the_middle(stream, own_broker, penstock)
    passed = own_broker.proxy.down
    cut = own_broker.proxy.cut()
    assert cut >= 1
    assert process.poll() is None
    own_broker.proxy.heal()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    more = own_broker.proxy.down - passed
    assert more > 1_000_000, "all had been fetched before the cut"
    stream.witness.saw(f"{cut} open connections cut, {more:,} bytes came over new ones")
    stream.assert_each_once(EVENTS)


@pytest.mark.slow
@pytest.mark.fault(3, "nothing passes any more, the connections stay open")
def test_a_stall_ends_the_drain_and_the_next_one_finishes(
    own_broker: Broker, stream: FaultStream, penstock: Run, drain: Callable[..., str]
) -> None:
    process = drain_in_the_middle(stream, own_broker, penstock, stall=SHORT)
    own_broker.proxy.stall()
    passed = own_broker.proxy.down
    _, stderr = process.communicate(timeout=PATIENCE)
    assert own_broker.proxy.down - passed < 200_000, "the stall let events pass"
    assert process.returncode == 1, stderr
    assert "Traceback" not in stderr
    assert "Error: " in stderr
    assert own_broker.servers in stderr
    landed = len(stream.event_ids())
    assert 0 < landed < len(EVENTS) - 80
    stream.witness.saw(f"{landed:,} rows had landed; the drain failed after {SHORT:g} s of the stall")
    own_broker.proxy.cut()
    own_broker.proxy.heal()
    drain()
    stream.assert_each_once(EVENTS)
    stream.assert_marts_undisturbed(EVENTS, width=500)


@pytest.mark.slow
@pytest.mark.fault(3, "slower than `stall` for the whole, never still")
def test_a_slow_network_only_makes_a_drain_slow(
    own_broker: Broker, stream: FaultStream, drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(12_000), width=1_000)
    own_broker.proxy.slow(700_000)  # 2 fetches of 1 MiB at once take 3 s
    passed, began = own_broker.proxy.down, time.monotonic()
    drain(stall=SHORT)
    seconds = time.monotonic() - began
    rate = (own_broker.proxy.down - passed) / seconds
    assert rate < 800_000
    assert seconds > SHORT
    stream.witness.saw(f"{rate / 1000:.0f} kB/s for {seconds:.0f} s")
    stream.assert_each_once(range(12_000))
