"""Following a real topic: events land as they come, readers get in, a stop is clean."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import BusyError
from penstock.ingest.consume.drain import drain, wait_until_landed
from penstock.ingest.consume.source import utc_now
from tests.integration.ingest.own_stream import Stream
from tests.patience import PATIENCE, lines, until

Event = Callable[..., bytes]


@contextmanager
def following() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "penstock", "ingest", "follow", "customer_events", "-o", "json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def count(stream: Stream) -> int:
    return int(stream.rows("SELECT count(*) FROM raw.customer_events")[0][0])


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_events_land_as_they_come_and_a_stop_is_clean(
    stream: Stream, event: Event, stop: signal.Signals
) -> None:
    stream.produce([event(number) for number in range(10)])
    with following() as process:
        until(lambda: count(stream) == 10)
        stream.produce([event(number) for number in range(10, 30)])
        until(lambda: count(stream) == 30)
        process.send_signal(stop)
        stdout, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert json.loads(stdout)["landed"] == 30
    assert drain(stream.settings, stream.contract, run_id="r", clock=utc_now).landed == 0
    assert stream.account() == {0: (15, 15), 1: (15, 15)}


def test_complete_until_moves_on_while_nothing_comes(stream: Stream, event: Event) -> None:
    stream.produce([event(1)])
    with following():
        until(lambda: count(stream) == 1)
        moment = utc_now()
        until(lambda: stream.rows("SELECT complete_until FROM raw.landing")[0][0] > moment)


def test_a_held_file_delays_a_follow_and_loses_nothing(stream: Stream, event: Event) -> None:
    stream.produce([event(1)])
    with following() as process:
        until(lambda: count(stream) == 1)
        reader = open_duckdb(stream.settings.landing_file("customer_events"), read_only=True)
        stream.produce([event(number) for number in range(2, 12)])
        said = next(line for line in lines(process.stderr) if "events wait in Kafka meanwhile" in line)
        assert f"(PID {os.getpid()})" in said
        reader.close()
        until(lambda: count(stream) == 11)


def test_a_drain_beside_a_follow_waits_until_all_is_there(stream: Stream, event: Event) -> None:
    stream.produce([event(number) for number in range(10)])
    with following():
        until(lambda: count(stream) == 10)
        stream.produce([event(number) for number in range(10, 200)])
        result = drain(stream.settings, stream.contract, run_id="r", clock=utc_now)
        assert (result.by_another, result.landed) == (True, 0)
        until(lambda: count(stream) == 200)
        assert stream.account() == {0: (100, 100), 1: (100, 100)}


def test_wait_sees_that_a_follow_has_landed_all(stream: Stream, event: Event) -> None:
    stream.produce([event(number) for number in range(10)])
    with pytest.raises(BusyError, match=r"landing file is at \{\}, the topic at \{0: 5, 1: 5\}"):
        wait_until_landed(stream.settings, stream.contract, clock=utc_now, wait=0.1)
    with following():
        assert wait_until_landed(stream.settings, stream.contract, clock=utc_now, wait=PATIENCE).by_another
    assert count(stream) == 10
