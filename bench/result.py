"""All that one run of the bench found; None for what was not run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.machine import Machine
from bench.pairs import Pairs


@dataclass(frozen=True)
class Result:
    """One run. `events`: of the pairs; other parts take as many, or fewer, and say so."""

    machine: Machine
    events: int
    pairs: Pairs | None
    minutes: float
