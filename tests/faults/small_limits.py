"""Run a command of Penstock with some of its own limits changed, so that a test need not wait a minute.

    python small_limits.py stall=5 poll_batches=1 -- ingest drain customer_events

The code under test is the same; only how much, or how long, differs, and landing takes its fast path from the
first event on. `tell_phases=FD` makes it also write to that file descriptor, letter by letter, what it is
doing: see PHASES. With `events=N` it tells, once, when so many have landed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from kafka import KafkaConsumer

from penstock.cli import main
from penstock.core import duckdb_file
from penstock.ingest.consume import fetch, follow
from penstock.ingest.consume import pipeline as pipeline
from penstock.ingest.consume import source as consume
from penstock.ingest.decode import columns
from penstock.ingest.landing import file as landing
from penstock.transform import transform

PHASES = {"f": "fetch", "d": "decode", "i": "insert", "c": "commit", "a": "after"}
ALL_LANDED = "!"


def change(name: str, value: float) -> None:
    if name == "stall":  # seconds until a drain that gets nothing gives up
        fetch.Fetch.batch.__kwdefaults__["stall"] = value
        consume._BROKER_BACK_WITHIN = int(value * 1000)
    elif name == "batch_bytes":  # a batch lands when it holds this much
        fetch.BATCH_BYTES = int(value)
    elif name == "poll_batches":  # at most so many record batches are taken from the client at once
        poll = KafkaConsumer.poll
        KafkaConsumer.poll = lambda self, timeout_ms=0: poll(self, timeout_ms, max_records=int(value))
    elif name == "look_at_topic":  # seconds between two looks of a follow at its topic
        follow._LOOK_AT_TOPIC = value
    elif name == "linger":  # seconds that a follow's batch gathers events
        follow._LINGER = value
    elif name == "stand_still_at_insert":  # where that insert begins, it stops itself (SIGSTOP)
        stand_still_at_insert(int(value))
    elif name == "file_wait":  # seconds that a stage after ingest waits for a file that is held
        transform.transform.__kwdefaults__["patience"] = value
        duckdb_file.open_duckdb.__kwdefaults__["wait"] = value
    else:
        raise ValueError(name)


def stand_still_at_insert(which: int) -> None:
    land = landing.LandingFile.land
    inserts = 0

    def landed(*args: Any, **kwargs: Any) -> Any:
        nonlocal inserts
        inserts += 1
        if inserts == which:
            os.kill(os.getpid(), signal.SIGSTOP)
        return land(*args, **kwargs)

    landing.LandingFile.land = landed


def report_phases(descriptor: int, *, events: int) -> None:
    """Write a letter whenever a phase of landing begins, and ALL_LANDED once so many events have landed."""

    def before(letter: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def told(*args: Any, **kwargs: Any) -> Any:
            os.write(descriptor, letter.encode())
            return function(*args, **kwargs)

        return told

    points = {"ingest.inserted": b"c", "ingest.committed": b"a"}  # the commit lies between these two
    kill_point = landing.kill_point

    def at_point(name: str) -> None:
        kill_point(name)
        if name in points:
            os.write(descriptor, points[name])

    took = fetch.Fetch.took

    def took_and_told(self: fetch.Fetch, batch: landing.Batch) -> None:
        took(self, batch)
        if sum(self.landed().values()) == events:
            os.write(descriptor, ALL_LANDED.encode())

    landing.kill_point = at_point
    fetch.Fetch.took = took_and_told
    fetch.Fetch._poll = before("f", fetch.Fetch._poll)
    columns.decode = before("d", columns.decode)
    landing.LandingFile.land = before("i", landing.LandingFile.land)


if __name__ == "__main__":
    words = sys.argv[1:]
    command = words[words.index("--") + 1 :]
    pairs = (word.partition("=") for word in words[: words.index("--")])
    limits = {name: float(value) for name, _, value in pairs}
    pipeline.WORTH_IT = follow._BUSY = 0
    if "tell_phases" in limits:
        report_phases(int(limits.pop("tell_phases")), events=int(limits.pop("events", 0)))
    for name, value in limits.items():
        change(name, value)
    sys.argv[1:] = command
    main()
