"""The visible step list of run-local: what runs now with a bar, and a line for each thing that is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Step:
    """One step while it runs. `result` is what its line says when it is done."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self.result = ""

    def show(self, share: float, note: str = "") -> None:
        """Move the bar to `share` (0 to 1), with a note beside it."""
        self._progress.update(self._task, total=1.0, completed=share, note=note)

    def say(self, line: str) -> None:
        """A line that stays."""
        self._progress.console.print(f"      {line}", markup=False, highlight=False)


class Steps:
    """Numbers the steps and prints them to `console`, also where it is no terminal."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._begun = 0

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while the block runs; then its result and seconds, or that it failed."""
        self._begun += 1
        label = f"[{self._begun}/{self._total}] {title}"
        started = time.monotonic()
        columns = (
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn(),
        )  # fmt: skip
        live = self._console.is_terminal
        if not live:
            self._print(f"… {label}")
        try:
            with Progress(*columns, console=self._console, transient=True, disable=not live) as progress:
                step = Step(progress, progress.add_task(label, total=None, note=""))
                yield step
        except BaseException:
            self._print(f"✗ {label}", style="red")
            raise
        self._print(f"✓ {label}: {step.result} ({time.monotonic() - started:.1f} s)", style="green")

    def say(self, line: str) -> None:
        """A line that stays, between steps."""
        self._print(f"      {line}")

    def _print(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
