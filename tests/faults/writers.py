"""Who writes a project's data files: looked at from outside, in /proc, again and again while a block runs."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from tests.patience import PATIENCE, until

_PAUSE = 0.05  # seconds between two looks
_STAGES = ("ingest", "transform", "validate", "publish")


@dataclass(eq=False)
class Command:
    """A `penstock <stage> …`, with all that it has started (dbt): when it was seen, what it wrote."""

    process: psutil.Process
    stage: str
    run_id: str
    first: float
    last: float
    wrote: set[str] = field(default_factory=set)


class Writers:
    """A context manager: from its begin to its end, every command that works on `data` is watched."""

    def __init__(self, data: Path) -> None:
        self.commands: list[Command] = []
        self.at_once: list[str] = []  # two commands that had a file open for writing at the same time
        self._data = data
        self._known: dict[tuple[int, bytes], Command | None] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Writers:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(PATIENCE)

    def of(self, stage: str, run_id: str) -> list[Command]:
        """The commands of this stage in this run, in the order in which they appeared."""
        return [one for one in list(self.commands) if (one.stage, one.run_id) == (stage, run_id)]

    def wait_for(self, stage: str, run_id: str, *, number: int = 1, writing: str = "") -> Command:
        """The `number`th command of the stage, as soon as it is there and, if named, has that file open."""

        def is_there() -> bool:
            assert self._thread.is_alive(), "nobody watches"
            commands = self.of(stage, run_id)
            return len(commands) >= number and (not writing or writing in commands[number - 1].wrote)

        until(is_there, f"no command {stage} {number} {writing} of run {run_id}")
        return self.of(stage, run_id)[number - 1]

    def told(self) -> str:
        """Words for the witness; AssertionError where two commands wrote a file at once, or nothing wrote."""
        assert not self._thread.is_alive()
        assert self.at_once == []
        files = Counter(file for command in self.commands for file in command.wrote)
        assert files
        return "never two writers at once: " + ", ".join(
            f"{file} by {count} in turn" for file, count in sorted(files.items())
        )

    def _watch(self) -> None:
        while not self._end.wait(_PAUSE):
            first = self._look()
            if any(len(writers) > 1 for writers in first.values()):
                again = self._look()  # who is there twice was there in between: truly at once
                for file, writers in first.items():
                    if len(both := writers & again.get(file, set())) > 1:
                        told = ", ".join(f"{one.stage} (PID {one.process.pid})" for one in both)
                        self.at_once.append(f"{file}: {told}")

    def _look(self) -> dict[str, set[Command]]:
        """File → the commands that have it open for writing."""
        found: dict[str, set[Command]] = defaultdict(set)
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = self._command_of(int(folder.name))
                files = self._written_in(folder) if command else set()
            except (OSError, psutil.Error):
                continue  # it ended meanwhile, or is somebody else's
            if command is not None:
                command.last = time.monotonic()
                command.wrote |= files
                for file in files:
                    found[file].add(command)
        return found

    def _command_of(self, pid: int) -> Command | None:
        """The command that this process is, or is a child of; None where it is not on our data."""
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"penstock" not in line or b"launcher.py" in line:
            return None
        if (pid, line) not in self._known:
            self._known[pid, line] = self._examined(psutil.Process(pid), line)
        return self._known[pid, line]

    def _examined(self, process: psutil.Process, line: bytes) -> Command | None:
        environment = process.environ()
        words = line.decode().split("\0")
        if environment.get("PENSTOCK_DATA") != str(self._data):
            return None
        if parents := self._command_of(process.ppid()):
            return parents
        stage = next((word for word in words[words.index("penstock") + 1 :] if word in _STAGES), None)
        if stage is None:
            return None
        now = time.monotonic()
        command = Command(process, stage, environment.get("PENSTOCK_RUN_ID", ""), now, now)
        self.commands.append(command)
        return command

    def _written_in(self, process: Path) -> set[str]:
        """`landing/…`, `warehouse/…`, or `marts/<pipeline>` (each publication is a file of its own)."""
        files = set()
        for descriptor in (process / "fd").iterdir():
            try:
                target = descriptor.readlink()
                flags = (process / "fdinfo" / descriptor.name).read_text().split("flags:")[1].split()[0]
            except OSError:
                continue  # closed meanwhile
            if target.is_relative_to(self._data) and int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
                folder, name, *_ = (*target.relative_to(self._data).parts, "")
                if folder in ("landing", "warehouse", "marts"):
                    files.add(f"{folder}/{name.partition('.')[0]}")
        return files
