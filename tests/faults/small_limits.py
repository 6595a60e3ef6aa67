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
from penstock.ingest.consume import fetch
from penstock.ingest.consume.limits import Limits
from penstock.ingest.decode import columns
from penstock.ingest.landing import file as landing
from penstock.ingest.landing.batch import Batch
from penstock.transform import transform

PHASES = {"f": "fetch", "d": "decode", "i": "insert", "c": "commit", "a": "after"}
ALL_LANDED = "!"


def set_default(function: Callable[..., Any], name: str, value: Any) -> None:
    """Change the default of a keyword of a function, which must have it."""
    defaults = function.__kwdefaults__
    assert name in defaults, f"{function.__qualname__} has no keyword {name}"
    defaults[name] = value


def change(name: str, value: float) -> None:
    if name == "poll_batches":  # at most so many record batches are taken from the client at once
        poll = KafkaConsumer.poll
        KafkaConsumer.poll = lambda self, timeout_ms=0: poll(self, timeout_ms, max_records=int(value))
    elif name == "stand_still_at_insert":  # where that insert begins, it stops itself (SIGSTOP)
        stand_still_at_insert(int(value))
    elif name == "file_wait":  # seconds that a stage after ingest waits for a file that is held
        set_default(transform.transform, "patience", value)
        set_default(duckdb_file.open_duckdb, "wait", value)
    else:
        raise ValueError(name)


def limits_of(given: dict[str, float]) -> Limits:
    """What is given of landing's own limits; taken out of `given`."""
    limits: dict[str, Any] = {"fast_drain_events": 0, "fast_follow_events": 0}
    if (stall := given.pop("stall", None)) is not None:  # seconds without an event, or an answer
        limits |= {"stall_s": stall, "topic_answer_ms": int(stall * 1000)}
    if (size := given.pop("batch_bytes", None)) is not None:
        limits["batch_bytes"] = int(size)
    for name, limit in (("look_at_topic", "look_at_topic_s"), ("linger", "follow_linger_s")):
        if (value := given.pop(name, None)) is not None:
            limits[limit] = value
    return Limits(**limits)


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

    def took_and_reported(self: fetch.Fetch, batch: Batch) -> None:
        took(self, batch)
        if sum(self.landed().values()) == events:
            os.write(descriptor, ALL_LANDED.encode())

    landing.kill_point = at_point
    fetch.Fetch.took = took_and_reported
    fetch.Fetch._poll = before("f", fetch.Fetch._poll)
    columns.decode = before("d", columns.decode)
    landing.LandingFile.land = before("i", landing.LandingFile.land)


if __name__ == "__main__":
    words = sys.argv[1:]
    command = words[words.index("--") + 1 :]
    pairs = (word.partition("=") for word in words[: words.index("--")])
    given = {name: float(value) for name, _, value in pairs}
    limits = limits_of(given)
    if "tell_phases" in given:
        report_phases(int(given.pop("tell_phases")), events=int(given.pop("events", 0)))
    for name, value in given.items():
        change(name, value)
    sys.argv[1:] = command
    main(obj=limits)
