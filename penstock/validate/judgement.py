"""Run the checks on the candidates, as SQL in DuckDB, and say what each of them found."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import duckdb
import great_expectations as gx
from great_expectations.core import ExpectationSuite, ExpectationValidationResult, RunIdentifier
from great_expectations.core.validation_definition import ValidationDefinition
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from sqlalchemy.dialects import sqlite

import penstock.validate.metrics
import penstock.validate.quantiles  # noqa: F401  # both put theirs in the place of Great Expectations' own
from penstock.core.build_record import BUILD_IDS, Build
from penstock.core.errors import GateError, first_line
from penstock.core.printable import on_one_line
from penstock.core.quarantine import Periods
from penstock.core.verdict import Counts, NewInput, Problem, Skipped
from penstock.validate.expectations import gx_suite
from penstock.validate.history.comparison import HISTORY_CHECK
from penstock.validate.history.question import HISTORY_CHECKS
from penstock.validate.new_inputs import new_inputs_text
from penstock.validate.published import query_of
from penstock.validate.sql_check import SQL_CHECK, first_rows
from penstock.validate.suites import Check, Suite
from penstock.validate.wording import observed_text, problem_message, ways_on

_LONGEST_NAME = 60  # characters, of up to four bytes each; a file system takes 255 bytes


@dataclass(frozen=True)
class Judgement:
    """What the checks of one mart found."""

    mart: str
    counts: Counts
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...] = ()
    new_periods: tuple[Periods, ...] = ()


class Judge:
    """Great Expectations over one open warehouse; its results stay in `context` for the Data Docs."""

    def __init__(
        self,
        url: str,
        connection: duckdb.DuckDBPyConnection,
        build: Build,
        run_id: str,
        new: tuple[NewInput, ...],
    ) -> None:
        """`url` leads to `connection`, which has `published` attached where it exists; `new` is what came
        since then.

        Raises GateError where Great Expectations does not see `build` there.
        """
        self.context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                analytics_enabled=False,
                progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            ),
        )
        self._connection, self._pipeline, self._new = connection, build.pipeline, new
        self._run = RunIdentifier(run_name=_folder_name(run_id), run_time=dt.datetime.now(dt.UTC))
        self._source = self.context.data_sources.add_sql(
            name="candidates", connection_string=url, create_temp_table=False
        )
        engine = self._source.get_execution_engine()
        # Great Expectations knows no DuckDB. What it makes of like and regular expressions for SQLite, our
        # dialect puts into DuckDB's words.
        engine.dialect_module = SimpleNamespace(dialect=sqlite.dialect)
        with engine.get_connection() as judging:
            seen = judging.exec_driver_sql(BUILD_IDS).scalars().all()
        if seen != [build.build_id]:
            raise GateError(
                f"Great Expectations would judge the build {', '.join(map(str, seen)) or 'of nobody'}, "
                f"the gate was to judge {build.build_id}",
                fix="this must never happen: nothing was judged; report it",
            )

    def judge(self, suite: Suite) -> Judgement:
        """Run a mart's suite. Raises GateError where a declared check has no result."""
        if not suite.checks:  # all of them compare with what is not published yet
            return Judgement(suite.mart, Counts(), ())
        table = self._source.add_table_asset(name=suite.mart, table_name=suite.mart, schema_name="marts")
        declared: ExpectationSuite = self.context.suites.add(gx_suite(suite))
        definition = self.context.validation_definitions.add(
            ValidationDefinition(
                name=suite.mart, data=table.add_batch_definition_whole_table("candidate"), suite=declared
            )
        )
        try:
            # SUMMARY: counts and a few examples, never every bad row.
            found = definition.run(result_format="SUMMARY", run_id=self._run)
        except Exception as exc:  # whatever it raises here, the gate has not judged
            what = on_one_line(" ".join(f"{type(exc).__name__}: {exc}".split()))
            raise GateError(
                f"marts.{suite.mart}: Great Expectations broke off: {what} ({suite.checks[0].yaml.path})",
                fix="try the suite's checks one by one: one it cannot run, or not report the result of",
            ) from exc
        results = {result.expectation_config.id: result for result in found.results}
        if len(found.results) != len(suite.checks) or len(results) != len(suite.checks):
            raise GateError(
                f"marts.{suite.mart}: {len(suite.checks)} checks are declared, {len(results)} have a result"
            )
        pairs = [
            (check, results[expectation.id])
            for check, expectation in zip(suite.checks, declared.expectations, strict=True)
        ]
        skipped = tuple(_learning(suite.mart, pairs))
        problems = tuple(self._problems(suite.mart, pairs))
        errored = sum(problem.error is not None for problem in problems)
        failed = sum(problem.error is None and problem.severity == "critical" for problem in problems)
        counts = Counts(
            passed=len(pairs) - len(problems) - len(skipped),
            warned=len(problems) - errored - failed,
            failed=failed,
            errored=errored,
            skipped=len(skipped),
        )
        return Judgement(suite.mart, counts, problems, skipped, tuple(_new_periods(suite.mart, pairs)))

    def _problems(
        self, mart: str, pairs: list[tuple[Check, ExpectationValidationResult]]
    ) -> Iterator[Problem]:
        for check, result in pairs:
            if result.success:
                continue
            error, rows = _raised(result.exception_info), []
            if not error:
                try:
                    rows = self._unexpected_rows(mart, check)
                except duckdb.Error as exc:  # of other rows than Great Expectations met
                    error = on_one_line(first_line(exc))
            observed = None if error else observed_text(check, result.result, rows)
            found = None if error else observed_text(check, result.result, rows[:1])  # a message is one line
            if error:
                error = f"{error} ({check.place})"
            findings = _details(result.result).get("findings", [])
            yield Problem(
                mart=mart,
                check=check.type,
                column=_column(check),
                severity=_severity(check, result.result),
                observed=observed,
                error=error,
                message=problem_message(mart, check, _column(check), observed=found, error=error)
                + ways_on(self._pipeline, check, findings, new_inputs_text(self._new)),
                findings=findings,
            )

    def _unexpected_rows(self, mart: str, check: Check) -> list[dict[str, Any]]:
        """The first rows that a check in SQL found: Great Expectations' summary only counts them."""
        if check.type != SQL_CHECK:
            return []
        cursor = self._connection.execute(first_rows(query_of(check, mart)))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _learning(mart: str, pairs: list[tuple[Check, ExpectationValidationResult]]) -> Iterator[Skipped]:
    """The checks of history that have too little of it."""
    for check, result in pairs:
        if check.type in HISTORY_CHECKS and (reason := _details(result.result).get("learning")):
            yield Skipped(mart, check.type, check.description, reason)


