"""Suites in Great Expectations' own types. It logs and drops what it does not know; here that is an error."""

from __future__ import annotations

from typing import Any

from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.core import ExpectationSuite
from great_expectations.exceptions import ExpectationNotFoundError, GreatExpectationsError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

import penstock.validate.history.expectation  # noqa: F401  # registers it
from penstock.core.build_record import Mart
from penstock.core.errors import GateError
from penstock.core.yaml_file import suggestion
from penstock.validate.sql_check import SQL_CHECK, SQL_KEY, with_doubled_braces
from penstock.validate.suites import Check, Suite

# Fields of every expectation that a suite says beside `kwargs`, or that belong to the run, not to the check.
_NOT_KWARGS = {
    "id", "meta", "notes", "description", "severity", "rendered_content", "batch_id", "windows",
    "catch_exceptions", "result_format", "feedback",
}  # fmt: skip
_COLUMN_KEYS = ("column", "column_A", "column_B", "column_list")
# Whether a column is there is what these ask.
_ASK_FOR_COLUMNS = ("expect_column_to_exist", "expect_table_columns")


def gx_suite(suite: Suite) -> ExpectationSuite:
    """The suite as Great Expectations runs it, its checks in the declared order.

    Raises GateError where it does not hold them all.
    """
    built = ExpectationSuite(
        name=suite.mart,
        expectations=[_expectation(check) for check in suite.checks],
        meta=dict(suite.meta or {}),
        notes=suite.notes,
    )
    if len(built.expectations) != len(suite.checks):
        raise GateError(
            f"marts.{suite.mart}: {len(suite.checks)} checks are declared, "
            f"but Great Expectations took {len(built.expectations)}"
        )
    return built


def refuse_misspelt(suite: Suite, mart: Mart) -> None:
    """Raises DeclarationError (file, line, suggestion) for a type, a key of `kwargs` or a column that is not
    there, and for a value that the type does not take."""
    types = list_registered_expectation_implementations()
    for check in suite.checks:
        if check.type not in types:
            raise check.error(
                "type", message=f"unknown expectation '{check.type}'", fix=suggestion(check.type, types)
            )
        known = set(get_expectation_impl(check.type).__fields__) - _NOT_KWARGS
        for key in check.kwargs:
            if key not in known:
                raise check.error(
                    "kwargs", key, message=f"{check.type} has no '{key}'", fix=suggestion(str(key), known)
                )
        _refuse_unknown_columns(check, mart)
        _expectation(check)


def _refuse_unknown_columns(check: Check, mart: Mart) -> None:
    if check.type.startswith(_ASK_FOR_COLUMNS):
        return
    names = [column.name for column in mart.columns]
    for key in _COLUMN_KEYS:
        value: Any = check.kwargs.get(key, [])
        for column in value if isinstance(value, list) else [value]:
            if column not in names:
                raise check.error(
                    "kwargs", key, message=f"marts.{mart.name} has no column {column!r}",
                    fix=suggestion(str(column), names),
                )  # fmt: skip


def _kwargs(check: Check) -> dict[str, Any]:
    """As the suite has them; SQL with its braces as Great Expectations writes them."""
    kwargs = dict(check.kwargs)
    if check.type == SQL_CHECK and isinstance(sql := kwargs.get(SQL_KEY), str):
        kwargs[SQL_KEY] = with_doubled_braces(sql)
    return kwargs


def _expectation(check: Check) -> Expectation:
    try:
        return ExpectationConfiguration(
            type=check.type,
            kwargs=_kwargs(check),
            severity=check.severity,
            description=check.description,
            meta=dict(check.meta or {}),
            notes=check.notes,
        ).to_domain_obj()
    except ValidationError as exc:
        first = exc.errors()[0]
        key = str(first["loc"][0])
        where = "" if key == "__root__" else f"{key}: "  # __root__: a rule over several keys
        message = f"{check.type}: {where}{' '.join(first['msg'].split())}"
        raise check.error("kwargs", key, message=message) from exc
    except (
        ExpectationNotFoundError, GreatExpectationsError, TypeError, ValueError, OverflowError,
    ) as exc:  # fmt: skip
        raise check.error(message=f"{check.type}: {' '.join(str(exc).split())}") from exc
