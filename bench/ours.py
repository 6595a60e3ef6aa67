"""Penstock itself, as it ships: `drain` as `penstock ingest drain` calls it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

from kafka import KafkaConsumer

from bench.profile import profiled
from bench.run import Task, Timed
from penstock.ingest.check.checker import Checker
from penstock.ingest.check.result import Checked
from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.limits import Limits
from penstock.ingest.consume.source import utc_now
from penstock.ingest.landing.batch import Landed
from penstock.ingest.parse.fast_path import load

_CHECKER: Any = Checker


def run(task: Task) -> Timed:
    """Land all; the code of the fast path is loaded before the clock starts, and few events take it, too.
    `drain` closes its file, which is a checkpoint, before it returns."""
    settings, contract = task.settings(), task.contract()
    load(settings.data)
    first_poll, fast_path = _FirstPoll(), _FastPath()
    committed = 0.0

    def note(landed: Landed) -> None:
        nonlocal committed
        committed = time.perf_counter()

    with profiled() if task.profile else nullcontext() as profile:
        drain(
            settings,
            contract,
            run_id="bench",
            clock=utc_now,
            on_landed=note,
            limits=Limits(fast_drain_events=0),
        )
        closed = time.perf_counter()
        steps = profile.steps() if profile else ()
    return Timed(
        seconds=committed - first_poll.at,
        checkpointed=closed - first_poll.at,
        database=settings.landing_file(contract.stream),
        table=f"raw.{contract.stream}",
        steps=steps,
        fast=fast_path.events,
    )


class _FirstPoll:
    """When this process first polls Kafka; watching ends with that."""

    def __init__(self) -> None:
        self.at = 0.0
        poll = KafkaConsumer.poll

        def watched(consumer: KafkaConsumer, *arguments: Any, **named: Any) -> Any:
            self.at = time.perf_counter()
            KafkaConsumer.poll = poll
            return poll(consumer, *arguments, **named)

        KafkaConsumer.poll = watched


class _FastPath:
    """How many events took it."""

    def __init__(self) -> None:
        self.events = 0
        check = Checker.check

        def watched(checker: Checker, *arguments: Any, **named: Any) -> Checked:
            checked = check(checker, *arguments, **named)
            self.events += checked.good_parsed
            return checked

        _CHECKER.check = watched
