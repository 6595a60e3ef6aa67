"""What the gate says of a build to people: a text, or the error that stops the run."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.core.errors import GateError, GateRefused, PenstockError
from penstock.core.quarantine import commits_text
from penstock.core.verdict import Counts, Problem, Verdict

_PROBLEMS_TOLD = 5


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
    lines += [f"in quarantine: {one}" for one in quarantined_texts(verdict)]
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


def quarantined_texts(verdict: Verdict) -> list[str]:
    """What the build leaves out, a line for each stream."""
    return [
        commits_text(one.stream, [(run["first_commit"], run["last_commit"]) for run in one.commits])
        + f", {one.events:,} {'event' if one.events == 1 else 'events'}: not in the marts"
        for one in verdict.quarantined
    ]


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
    others = f"; and {more} more {'check' if more == 1 else 'checks'} {what}" if more else ""
    return problems[0].message + others


def _counted(counts: Counts) -> str:
    parts = [
        f"{count} {word}"
        for word, count in (
            ("failed", counts.failed),
            ("could not be judged", counts.errored),
            ("warned", counts.warned),
            ("skipped", counts.skipped),
        )
        if count
    ]
    return ", ".join([f"{_plural(counts.passed, 'check')} passed", *parts])


def _plural(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
