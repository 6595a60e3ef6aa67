"""What people decided of the findings of history: `data/feedback/<pipeline>.yaml`.

`accept`: a value is the new normal. `reject`: these periods are bad, and nothing is ever compared with them.
`undo`: the decision on a finding counts no more. The file is a list to which each decision is added; of one
finding the last counts.

The same candidate is judged again after a decision: nothing need be built anew. Its form: `core/yaml_log.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from penstock.core.command import to_json
from penstock.core.yaml_log import Form, read_log, write_log
from penstock.validate.history.comparison import HISTORY_CHECK
from penstock.validate.history.periods import LENGTHS, Period
from penstock.validate.history.question import HISTORY_CHECKS
from penstock.validate.suites import Check, Suite

Kind = Literal["accept", "reject", "undo"]
_HEAD = """\
# What people decided of findings of the gate; of one finding the last decision counts. It is written by
# penstock validate accept | reject | undo.
"""


@dataclass(frozen=True)
class Decision:
    """What `by` decided of a finding. `periods` of a column (`period_column`) are days or hours (`period`);
    `level` is the value on its scale. A finding about values of keys has none of these."""

    decision: Kind
    finding: str
    by: str
    at: str
    why: str
    text: str
    mart: str
    check: str
    measure: str
    period_column: str | None
    period: str | None
    periods: tuple[str, ...]
    level: float | None


_TEXTS = ("finding", "by", "at", "why", "text", "mart", "check", "measure")
_KEYS = tuple(Decision.__dataclass_fields__)


def read_feedback(file: Path) -> list[Decision]:
    """All decisions, oldest first; none where there is no file. Raises DeclarationError, which names file and
    line, for one that is damaged."""
    form = Form(_KEYS, _problem, without="then nothing was ever decided")
    return [Decision(**item | {"periods": tuple(item["periods"])}) for item in read_log(file, form)]


def add_decisions(file: Path, decisions: Iterable[Decision]) -> None:
    """Add `decisions` to the file, which holds all of them afterwards, or is as it was."""
    write_log(file, _HEAD, [to_json(one) for one in [*read_feedback(file), *decisions]])


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that count: of each finding the last, if it does not undo another."""
    last = {one.finding: one for one in decisions}
    return [one for one in last.values() if one.decision != "undo"]


def with_feedback(suites: Iterable[Suite], decisions: Iterable[Decision]) -> tuple[Suite, ...]:
    """The suites, whose checks of history get what people decided as `feedback` of their `kwargs`."""
    counting = in_force(decisions)
    return tuple(
        replace(suite, checks=tuple(_with_feedback(suite.mart, check, counting) for check in suite.checks))
        for suite in suites
    )


def feedback_of(mart: str, check: Check, decisions: Iterable[Decision]) -> dict[str, Any]:
    """What people decided of the findings of one check, in plain JSON types. All decisions are in force.

    Rejected is a period of the mart, as its `period_column` counts time: for each check that does so.
    """
    of_mart = [one for one in decisions if one.mart == mart]
    accepted = [one for one in of_mart if one.decision == "accept" and one.check == check.type]
    if check.type != HISTORY_CHECK:
        return {"accepted": [one.finding for one in accepted]}
    column, period = check.kwargs.get("period_column"), check.kwargs.get("period", "day")
    return {
        "accepted": [
            {"measure": one.measure, "periods": list(one.periods), "level": one.level}
            for one in accepted
            if (one.period_column, one.period) == (column, period)
        ],
        "rejected": sorted(
            {
                text
                for one in of_mart
                if one.decision == "reject" and one.period_column == column
                for text in as_periods_of(period, one.periods, str(one.period))
            }
        ),
    }


def as_periods_of(length: str, periods: Iterable[str], of: str) -> list[str]:
    """Days or hours (`of`) as periods of another length: a day is its hours, an hour is of its day."""
    return [str(part) for text in periods for part in _parts(dt.datetime.fromisoformat(text), of, length)]


def _with_feedback(mart: str, check: Check, decisions: Iterable[Decision]) -> Check:
    if check.type not in HISTORY_CHECKS:
        return check
    found = feedback_of(mart, check, decisions)
    return replace(check, kwargs=check.kwargs | {"feedback": found}) if any(found.values()) else check


def _parts(one: Period, of: str, into: str) -> list[Period]:
    """A day as its hours, an hour as its day; else itself."""
    if of == "day" and into == "hour":
        return [one + number * LENGTHS["hour"] for number in range(24)]
    return [one.replace(hour=0)] if into == "day" else [one]


def _problem(key: str, value: Any) -> str | None:
    """Why `value` cannot stand at `key`; None where it can."""
    if key in _TEXTS and not (isinstance(value, str) and value):
        return "a text is expected (in quotes, if need be)"
    if key == "decision" and value not in get_args(Kind):
        return f"known are {', '.join(get_args(Kind))}"
    if key == "period" and value is not None and value not in LENGTHS:
        return f"known are {', '.join(LENGTHS)}"
    if key == "level" and (isinstance(value, bool) or not isinstance(value, float | int | None)):
        return "a number is expected"
    if key == "periods" and not (isinstance(value, list) and all(map(_is_period, value))):
        return 'a list of periods is expected: ["2026-01-12"]'
    return None


def _is_period(text: Any) -> bool:
    try:
        return isinstance(text, str) and dt.datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False
