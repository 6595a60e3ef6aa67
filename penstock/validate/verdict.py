"""What the gate says of a build: a file for publish, a text for people, an error for the run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from penstock.core.command import to_json
from penstock.core.errors import GateError, GateRefused, PenstockError
from penstock.core.kill_point import kill_point
from penstock.core.part_file import flush
from penstock.core.printable import printable
from penstock.validate.published import Skipped

Outcome = Literal["passed", "refused", "error"]
_PROBLEMS_TOLD = 5


@dataclass(frozen=True)
class Counts:
    """How many checks did what. `warned` failed without blocking; `errored` could not be judged."""

    passed: int = 0
    warned: int = 0
    failed: int = 0
    errored: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.warned + other.warned,
            self.failed + other.failed,
            self.errored + other.errored,
            self.skipped + other.skipped,
        )


@dataclass(frozen=True)
class Problem:
    """A check that failed, or that raised (then `error` says what)."""

    mart: str
    check: str
    column: str | None
    severity: str
    observed: str | None
    error: str | None
    message: str


@dataclass(frozen=True)
class Verdict:
    """The gate's verdict on exactly one build. Problems stand in the order of their weight."""

    pipeline: str
    build_id: str
    run_id: str
    judged_at: datetime
    outcome: Outcome
    checks: Counts
    marts: dict[str, Counts]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]
    warnings_by_mart: dict[str, int]
    docs: Path


def write_verdict(verdict: Verdict, path: Path) -> None:
    """Write the verdict as JSON, whole or not at all, also when the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".json.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(printable(json.dumps(to_json(verdict), ensure_ascii=False, indent=2)))
        file.flush()
        os.fsync(file.fileno())
    kill_point("validate.written")
    unfinished.rename(path)
    kill_point("validate.renamed")
    flush(path.parent)


def verdict_text(verdict: Verdict) -> str:
    """A summary for people: the outcome, one line per mart, the gravest problems, what was skipped."""
    lines = [f"{verdict.pipeline}: {verdict.outcome}, {_counted(verdict.checks)}"]
    width = max(len(mart) for mart in verdict.marts)
    lines += [f"  {mart:<{width}}  {_counted(counts)}" for mart, counts in verdict.marts.items()]
    lines += [f"{_kind(problem)}: {problem.message}" for problem in verdict.problems[:_PROBLEMS_TOLD]]
    if len(verdict.problems) > _PROBLEMS_TOLD:
        lines.append(f"and {len(verdict.problems) - _PROBLEMS_TOLD} more, see the Data Docs")
    for reason in dict.fromkeys(skip.reason for skip in verdict.skipped):
        marts = [skip.mart for skip in verdict.skipped if skip.reason == reason]
        lines.append(
            f"skipped: {_plural(len(marts), 'check')} of {', '.join(dict.fromkeys(marts))}: {reason}"
        )
    lines.append(f"Data Docs: {verdict.docs}")
    return "\n".join(lines)


def verdict_error(verdict: Verdict) -> PenstockError | None:
    """The error that blocks the run, or None where the build passed.

    A check that raised weighs more than bad data: GateError; then bad data: GateRefused.
    """
    fix = f"see {verdict.docs}"
    errored = [problem for problem in verdict.problems if problem.error is not None]
    failed = [problem for problem in verdict.problems if _blocks(problem)]
    if errored:
        message = _first_and_more(errored, "could not be judged")
        if failed:
            message += f"; and bad data: {_first_and_more(failed, 'failed')}"
        return GateError(message, fix=fix)
    if failed:
        return GateRefused(_first_and_more(failed, "failed"), fix=fix)
    return None


def by_weight(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Checks that raised, then what blocks, then warnings; each in the declared order."""
    return tuple(sorted(problems, key=lambda p: (p.error is None, not _blocks(p), p.severity != "warning")))


def _blocks(problem: Problem) -> bool:
    return problem.error is None and problem.severity == "critical"


def _kind(problem: Problem) -> str:
    if problem.error is not None:
        return "error"
    return "failed" if _blocks(problem) else problem.severity


def _first_and_more(problems: list[Problem], what: str) -> str:
    more = len(problems) - 1
    told = f"; and {more} more {'check' if more == 1 else 'checks'} {what}" if more else ""
    return problems[0].message + told


def _counted(counts: Counts) -> str:
    told = [
        f"{count} {word}"
        for word, count in (
            ("failed", counts.failed),
            ("could not be judged", counts.errored),
            ("warned", counts.warned),
            ("skipped", counts.skipped),
        )
        if count
    ]
    return ", ".join([f"{_plural(counts.passed, 'check')} passed", *told])


def _plural(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
