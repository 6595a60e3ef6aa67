"""The checks of history as expectations of Great Expectations; importing this module registers them.

In their result, `details` says what `judgement.py` needs: `learning`, why nothing could be judged yet, and
`stops`, whether what was found is grave enough to stop a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import duckdb
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation

from penstock.core.build_record import candidate_table
from penstock.core.duckdb_file import quoted
from penstock.validate.history.comparison import Comparison, Question, compare
from penstock.validate.history.findings import period_text
from penstock.validate.history.keys import KeyQuestion, Moved, moved
from penstock.validate.history.norm import Weight
from penstock.validate.history.question import HISTORY_KEYS, question_of

_IN_WORDS = 3  # findings


class ExpectNewPeriodsToResembleHistory(BatchExpectation):  # type: ignore[misc]
    """What is new in a mart resembles what is published, in all usual measures (`measures.py`)."""

    period_column: str
    period: str = Question.period
    window: int = Question.window
    min_periods: int = Question.min_periods
    exceptional: dict[str, str] = {}  # noqa: RUF012  # pydantic copies it
    measures: dict[str, dict[str, Any]] = {}  # noqa: RUF012
    feedback: dict[str, Any] = {}  # noqa: RUF012  # the gate's, never a suite's

    metric_dependencies: ClassVar[tuple[str, ...]] = ()
    success_keys: ClassVar[tuple[str, ...]] = HISTORY_KEYS

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: SqlAlchemyExecutionEngine | None = None,
    ) -> dict[str, Any]:
        mart = _mart(execution_engine)
        question = question_of({key: getattr(self, key) for key in HISTORY_KEYS}, self.feedback, mart)
        with _connection(execution_engine) as connection:
            compared = _compare(connection, mart, question)
        return {
            "success": not compared.findings,
            "result": {
                "observed_value": compared.text(self.period),
                "details": {
                    "learning": compared.learning,
                    "stops": compared.stops,
                    "periods": [period_text(one, self.period) for one in compared.judged],
                    "measures": len(compared.measures),
                    "findings": [one.as_json(self.period_column, self.period) for one in compared.findings],
                },
            },
        }


class ExpectValuesOfKeysToStay(BatchExpectation):  # type: ignore[misc]
    """Of the keys that came again, few have another value than the published one (`keys.py`)."""

    key: str
    columns: list[str]
    warn_percent: float = KeyQuestion.warn_percent
    stop_percent: float = KeyQuestion.stop_percent
    min_keys: int = KeyQuestion.min_keys
    feedback: dict[str, Any] = {}  # noqa: RUF012  # the gate's, never a suite's

    metric_dependencies: ClassVar[tuple[str, ...]] = ()
    success_keys: ClassVar[tuple[str, ...]] = ("key", "columns", "warn_percent", "stop_percent", "min_keys")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: SqlAlchemyExecutionEngine | None = None,
    ) -> dict[str, Any]:
        asked = {key: getattr(self, key) for key in self.success_keys}
        question = KeyQuestion(**asked, accepted=self.feedback.get("accepted", ()))
        mart, keys = _mart(execution_engine), 0
        found: list[Moved] = []
        with _connection(execution_engine) as connection:
            learning = _unpublished(connection, mart, [self.key, *self.columns])
            if learning is None:
                keys, found = moved(connection, mart, f"published.{quoted(mart)}", question)
        texts = [f"{one.text()} [{one.id}]" for one in found] or [f"{keys} values of {self.key} came again"]
        return {
            "success": not found,
            "result": {
                "observed_value": f"learning: {learning}" if learning else "; ".join(texts[:_IN_WORDS]),
                "details": {
                    "learning": learning,
                    "stops": any(one.weight is Weight.IMPOSSIBLE for one in found),
                    "findings": [one.as_json() for one in found],
                },
            },
        }


def _mart(engine: SqlAlchemyExecutionEngine | None) -> str:
    assert engine is not None
    return str(engine.batch_manager.active_batch_data.source_table_name)


@contextmanager
def _connection(engine: SqlAlchemyExecutionEngine | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB's own, a cursor of the gate's connection."""
    assert engine is not None
    with engine.get_connection() as connection:
        yield connection.connection.dbapi_connection


def _unpublished(connection: duckdb.DuckDBPyConnection, mart: str, columns: Iterable[str]) -> str | None:
    """Why there is nothing to compare with; None where there is."""
    published = {
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = 'published' AND table_name = ?",
            [mart],
        ).fetchall()
    }
    if not published:
        return "nothing is published yet"
    missing = [column for column in columns if column not in published]
    return f"not published yet: {', '.join(missing)}" if missing else None


def _compare(connection: duckdb.DuckDBPyConnection, mart: str, question: Question) -> Comparison:
    if learning := _unpublished(connection, mart, [question.column]):
        return Comparison((), (), (), learning)
    return compare(connection, candidate_table(mart), f"published.{quoted(mart)}", question)
