"""The checks of history, asked again as of each earlier period of a mart: would they have stopped a run?

Nothing is written, and the files that declare the pipeline may have changed since its build: whoever tunes a
check asks what it would say now.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from penstock.core.build_record import candidate_table
from penstock.core.errors import GateError
from penstock.core.pipeline import load_pipeline
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.quarantine import read_moves
from penstock.core.settings import Settings
from penstock.validate.anomalies import with_severities, with_what_is_left_out
from penstock.validate.candidates import open_warehouse, the_build
from penstock.validate.feedback import read_feedback, with_feedback
from penstock.validate.history.as_of import AsOf, as_of_each_period
from penstock.validate.history.comparison import HISTORY_CHECK, Question
from penstock.validate.history.findings import period_text
from penstock.validate.history.keys import KEYS_CHECK
from penstock.validate.history.question import question_of, refuse_wrong_question
from penstock.validate.published import published_as_marts
from penstock.validate.suites import Check, Suite, read_suites

Source = Literal["candidate", "published"]
_MONTH = 30  # days


@dataclass(frozen=True)
class Alarm:
    """What a run would have said of `period`, the newest that it judged. `stops`: it would have ended."""

    period: str
    stops: bool
    rejected: bool
    text: str
    findings: list[dict[str, Any]]


@dataclass(frozen=True)
class CheckOfPast:
    """A check as of each period of a mart. `judged` and `learning` count them; of the latter, nothing could
    be said. An alarm is false, for people have accepted what the mart holds; but for what they rejected."""

    mart: str
    check: str
    description: str | None
    period_column: str
    period: str
    severity: str
    judged: int
    learning: int
    stopped: int
    warned: int
    false_alarms_per_month: float | None
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class NotAsked:
    """A check of history that knows no earlier period."""

    mart: str
    check: str
    description: str | None
    reason: str


@dataclass(frozen=True)
class Backtest:
    """What all checks of history of a pipeline would have said, and of what: its candidates, or where there
    are none the published marts."""

    pipeline: str
    source: Source
    days: int
    checks: tuple[CheckOfPast, ...]
    not_asked: tuple[NotAsked, ...]


def backtest(settings: Settings, pipeline: str, *, days: int) -> Backtest:
    """Ask the checks of history of `pipeline` as of each period of the last `days` days that a mart has.

    It holds the pipeline's lock, so that whoever wants to build meanwhile hears what holds the warehouse.
    Raises DeclarationError for a wrong suite, GateError where nothing is built or published yet, BusyError.
    """
    with pipeline_lock(settings, pipeline, what="validate backtest"), _marts(settings, pipeline) as opened:
        connection, source, marts = opened
        suites = read_suites(settings.suites_dir(pipeline), marts)
        for suite in suites:
            for check in suite.checks:
                refuse_wrong_question(connection, check, suite.mart)
        suites = with_severities(suites, load_pipeline(settings, pipeline).on_anomaly)
        suites = with_feedback(suites, read_feedback(settings.feedback_file(pipeline)))
        suites = with_what_is_left_out(suites, read_moves(settings.quarantine_file(pipeline)))
        of_history = [(suite, check) for suite in suites for check in suite.checks]
        return Backtest(
            pipeline=pipeline,
            source=source,
            days=days,
            checks=tuple(
                _check_of_past(connection, suite, check, days=days)
                for suite, check in of_history
                if check.type == HISTORY_CHECK
            ),
            not_asked=tuple(
                NotAsked(suite.mart, check.type, check.description, "it compares two versions, here is one")
                for suite, check in of_history
                if check.type == KEYS_CHECK
            ),
        )


def backtest_text(result: Backtest) -> str:
    """For people: what was asked, a summary of each check, and when it would have said what."""
    what = "candidates" if result.source == "candidate" else "published marts"
    lines = [f"{result.pipeline}: as of each period of the last {result.days} days of the {what}"]
    if not result.checks:
        lines.append(f"no check of history to ask: declare {HISTORY_CHECK} in a suite")
    for check in result.checks:
        lines.append(f"marts.{check.mart}: {_named(check)}: {_counted(check)}")
        lines += [
            f"  {'would stop' if alarm.stops else 'would warn'} as of {alarm.period}"
            f"{', rightly (rejected)' if alarm.rejected else ''}: {alarm.text}"
            for alarm in check.alarms
        ]
    lines += [f"not asked: {one.check} of marts.{one.mart}: {one.reason}" for one in result.not_asked]
    return "\n".join(lines)


def _check_of_past(
    connection: duckdb.DuckDBPyConnection, suite: Suite, check: Check, *, days: int
) -> CheckOfPast:
    question = question_of(check.kwargs, check.kwargs.get("feedback", {}))
    said = as_of_each_period(connection, candidate_table(suite.mart), question, days=days)
    judged = [one for one in said if one.compared.learning is None]
    alarms = [_alarm(one, check, question) for one in judged if one.compared.findings]
    false = sum(not alarm.rejected for alarm in alarms)
    judged_days = len({one.period.date() for one in judged})
    return CheckOfPast(
        mart=suite.mart,
        check=check.type,
        description=check.description,
        period_column=question.column,
        period=question.period,
        severity=check.severity,
        judged=len(judged),
        learning=len(said) - len(judged),
        stopped=sum(alarm.stops for alarm in alarms),
        warned=sum(not alarm.stops for alarm in alarms),
        false_alarms_per_month=round(false * _MONTH / judged_days, 2) if judged_days else None,
        alarms=tuple(alarms),
    )


def _alarm(said: AsOf, check: Check, question: Question) -> Alarm:
    column, period = question.column, question.period
    return Alarm(
        period=period_text(said.period, period),
        stops=said.compared.stops and check.severity == "critical",
        rejected=any(one in question.rejected for found in said.compared.findings for one in found.periods),
        text=said.compared.text(period),
        findings=[one.as_json(column, period) for one in said.compared.findings],
    )


def _named(check: CheckOfPast) -> str:
    name = f"{check.check} ({check.period_column} by {check.period})"
    return f"“{check.description}” {name}" if check.description else name


def _counted(check: CheckOfPast) -> str:
    learning = f"{check.learning} {check.period}s only learned from"
    if not check.judged:
        return f"nothing judged, {learning}"
    said = f"{check.stopped} would have stopped a run, {check.warned} would have warned"
    rate = f"{check.false_alarms_per_month:g} false alarms a month"
    return f"{check.judged} {check.period}s judged, {learning}; {said}: {rate}"


@contextmanager
def _marts(
    settings: Settings, pipeline: str
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Source, list[str]]]:
    """A connection whose schema `marts` holds the candidates, or where no build has finished what is
    published; which of them that is, and the names of the marts."""
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(
                closing(open_warehouse(settings.warehouse_file(pipeline), pipeline))
            )
            source: Source = "candidate"
            marts = [mart.name for mart in the_build(connection, pipeline).marts]
        except GateError:
            if not settings.marts_link(pipeline).is_symlink():
                raise
            connection = opened.enter_context(closing(duckdb.connect()))
            source, marts = "published", published_as_marts(connection, settings.marts_link(pipeline))
        yield connection, source, marts
