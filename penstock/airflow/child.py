"""A stage's command as a child of an Airflow task: its stderr line by line, its stdout whole, its end sure.

A command that fails says why as data, the last line of its stdout (`core/error_data.py`). One that could not
say so (it was killed, it never started, it broke off within the line) is described by how it ended.

Four ways a task can end, and what ends the command:
1. marked, cleared or shut down: Airflow calls `on_kill`, which calls `Child.stop`
2. a timeout or any other exception in the task: the `finally` of `Child.follow`
3. kill -9 of the task's process: the launcher sees its stdin close
4. kill -9 of the task's supervisor: `Child.follow` sees that its parent has changed, and ends the task, too
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.airflow import launcher
from penstock.core.error_data import ErrorData, error_printed
from penstock.core.printable import printable

_LOOK_AROUND = 0.5  # seconds between two looks at the parent and at the grace after a stop
_STOPPED = ErrorData(
    "StoppedFromOutside",
    "stopped from outside: the task was marked or cleared, or its worker was shut down",
)


@dataclass(frozen=True)
class Ended:
    """How a command ended. `error` says why it failed; None after success."""

    code: int
    stdout: str
    error: ErrorData | None
    stopped: bool  # by `stop`, so from outside


class Child:
    """One command, started at once."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
        self._program = command[0]
        self._parent = os.getppid()
        self._stopped_at: float | None = None
        self._process = subprocess.Popen(
            # -I -S: the launcher needs no packages, so it starts in 20 ms and no module can get in its way.
            [sys.executable, "-I", "-S", launcher.__file__, *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(env), cwd=cwd, start_new_session=True,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """Process id of the launcher, which is also the id of the command's process group."""
        return self._process.pid

    def follow(self, on_line: Callable[[str], None]) -> Ended:
        """Hand every line of stderr to `on_line` until the command ends; nothing of it runs afterwards."""
        last_line = ""

        def line_seen(line: str) -> None:
            nonlocal last_line
            line = printable(line)  # dbt's own lines may hold a value of an event
            if line.strip():
                last_line = line.strip()
                on_line(line)

        try:
            stdout = self._read_both(line_seen).decode("utf-8", "replace")
            code = self._process.wait()
        finally:
            self._end_group()
        if self._stopped_at is not None:
            return Ended(code, stdout, _STOPPED if code else None, stopped=True)
        error = (error_printed(stdout) or self._how_it_ended(code, last_line)) if code else None
        return Ended(code, stdout, error, stopped=False)

    def stop(self) -> None:
        """Ask the command to end. Safe in a signal handler: `follow` sees to the rest."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        self._signal(signal.SIGTERM)

    def _read_both(self, line_seen: Callable[[str], None]) -> bytes:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out, err = self._process.stdout.fileno(), self._process.stderr.fileno()
        stdout, rest = bytearray(), b""
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            selector.register(err, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(_LOOK_AROUND)
                if not ready and self._process.poll() is not None:
                    break  # the command has ended; something that it left behind holds the pipe open
                for key, _ in ready:
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        selector.unregister(key.fd)
                    elif key.fd == out:
                        stdout += chunk
                    else:
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            line_seen(line.decode("utf-8", "replace").rstrip("\r"))
                self._look_around()
        line_seen(rest.decode("utf-8", "replace"))
        return bytes(stdout)

    def _how_it_ended(self, code: int, last_line: str) -> ErrorData:
        """What is known of a command that failed and has not said why."""
        if code == launcher.CANNOT_START and last_line:
            fix = "set PENSTOCK_PYTHON to the interpreter that has penstock"
            return ErrorData("CannotStart", last_line, where=self._program, fix=fix)
        if code - 128 in set(signal.Signals):
            name = signal.Signals(code - 128).name
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return ErrorData("EndedBySignal", f"the command was ended by {name}{hint}")
        last_line = last_line or "it said nothing on stderr"
        return ErrorData("EndedWithoutError", f"the command ended with exit code {code}: {last_line}")

    def _look_around(self) -> None:
        if self._stopped_at is not None and time.monotonic() - self._stopped_at > launcher.GRACE:
            self._signal(signal.SIGKILL)
        if os.getppid() != self._parent:
            # Nobody is left to report to, so no exception: Airflow misses the heartbeats of this task, and
            # then fails or retries it.
            self._signal(signal.SIGKILL)
            os._exit(1)

    def _end_group(self) -> None:
        """Whatever still runs in the command's group ends; a command that still runs is asked first."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(launcher.GRACE)
        self._signal(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
