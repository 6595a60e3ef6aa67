"""How long tests wait: a limit ends a hang, and says nothing about speed.

What waits for a condition or a line does so through here, so that nothing waits for ever and a busy machine
is no finding. What Penstock promises about its own waits is tested by what it says, not by the clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, AnyStr

import psutil

from penstock.core.errors import PenstockError

PATIENCE = 450.0  # seconds: what takes so long hangs, on however busy a machine
PATIENCE_FOR_A_RUN = 1500.0  # the same, where all stages run in Airflow
_PAUSE = 0.05  # seconds between two looks


def until(holds: Callable[[], object], what: str = "the condition did not come true") -> None:
    """Wait for a condition. A file that is held or missing, which Penstock tells, only means: not yet."""
    deadline = time.monotonic() + PATIENCE
    told = ""
    while True:
        try:
            if holds():
                return
        except PenstockError as exc:
            told = f": {exc}"
        assert time.monotonic() < deadline, f"{what}, not within {PATIENCE:g} s{told}"
        time.sleep(_PAUSE)


def is_gone(process: psutil.Process) -> bool:
    """Whether it is no more, or only a zombie, which does nothing."""
    try:
        return bool(not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def next_line(pipe: IO[AnyStr] | None) -> AnyStr:
    """The next line of a process's output; empty where it ended."""
    assert pipe is not None
    lines: list[AnyStr] = []
    reader = threading.Thread(target=lambda: lines.append(pipe.readline()), daemon=True)
    reader.start()
    reader.join(PATIENCE)
    assert lines, f"no line came within {PATIENCE:g} s"
    return lines[0]


def lines(pipe: IO[AnyStr] | None) -> Iterator[AnyStr]:
    """The lines of a process's output, to its end."""
    while line := next_line(pipe):
        yield line
