"""The broker is killed with signal 9 in the middle of a drain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.in_the_middle import EVENTS, SHORT, drain_in_the_middle
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE


@pytest.mark.slow
@pytest.mark.fault(1, "killed after the first commit of a drain, started again")
def test_a_drain_outlives_a_broker_that_dies_and_comes_back(
    own_broker: Broker, stream: FaultStream, penstock: Run
) -> None:
    process = drain_in_the_middle(stream, own_broker, penstock)
    stream.witness.saw(own_broker.kill())
    assert process.poll() is None
    own_broker.proxy.heal()
    own_broker.start()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    stream.assert_each_once(EVENTS)


@pytest.mark.slow
@pytest.mark.fault(1, "killed after the first commit of a drain, stays away")
def test_a_broker_that_stays_away_ends_the_drain_and_the_next_one_finishes(
    own_broker: Broker, stream: FaultStream, penstock: Run, drain: Callable[..., str]
) -> None:
    process = drain_in_the_middle(stream, own_broker, penstock, stall=SHORT)
    stream.witness.saw(own_broker.kill())
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Traceback" not in stderr
    assert f"127.0.0.1:{own_broker.proxy.port}" in stderr
    landed = len(stream.event_ids())
    assert 0 < landed < len(EVENTS) - 80
    stream.witness.saw(f"the drain failed after {landed:,} rows")
    own_broker.proxy.heal()
    own_broker.start()
    drain()
    stream.assert_each_once(EVENTS)
    stream.assert_marts_undisturbed(EVENTS, width=500)
