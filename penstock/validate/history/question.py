"""What a suite says of a mart's history, read and checked.

- type: expect_new_periods_to_resemble_history
  kwargs:
    period_column: started_at   # when a row is
    period: day                 # or hour
    window: 56                  # periods looked back on
    min_periods: 7              # of fewer published ones nothing is judged
    exceptional:                # not judged, and nothing is compared with them
      "2025-11-28": Black Friday
    measures:                   # all of the usual ones, but for what is said here
      mean(duration_seconds): {silenced: the app counts anew since May}
      max(revenue): {tolerance: 2}
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from penstock.core.build_record import candidate_table
from penstock.core.yaml_file import suggestion
from penstock.validate.history.comparison import HISTORY_CHECK, Question
from penstock.validate.history.findings import Accepted
from penstock.validate.history.keys import KEYS_CHECK
from penstock.validate.history.periods import LENGTHS, Period
from penstock.validate.suites import Check

HISTORY_CHECKS = (HISTORY_CHECK, KEYS_CHECK)

HISTORY_KEYS = ("period_column", "period", "window", "min_periods", "exceptional", "measures")

_ALONE = ("rows", "published_rows", "copies", "hours", "full_hours", "full_minutes")
_OF_A_COLUMN = (
    "mean", "above_zero", "median", "p90", "outside", "max", "top", "nulls", "distinct", "largest", "new",
    "mix",
)  # fmt: skip
_KEYS_NUMBERS = {"warn_percent": 100, "stop_percent": 100, "min_keys": 10**9}  # the highest of each
_MEASURE = re.compile(r"(\w+)\((.+)\)")
_TIMES = ("TIMESTAMP", "DATE", "TIMESTAMP WITH TIME ZONE")


def question_of(kwargs: Mapping[str, Any], feedback: Mapping[str, Any], mart: str | None = None) -> Question:
    """The question that a check's `kwargs` ask, which `refuse_wrong_question` has passed, with what people
    decided of its findings (`feedback.py`); these get ids where `mart` is said."""
    measures: Mapping[str, Mapping[str, Any]] = kwargs.get("measures") or {}
    return Question(
        column=kwargs["period_column"],
        period=kwargs.get("period", Question.period),
        window=kwargs.get("window", Question.window),
        min_periods=kwargs.get("min_periods", Question.min_periods),
        left_out={_period(str(text)) for text in kwargs.get("exceptional") or {}},
        silenced={name for name, said in measures.items() if "silenced" in said},
        tolerance={name: float(said["tolerance"]) for name, said in measures.items() if "tolerance" in said},
        accepted=[
            Accepted(said["measure"], tuple(map(_period, said["periods"])), said["level"])
            for said in feedback.get("accepted", ())
        ],
        rejected={_period(text) for text in feedback.get("rejected", ())},
        unfinished={_period(text) for text in feedback.get("unfinished", ())},
        mart=mart,
    )


def refuse_wrong_question(connection: duckdb.DuckDBPyConnection, check: Check, mart: str) -> None:
    """Raises DeclarationError (file, line, fix) for what a check of history says wrongly of a candidate."""
    if check.type not in HISTORY_CHECKS:
        return
    rows = connection.execute(f"DESCRIBE FROM {candidate_table(mart)}").fetchall()
    types = {str(name): str(kind) for name, kind, *_ in rows}
    if check.type == KEYS_CHECK:
        _refuse_wrong_keys(check, mart, types)
        return
    for key in check.kwargs:
        if key not in HISTORY_KEYS:
            raise check.error(
                "kwargs", str(key), message=f"{check.type} has no '{key}'",
                fix=suggestion(str(key), HISTORY_KEYS),
            )  # fmt: skip
    column = check.kwargs.get("period_column")
    if column not in types:
        raise check.error(
            "kwargs", "period_column", message=f"marts.{mart} has no column {column!r}",
            fix=suggestion(str(column), types),
        )  # fmt: skip
    if types[column] not in _TIMES:
        raise check.error(
            "kwargs", "period_column", message=f"period_column {column} is a {types[column]}",
            fix="name the column that says when a row is: a timestamp or a date",
        )  # fmt: skip
    period = check.kwargs.get("period", "day")
    if period not in LENGTHS:
        raise check.error(
            "kwargs", "period", message=f"period is {period!r}", fix=suggestion(str(period), LENGTHS)
        )
    for key in ("window", "min_periods"):
        number = check.kwargs.get(key, 1)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise check.error("kwargs", key, message=f"{key} is {number!r}", fix="write a number of periods")
    _refuse_wrong_exceptions(check)
    _refuse_wrong_measures(check, types)


def _refuse_wrong_keys(check: Check, mart: str, names: Iterable[str]) -> None:
    columns = check.kwargs.get("columns")
    if not isinstance(columns, list) or not columns:
        raise check.error(
            "kwargs", "columns", message=f"columns is {columns!r}", fix="list the columns whose values stay"
        )
    for where, name in (("key", check.kwargs.get("key")), *(("columns", name) for name in columns)):
        if name not in names:
            raise check.error(
                "kwargs", where, message=f"marts.{mart} has no column {name!r}",
                fix=suggestion(str(name), names),
            )  # fmt: skip
    for name, highest in _KEYS_NUMBERS.items():
        number = check.kwargs.get(name, 1)
        if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number <= highest:
            raise check.error(
                "kwargs", name, message=f"{name} is {number!r}", fix=f"write a number from 0 to {highest}"
            )


def _refuse_wrong_exceptions(check: Check) -> None:
    exceptional = _mapping(check, "exceptional", 'of periods to reasons: "2025-11-28": Black Friday')
    for text, why in exceptional.items():
        try:
            _period(str(text))
        except ValueError:
            raise check.error(
                "kwargs", "exceptional", str(text), message=f"{text!r} is no period",
                fix='write a day, "2025-11-28", or an hour, "2025-11-28 14:00", of UTC',
            ) from None  # fmt: skip
        if not isinstance(why, str) or not why.strip():
            raise check.error(
                "kwargs", "exceptional", str(text), message=f"{text}: a reason is missing",
                fix="say why this period is exceptional",
            )  # fmt: skip


def _refuse_wrong_measures(check: Check, types: Mapping[str, str]) -> None:
    measures = _mapping(check, "measures", "of measures: max(revenue): {tolerance: 2}")
    for name, said in measures.items():
        named = _MEASURE.fullmatch(str(name))
        known = [*_ALONE, *(f"{one}({column})" for one in _OF_A_COLUMN for column in types)]
        if name not in _ALONE and not (named and named[1] in _OF_A_COLUMN and named[2] in types):
            raise check.error(
                "kwargs", "measures", str(name), message=f"no measure is called {name!r}",
                fix=suggestion(str(name), known),
            )  # fmt: skip
        if not isinstance(said, dict) or len(said) != 1 or not said.keys() <= {"silenced", "tolerance"}:
            raise check.error(
                "kwargs", "measures", str(name), message=f"{name} is {said!r}",
                fix="write {silenced: why} or {tolerance: 2}",
            )  # fmt: skip
        if "silenced" in said and not (isinstance(said["silenced"], str) and said["silenced"].strip()):
            raise check.error(
                "kwargs", "measures", str(name), message=f"{name} is silenced without a reason",
                fix="write {silenced: why}",
            )  # fmt: skip
        factor = said.get("tolerance", 1)
        if not isinstance(factor, int | float) or isinstance(factor, bool) or not factor > 0:
            raise check.error(
                "kwargs", "measures", str(name), message=f"tolerance is {factor!r}",
                fix="write how many times as much may differ: 2",
            )  # fmt: skip


def _mapping(check: Check, key: str, of: str) -> dict[Any, Any]:
    value = check.kwargs.get(key) or {}
    if not isinstance(value, dict):
        raise check.error("kwargs", key, message=f"{key} is {value!r}", fix=f"write a mapping {of}")
    return value


def _period(text: str) -> Period:
    return dt.datetime.fromisoformat(text)
