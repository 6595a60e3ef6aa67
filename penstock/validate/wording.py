"""What a check found, in words: one line that makes sense without the suite or the Data Docs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from penstock.core.printable import on_one_line
from penstock.validate.history.comparison import HISTORY_CHECK
from penstock.validate.history.question import HISTORY_CHECKS
from penstock.validate.suites import Check

_LONGEST_VALUE = 60  # characters
_VALUES_SHOWN = 3


def problem_message(
    mart: str, check: Check, column: str | None, *, observed: str | None, error: str | None
) -> str:
    """`marts.purchases: expect_column_values_to_be_between(price) failed: 3 of 214 values outside [0, …]`.

    A check that has a description is named by it, as a business rule.
    """
    name = f"{check.type}({column})" if column else check.type
    what = f"“{check.description}” ({name})" if check.description else name
    outcome = f"could not be judged: {error}" if error is not None else f"failed: {observed}"
    return f"marts.{mart}: {what} {outcome}"


def ways_on(pipeline: str, check: Check, findings: Sequence[Mapping[str, Any]], new: str) -> str:
    """What is new since the last publication (`new`), and what a person can say to the findings of a check of
    history; nothing where there are none."""
    if not findings:
        return ""
    first, more = findings[0]["id"], len(findings) - 1
    decide = f"`penstock validate accept {pipeline} {first} --why …`"
    if check.type == HISTORY_CHECK:
        decide += f"; if the data is bad: `penstock validate reject {pipeline} {first} --why …`"
    rest = f"; all findings: `penstock validate feedback {pipeline}`" if more else ""
    since = f"; new since the last publication: {new}" if new else ""
    return f"{since}; if this is the new normal: {decide}{rest}"


def observed_text(check: Check, result: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    """What was there instead: how many values of how many with examples, or the observed value.

    `result` is Great Expectations' own; `rows` are the first rows that a check in SQL found.
    """
    if check.type in HISTORY_CHECKS:
        return on_one_line(str(result["observed_value"]))
    if "element_count" in result:
        return _values(check, result)
    if "partial_unexpected_list" in result or "partial_missing_list" in result:
        return _distinct_values(check, result)
    if rows:
        count = result["observed_value"]
        examples = "; ".join(_row(row) for row in rows)
        return f"{count} unexpected {'row' if count == 1 else 'rows'}, e.g. {examples}"
    observed = _value(result.get("observed_value"))
    expected = _range(check.kwargs)
    return f"observed {observed}, expected {expected}" if expected else f"observed {observed}"


def _values(check: Check, result: Mapping[str, Any]) -> str:
    count, total = result["unexpected_count"], result["element_count"]
    return f"{count} of {total} values{_rule(check)}{_examples(result.get('partial_unexpected_list'))}"


def _distinct_values(check: Check, result: Mapping[str, Any]) -> str:
    """Of an expectation about the set of a column's values: those too many, and those that are not there."""
    texts = []
    if count := result.get("unexpected_count"):
        wanted = _value(check.kwargs.get("value_set"))
        texts.append(f"{count} distinct values not in {wanted}{_examples(result['partial_unexpected_list'])}")
    if count := result.get("missing_count"):
        texts.append(f"{count} expected values are not there{_examples(result['partial_missing_list'])}")
    return "; ".join(texts) or f"observed {_value(result.get('observed_value'))}"


def _examples(values: list[Any] | None) -> str:
    shown = [value for value in dict.fromkeys(map(_value, values or [])) if value != "null"][:_VALUES_SHOWN]
    return f", e.g. {', '.join(shown)}" if shown else ""


def _rule(check: Check) -> str:
    kwargs = check.kwargs
    if expected := _range(kwargs):
        return f" outside {expected}"
    if "not_be_null" in check.type:
        return " null"
    if "unique" in check.type:
        return " not unique"
    if "value_set" in kwargs:
        return f" {'in' if 'not_be_in' in check.type else 'not in'} {_value(kwargs['value_set'])}"
    return " unexpected"


def _range(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        return ""
    opening = "(" if kwargs.get("strict_min") else "["
    closing = ")" if kwargs.get("strict_max") else "]"
    return f"{opening}{'…' if low is None else low}, {'…' if high is None else high}{closing}"


def _row(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in row.items())


def _value(value: Any) -> str:
    text = json.dumps(_with_text_keys(value), ensure_ascii=False, default=str)
    text = on_one_line(text[1:-1] if isinstance(value, str) else text.replace('"', ""))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _with_text_keys(value: Any) -> Any:
    """A MAP of DuckDB may have keys of any type, JSON has texts only."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list | tuple) else value
