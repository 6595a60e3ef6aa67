"""The gate's verdict on one build, as a file: the gate writes it, publish, doctor and the alert read it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from penstock.core.command import to_json
from penstock.core.kill_point import kill_point
from penstock.core.part_file import flush, part_file
from penstock.core.printable import printable
from penstock.core.quarantine import Periods, as_periods

Outcome = Literal["passed", "refused", "error"]


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
    """A check that failed, or that raised (then `error` says what). `findings`: of a check of history, what
    is unusual, each with its measure, value and usual range; of an older verdict none."""

    mart: str
    check: str
    column: str | None
    severity: str
    observed: str | None
    error: str | None
    message: str
    findings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Skipped:
    """A check that could not run because there is nothing published to compare with."""

    mart: str
    check: str
    description: str | None
    reason: str


@dataclass(frozen=True)
class NewInput:
    """What came of a stream since the last publication: its commits, and by partition (`epoch`, `partition`)
    the offsets from `from_offset` to before `next_offset`. Commits that were in quarantine have none."""

    stream: str
    first_commit: int
    last_commit: int
    offsets: list[dict[str, int]]


@dataclass(frozen=True)
class Quarantined:
    """Commits of a stream that the build leaves out, each run its `first_commit` and `last_commit`, and how
    many events landed in them."""

    stream: str
    commits: list[dict[str, int]]
    events: int


@dataclass(frozen=True)
class Verdict:
    """The gate's verdict on exactly one build. Problems stand in the order of their weight. An older verdict
    has no `new_inputs`, `new_periods` and `quarantined`. `new_periods`: what the checks of history judged."""

    pipeline: str
    build_id: str
    run_id: str
    judged_at: dt.datetime
    outcome: Outcome
    checks: Counts
    marts: dict[str, Counts]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]
    warnings_by_mart: dict[str, int]
    docs: Path
    new_inputs: tuple[NewInput, ...] = ()
    new_periods: tuple[Periods, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


def write_verdict(verdict: Verdict, file: Path) -> None:
    """Write the verdict as JSON, whole or not at all, also when the machine stops."""
    text = printable(json.dumps(to_json(verdict), ensure_ascii=False, indent=2))
    with part_file(file) as part:
        part.write_text(text, encoding="utf-8")
        flush(part)
        kill_point("validate.written")
        part.replace(file)
        kill_point("validate.renamed")
    flush(file.parent)


def read_verdict(file: Path) -> Verdict | None:
    """The verdict in `file`; None where there is none. Raises ValueError, which says why, for what is no
    verdict, and OSError."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(content, dict):
        raise ValueError("a JSON object is expected")
    try:
        return _verdict(content)
    except KeyError as exc:
        raise ValueError(f"it has no {exc}") from None
    except (TypeError, AttributeError) as exc:
        raise ValueError(f"it is not as this Penstock writes one: {exc}") from exc


def _verdict(content: dict[str, Any]) -> Verdict:
    if content["outcome"] not in get_args(Outcome):
        raise ValueError(f"its outcome is {content['outcome']!r}")
    return Verdict(
        **content
        | {
            "judged_at": dt.datetime.fromisoformat(content["judged_at"]),
            "checks": Counts(**content["checks"]),
            "marts": {mart: Counts(**counts) for mart, counts in content["marts"].items()},
            "problems": tuple(Problem(**problem) for problem in content["problems"]),
            "skipped": tuple(Skipped(**skipped) for skipped in content["skipped"]),
            "docs": Path(content["docs"]),
            "new_inputs": tuple(NewInput(**one) for one in content.get("new_inputs", [])),
            "new_periods": tuple(map(as_periods, content.get("new_periods", []))),
            "quarantined": tuple(Quarantined(**one) for one in content.get("quarantined", [])),
        }
    )