def _new_periods(mart: str, pairs: list[tuple[Check, ExpectationValidationResult]]) -> Iterator[Periods]:
    for check, result in pairs:
        if check.type == HISTORY_CHECK and (periods := _details(result.result).get("periods")):
            yield Periods(
                mart, check.kwargs["period_column"], check.kwargs.get("period", "day"), tuple(periods)
            )


def _severity(check: Check, result: dict[str, Any]) -> str:
    """The declared one; but what is only unusual of a history does not block."""
    stops = check.type not in HISTORY_CHECKS or _details(result).get("stops", True)
    return check.severity if stops or check.severity != "critical" else "warning"


def _details(result: dict[str, Any]) -> dict[str, Any]:
    """What a check of history says beside what it observed; of others, `details` are Great Expectations'."""
    details = result.get("details")
    return details if isinstance(details, dict) and "learning" in details else {}


def _folder_name(run_id: str) -> str:
    """The run's name as a folder of the Data Docs: no file system refuses it, and it leads nowhere else."""
    name = re.sub(r"[^\w.+:~-]", "-", run_id)[:_LONGEST_NAME]
    return re.sub(r"^\.", "-", name) or "-"


def _raised(exception_info: dict[str, Any]) -> str | None:
    """Why a check could not be judged, in one line; None where it could.

    Great Expectations gives one exception, or one per metric that raised.
    """
    raised = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    for info in raised:
        if info["raised_exception"]:
            lines = str(info["exception_message"]).strip().splitlines()
            return on_one_line(lines[0]) if lines else "it raised without a message"
    return None


def _column(check: Check) -> str | None:
    columns = [check.kwargs.get(key) for key in ("column", "column_A", "column_B") if check.kwargs.get(key)]
    listed = check.kwargs.get("column_list")
    names = columns + (listed if isinstance(listed, list) else [])
    return ", ".join(str(name) for name in names) or None
