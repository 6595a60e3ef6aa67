"""How Great Expectations counts the rows of a check in SQL: DuckDB reads the SQL, and nobody before it.

Great Expectations' own metrics hand it to SQLAlchemy as text, which takes `:name` for a parameter, also in a
slice (`code[:1]`) or in a regular expression. They let a comment at its end swallow what stands behind, and
put a subquery with a name of its own in the place of `{batch}`.
Importing this module puts these two in their place; Great Expectations calls a metric by its name.
"""

from __future__ import annotations

from typing import Any

from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider

from penstock.core.build_record import candidate_table
from penstock.validate.sql_check import SQL_KEY, counted, filled, first_rows


class _ReadByDuckDB(QueryMetricProvider):  # type: ignore[misc]
    """What both have in common."""

    @classmethod
    def rows(cls, execution_engine: SqlAlchemyExecutionEngine, domain: Any, values: Any) -> list[Any]:
        """The rows of what `sql` makes of the check's query. Raises duckdb.Error."""
        candidate = execution_engine.batch_manager.batch_data_cache[domain["batch_id"]]
        query = filled(values[SQL_KEY], candidate_table(candidate.source_table_name))
        with execution_engine.get_connection() as connection:
            return list(connection.exec_driver_sql(cls.sql(query)))

    @classmethod
    def sql(cls, query: str) -> str:
        """What is asked about `query`."""
        raise NotImplementedError


class UnexpectedRowCount(_ReadByDuckDB):
    """How many rows the SQL finds."""

    metric_name = "unexpected_rows_query.row_count"
    value_keys = (SQL_KEY,)
    sql = staticmethod(counted)

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any
    ) -> int:
        ((count,),) = cls.rows(execution_engine, metric_domain_kwargs, metric_value_kwargs)
        return int(count)


class UnexpectedRows(_ReadByDuckDB):
    """The first of them: a column that only these compute may raise."""

    metric_name = "unexpected_rows_query.table"
    value_keys = (SQL_KEY,)
    sql = staticmethod(first_rows)

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any
    ) -> list[dict[str, Any]]:
        rows = cls.rows(execution_engine, metric_domain_kwargs, metric_value_kwargs)
        return [row._asdict() for row in rows]
