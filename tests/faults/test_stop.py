"""A `follow` is asked to stop while it lands: SIGTERM, or Ctrl-C."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from subprocess import Popen

import psutil
import pytest

from penstock.core.duckdb_file import open_duckdb
from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.in_the_middle import read
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE, lines, until

EVENTS = range(1_000)
# Commits of some 70 events; it stands still where its third insert begins.
SMALL = {"poll_batches": 1, "batch_bytes": 5_000, "linger": 0.1, "stand_still_at_insert": 3}


def stop(process: Popen[str], how: signal.Signals) -> tuple[float, int]:
    """Send the signal, also to one that stands still; returns how long the end took, and what the follow says
    it landed."""
    began = time.monotonic()
    process.send_signal(how)
    process.send_signal(signal.SIGCONT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    seconds = time.monotonic() - began
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    said = json.loads(stdout)
    return seconds, said["landed"] + said["rejected"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
@pytest.mark.fault(5, "a follow is stopped while it inserts its third batch")
def test_a_stop_in_the_middle_of_landing_is_clean_and_fast(
    stream: FaultStream, penstock: Run, drain: Callable[..., str], how: signal.Signals
) -> None:
    stream.produce_numbers(EVENTS)
    process = penstock("ingest", "follow", "customer_events", "-o", "json", **SMALL)
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    seconds, landed = stop(process, how)
    account = stream.account()
    assert sum(there for there, _ in account.values()) == landed
    assert all(there == kept for there, kept in account.values())
    assert 0 < landed < len(EVENTS)
    stream.witness.saw(
        f"{how.name} after {landed} of {len(EVENTS):,} events; it ended with 0 after {seconds:.1f} s"
    )
    drain()
    stream.assert_each_once(EVENTS)


@pytest.mark.slow
@pytest.mark.fault(
    5, "a follow is stopped while another process holds its file, then while the network stalls"
)
def test_a_stop_is_clean_and_fast_also_while_a_follow_waits(
    own_broker: Broker, stream: FaultStream, penstock: Run, drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(100))
    process = penstock("ingest", "follow", "customer_events", "-o", "json")
    until(lambda: read(stream) == 100)
    holder = open_duckdb(stream.settings.landing_file("customer_events"), read_only=True, wait=PATIENCE)
    stream.produce_numbers(range(100, 1_000))
    assert any("events wait in Kafka meanwhile" in said for said in lines(process.stderr)), "it ended"
    seconds, landed = stop(process, signal.SIGTERM)
    holder.close()
    assert landed == 100
    stream.witness.saw(f"the file was held: ended after {seconds:.1f} s")

    process = penstock("ingest", "follow", "customer_events", "-o", "json")
    until(lambda: read(stream) == 1_000)
    own_broker.proxy.stall()
    passed = own_broker.proxy.down
    seconds, landed = stop(process, signal.SIGINT)
    assert own_broker.proxy.down - passed < 1_000  # an answer may have been on its way
    assert landed == 900
    stream.witness.saw(f"the network stood still: ended after {seconds:.1f} s")
    own_broker.proxy.heal()
    drain()
    stream.assert_each_once(EVENTS)
    stream.assert_marts_undisturbed(EVENTS)
