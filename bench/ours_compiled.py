"""Penstock with its extra `compiled`: machine code, loaded before the clock starts, reads the events."""

from __future__ import annotations

from bench import ours
from bench.turn import Task, Timed
from penstock.ingest.readers import compiled_readers


def run(task: Task) -> Timed:
    """Land all."""
    return ours.run(task, compiled_readers())
