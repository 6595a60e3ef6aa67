"""All that one run of the bench found; None for what was not run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.file_size import FileSize
from bench.history import History
from bench.idle import Idle
from bench.machine import Machine
from bench.memory import Memory
from bench.pairs import Pairs
from bench.run import Outcome
from bench.shapes import Measured
from bench.variations import Variation


@dataclass(frozen=True)
class Result:
    """One run. `events`: of the pairs; other parts take as many, or fewer, and say so."""

    machine: Machine
    events: int
    pairs: Pairs | None
    shapes: tuple[Measured, ...] | None
    profile: tuple[Outcome, ...] | None
    variations: tuple[Variation, ...] | None
    memory: tuple[Memory, ...] | None
    idle: Idle | None
    file_size: FileSize | None
    history: History | None
    minutes: float
