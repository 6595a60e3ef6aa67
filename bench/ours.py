"""Penstock itself, as it ships: `drain` as `penstock ingest drain` calls it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

from kafka import KafkaConsumer

from bench.profile import profiled
from bench.turn import Task, Timed
from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.limits import Limits
from penstock.ingest.consume.source import utc_now
from penstock.ingest.landing.batch import Landed
from penstock.ingest.parse.fast_path import load


def run(task: Task, fast_path_from: int = 0) -> Timed:
    """Land all, on the fast path where there are so many events; its code is loaded before the clock starts.
    `drain` closes its file, which is a checkpoint, before it returns."""
    limits = Limits(fast_drain_events=fast_path_from)
    if task.events >= fast_path_from:
        load(task.settings().data)
    settings, contract = task.settings(), task.contract()
    first_poll = _FirstPoll()
    committed = 0.0

    def note(landed: Landed) -> None:
        nonlocal committed
        committed = time.perf_counter()

    with profiled() if task.profile else nullcontext() as profile:
        drain(settings, contract, run_id="bench", clock=utc_now, on_landed=note, limits=limits)
        closed = time.perf_counter()
        steps = profile.steps() if profile else ()
    return Timed(
        seconds=committed - first_poll.at,
        checkpointed=closed - first_poll.at,
        database=settings.landing_file(contract.stream),
        table=f"raw.{contract.stream}",
        steps=steps,
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
