"""Where our time goes: processor seconds of each step of one run, and how long the landing thread was in it.

A few functions are wrapped; no profiler slows the rest. DuckDB works with threads of its own, so a step of
the landing thread costs what the whole process used meanwhile, less what Python's other threads used.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.run import Step
from penstock.ingest.check.checker import Checker
from penstock.ingest.consume import drain as drain_module
from penstock.ingest.consume.fetch import Fetch
from penstock.ingest.consume.source import Source
from penstock.ingest.decode import columns as columns_module
from penstock.ingest.landing.file import LandingFile

_PARSE = "parse on the fast path"
_RULES = "check their rules"
_INSERT = "insert"
_REST = "check what is left by SQL"
_COMMIT = "offsets, rejects, commit"

# Of the threads that fetch and check ahead, then of the one that lands; "land" is what its inner steps leave.
_AHEAD = (
    (Fetch, "_poll", "poll: check, decompress"),
    (columns_module, "decode", "decode to Arrow columns"),
    (Checker, "read", _PARSE),
    (Checker, "_is_good", _RULES),
    (Checker, "_check_remaining", _REST),
    (Source, "topic_by_now", "ask whether the topic is the same"),
)
_LANDING = (
    (LandingFile, "insert_rows", _INSERT),
    (LandingFile, "land", _COMMIT),
    (Fetch, "commit_group", "commit the group offsets"),
)
_NETWORK = "receive (kafka-python's network thread)"
_DRAIN: Any = drain_module
_CLOSE = "close the file: checkpoint"


@dataclass
class Profile:
    """What was spent so far, by step."""

    cpu: defaultdict[str, float]
    wall: defaultdict[str, float]
    began_cpu: float
    began: float

    def steps(self) -> tuple[Step, ...]:
        """Call it at the end of the run: from the first step to the last, then all that is left."""
        wall = time.perf_counter() - self.began
        self.cpu[_COMMIT] -= self.cpu[_INSERT]
        self.wall[_COMMIT] -= self.wall[_INSERT]
        # Clocks of threads and of the process do not tick together: a step may come out a little below zero.
        steps = [Step(name, round(max(self.cpu[name], 0), 3), round(self.wall[name], 3)) for name in self.cpu]
        rest = time.process_time() - self.began_cpu - sum(step.cpu for step in steps)
        waiting = wall - sum(step.wall for step in steps)
        return (*steps, Step("all else; waiting for the fetch", round(rest, 3), round(waiting, 3)))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step of the landing thread."""
        wall, cpu, others = time.perf_counter(), time.process_time(), _cpu_of_others()
        try:
            yield
        finally:
            self.wall[name] += time.perf_counter() - wall
            self.cpu[name] += time.process_time() - cpu - (_cpu_of_others() - others)
            self.cpu[_NETWORK] = max(self.cpu[_NETWORK], _cpu_of_others("kafka-io"))

    def closing(self, opened: Callable[..., Any]) -> Callable[..., Any]:
        """`open_landing`, whose end is a step."""

        @contextmanager
        def open_and_close(*arguments: Any, **named: Any) -> Iterator[Any]:
            block = opened(*arguments, **named)
            landing = block.__enter__()
            try:
                yield landing
            finally:
                with self.step(_CLOSE):
                    block.__exit__(None, None, None)

        return open_and_close

    @contextmanager
    def ahead(self, name: str) -> Iterator[None]:
        """A step of a thread that works ahead."""
        cpu = time.thread_time()
        try:
            yield
        finally:
            self.cpu[name] += time.thread_time() - cpu


@contextmanager
def profiled() -> Iterator[Profile]:
    """From now on, the profile times each step."""
    profile = Profile(defaultdict(float), defaultdict(float), time.process_time(), time.perf_counter())
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in (*_AHEAD, *_LANDING)]
    for wrapped, hooks in ((profile.ahead, _AHEAD), (profile.step, _LANDING)):
        for owner, name, step in hooks:
            setattr(owner, name, _within(getattr(owner, name), wrapped, step))
    opened = _DRAIN.open_landing
    originals.append((_DRAIN, "open_landing", opened))
    _DRAIN.open_landing = profile.closing(opened)
    try:
        yield profile
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def _within(function: Callable[..., Any], wrapped: Callable[[str], Any], step: str) -> Callable[..., Any]:
    def within(*arguments: Any, **named: Any) -> Any:
        with wrapped(step):
            return function(*arguments, **named)

    return within


def _cpu_of_others(named: str = "") -> float:
    """Processor seconds of Python's other threads (of those whose name holds `named`), as they live now."""
    spent = 0.0
    for thread in threading.enumerate():
        if thread is threading.current_thread() or thread.ident is None or named not in thread.name:
            continue
        try:
            spent += time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        except OSError:  # it has just ended
            continue
    return spent
