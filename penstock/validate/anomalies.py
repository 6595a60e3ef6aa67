"""What `on_anomaly` of a pipeline, and what is in quarantine, change in its suites."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from penstock.core.pipeline import OnAnomaly
from penstock.core.quarantine import Move, Periods, in_quarantine
from penstock.validate.feedback import as_periods_of
from penstock.validate.history.comparison import HISTORY_CHECK
from penstock.validate.history.question import HISTORY_CHECKS
from penstock.validate.suites import Check, Suite


def with_severities(suites: Iterable[Suite], on_anomaly: OnAnomaly) -> tuple[Suite, ...]:
    """The suites; under `warn` no check of history stops a run, whatever its own severity is."""

    def at_most_a_warning(mart: str, check: Check) -> Check:
        stops = check.type in HISTORY_CHECKS and check.severity == "critical"
        return replace(check, severity="warning") if stops else check

    return _each(suites, at_most_a_warning) if on_anomaly == "warn" else tuple(suites)


def with_what_is_left_out(suites: Iterable[Suite], moves: Iterable[Move]) -> tuple[Suite, ...]:
    """The suites, whose checks of history know which periods may lack rows: those in quarantine."""
    moves = list(moves)
    inside = in_quarantine(moves)
    touched = [
        periods
        for move in moves
        if move.action == "quarantine" and move.commits & inside.get(move.stream, frozenset())
        for periods in move.touched
    ]

    def knowing(mart: str, check: Check) -> Check:
        if check.type != HISTORY_CHECK:
            return check
        unfinished = sorted({one for periods in touched for one in _as_asked(mart, check, periods)})
        feedback = check.kwargs.get("feedback", {}) | {"unfinished": unfinished}
        return replace(check, kwargs=check.kwargs | {"feedback": feedback}) if unfinished else check

    return _each(suites, knowing)


def _as_asked(mart: str, check: Check, periods: Periods) -> list[str]:
    column, length = check.kwargs.get("period_column"), check.kwargs.get("period", "day")
    if (periods.mart, periods.period_column) != (mart, column):
        return []
    return as_periods_of(length, periods.periods, periods.period)


def _each(suites: Iterable[Suite], change: Callable[[str, Check], Check]) -> tuple[Suite, ...]:
    return tuple(
        replace(suite, checks=tuple(change(suite.mart, check) for check in suite.checks)) for suite in suites
    )
