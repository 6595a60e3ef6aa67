"""`accept`, `reject`, `undo`: a person decides of findings, and the next judgement knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.core.errors import GateError
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.settings import Settings
from penstock.core.verdict import Verdict, read_verdict
from penstock.validate.feedback import Decision, Kind, add_decisions, in_force, read_feedback


@dataclass(frozen=True)
class Decided:
    """The decisions that were made, and the file that holds them."""

    pipeline: str
    decisions: tuple[Decision, ...]
    file: Path


@dataclass(frozen=True)
class OpenFinding:
    """A finding of the verdict that waits for a decision."""

    finding: str
    mart: str
    text: str


@dataclass(frozen=True)
class Feedback:
    """All decisions of a pipeline, oldest first, which of them count, and the verdict's findings."""

    pipeline: str
    decisions: tuple[Decision, ...]
    in_force: tuple[str, ...]
    open: tuple[OpenFinding, ...]
    file: Path


def decide(
    settings: Settings,
    pipeline: str,
    kind: Kind,
    findings: Iterable[str],
    *,
    by: str,
    why: str,
    now: dt.datetime,
) -> Decided:
    """Note what `by` decided of `findings` (ids), all of them or none. `now` has a time zone.

    A finding is one of the verdict, or one that was decided of before. Raises GateError for one that is
    neither, and where no reason is given; DeclarationError where the file of decisions is damaged.
    """
    if not why.strip():
        raise GateError("a decision needs a reason", fix="say it with --why")
    file = settings.feedback_file(pipeline)
    with pipeline_lock(settings, pipeline, what=f"validate {kind}"):
        decided = read_feedback(file)
        known = {one.finding: one for one in (in_force(decided) if kind == "undo" else decided)}
        if kind != "undo":
            known |= _of_verdict(settings, pipeline)
        chosen = list(dict.fromkeys(findings))
        for one in chosen:
            if one not in known:
                raise _unknown(pipeline, kind, one, known)
            if kind == "reject" and not known[one].periods:
                raise GateError(
                    f"{one} is of no period, and no norm: {known[one].text}",
                    fix="it stays refused until the data is mended, or somebody accepts it",
                    value=one,
                )
        at = now.isoformat(timespec="seconds")
        made = [replace(known[one], decision=kind, by=by, at=at, why=why.strip()) for one in chosen]
        add_decisions(file, made)
    return Decided(pipeline, tuple(made), file)


def feedback(settings: Settings, pipeline: str) -> Feedback:
    """What was decided of a pipeline's findings, and what waits. Raises DeclarationError, GateError."""
    decided = read_feedback(settings.feedback_file(pipeline))
    return Feedback(
        pipeline=pipeline,
        decisions=tuple(decided),
        in_force=tuple(one.finding for one in in_force(decided)),
        open=tuple(
            OpenFinding(one.finding, one.mart, one.text) for one in _of_verdict(settings, pipeline).values()
        ),
        file=settings.feedback_file(pipeline),
    )


def decided_text(result: Decided) -> str:
    """For people: what was decided, and what to do for it to count."""
    name = result.pipeline
    lines = [f"{name}: {_DONE[one.decision]} {one.finding}: {one.text}" for one in result.decisions]
    if any(one.decision == "reject" for one in result.decisions):
        lines.append(
            "Nothing is compared with these periods any more, and what is not published stays refused."
        )
        lines.append(f"Mend the data, then run: penstock transform {name}, penstock validate {name}")
    else:
        run = f"penstock validate {name}, then penstock publish {name}"
        lines.append(f"The verdict stays as it is until the gate judges again. Run: {run}")
    return "\n".join(lines)


def feedback_text(result: Feedback) -> str:
    """For people: a line for each decision, and for each finding that waits."""
    lines = [
        f"{one.at}  {one.by}  {_DONE[one.decision]} {one.finding} of marts.{one.mart}: {one.text}: {one.why}"
        for one in result.decisions
    ]
    lines += [f"open  {one.finding} of marts.{one.mart}: {one.text}" for one in result.open]
    return "\n".join(lines or [f"{result.pipeline}: nothing was decided yet, and the verdict has no finding"])


_DONE: Mapping[Kind, str] = {"accept": "accepted", "reject": "rejected", "undo": "undone"}


def _of_verdict(settings: Settings, pipeline: str) -> dict[str, Decision]:
    """The findings of the newest verdict, by id, each as what a decision of it would say."""
    file = settings.verdict_file(pipeline)
    try:
        verdict = read_verdict(file)
    except ValueError as exc:
        raise GateError(
            f"{file}: is no verdict: {exc}", fix=f"run: penstock validate {pipeline}", where=file
        ) from exc
    return dict(_findings(verdict)) if verdict else {}


def _findings(verdict: Verdict) -> Iterable[tuple[str, Decision]]:
    for problem in verdict.problems:
        for found in problem.findings:
            if found.get("id"):  # an older Penstock gave none
                yield found["id"], _undecided(problem.mart, problem.check, found)


def _undecided(mart: str, check: str, found: Mapping[str, Any]) -> Decision:
    return Decision(
        decision="undo",
        finding=found["id"],
        by="",
        at="",
        why="",
        text=found["text"],
        mart=mart,
        check=check,
        measure=found["measure"],
        period_column=found.get("period_column"),
        period=found.get("period"),
        periods=tuple(found.get("periods", ())),
        level=found.get("level"),
    )


def _unknown(pipeline: str, kind: Kind, finding: str, known: Mapping[str, Decision]) -> GateError:
    where = "was decided of" if kind == "undo" else "is in the verdict"
    if not known:
        return GateError(
            f"no finding '{finding}': none {where}", fix=f"run: penstock validate {pipeline}", value=finding
        )
    listed = "; ".join(f"{one.finding}: {one.text}" for one in known.values())
    return GateError(f"no finding '{finding}' {where}", fix=f"known are {listed}", value=finding)
