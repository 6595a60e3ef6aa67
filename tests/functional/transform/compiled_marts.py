"""The project's own SQL, as dbt compiled it, run on events in memory: marts in milliseconds, not in seconds.

Also what judges them, run in the same way: NOT NULL constraints, dbt's data tests, the suites' checks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

PIPELINE = "customer_events"


class CompiledMarts:
    """What a finished build left in its `target` folder, and the project's suites."""

    def __init__(self, target: Path, suites: Path, landing_tables: str) -> None:
        manifest = json.loads((target / "manifest.json").read_text())
        nodes = manifest["nodes"]
        results = [
            result
            for result in json.loads((target / "run_results.json").read_text())["results"]
            if result["unique_id"] in nodes
        ]
        self._models = [
            (nodes[result["unique_id"]], result["compiled_code"])
            for result in results
            if nodes[result["unique_id"]]["resource_type"] == "model"
        ]
        self._tests = [
            (nodes[result["unique_id"]]["name"], result["compiled_code"])
            for result in results
            if nodes[result["unique_id"]]["resource_type"] == "test"
        ]
        self._suites = [yaml.safe_load(file.read_text()) for file in sorted(suites.glob("*.yaml"))]
        self._landing_tables = landing_tables

    def build(self, events: Sequence[dict[str, Any]], commits: Sequence[str]) -> duckdb.DuckDBPyConnection:
        """All models of these landed events; commit number n landed at `commits[n - 1]`."""
        connection = duckdb.connect()
        connection.execute(f"SET TimeZone = 'UTC'; ATTACH ':memory:' AS landing_{PIPELINE}")
        connection.execute(f"USE landing_{PIPELINE}")
        connection.execute(self._landing_tables)
        _land(connection, events)
        for number, at in enumerate(commits, 1):
            connection.execute("INSERT INTO raw.commits VALUES (?, ?, 'batch', 'run', 0, 0)", [number, at])
        connection.execute(f"ATTACH ':memory:' AS {PIPELINE}; USE {PIPELINE}")
        connection.execute("CREATE SCHEMA _penstock")
        self.build_again(connection)
        connection.execute(
            "CREATE TABLE _penstock.inputs AS SELECT 'customer_events' AS stream, count(*) AS landed "
            f"FROM landing_{PIPELINE}.raw.customer_events"
        )
        connection.execute(
            "CREATE TABLE _penstock.build AS SELECT timestamptz '2026-11-02 12:00:00Z' AS complete_until"
        )
        # What was published last is what is built: each comparison must take that, too.
        connection.execute("ATTACH ':memory:' AS published")
        for suite in self._suites:
            connection.execute(f"CREATE TABLE published.{suite['name']} AS FROM marts.{suite['name']}")
        return connection

    def build_with(self, connection: duckdb.DuckDBPyConnection, events: Sequence[dict[str, Any]]) -> None:
        """Land these events, too, and build all models; what is published stays."""
        connection.execute(f"USE landing_{PIPELINE}")
        _land(connection, events)
        connection.execute(f"USE {PIPELINE}")
        self.build_again(connection)

    def build_again(self, connection: duckdb.DuckDBPyConnection) -> None:
        """All models of what lies in landing now."""
        for model, sql in self._models:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {model['schema']}")
            connection.execute(f"CREATE OR REPLACE TABLE {model['schema']}.{model['name']} AS {sql}")

    def problems(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """What build or gate would stop for: broken constraints, failed tests, failed critical checks."""
        return [*self._nulls(connection), *self._failed_tests(connection), *self._failed_checks(connection)]

    def _nulls(self, connection: duckdb.DuckDBPyConnection) -> Iterable[str]:
        for model, _ in self._models:
            for name, column in model["columns"].items():
                if any(constraint["type"] == "not_null" for constraint in column["constraints"]):
                    table = f"{model['schema']}.{model['name']}"
                    if rows := _rows(connection, f'SELECT 1 FROM {table} WHERE "{name}" IS NULL'):
                        yield f"{table}.{name} is null in {rows} rows"

    def _failed_tests(self, connection: duckdb.DuckDBPyConnection) -> Iterable[str]:
        for name, sql in self._tests:
            if rows := _rows(connection, sql):
                yield f"{name}: {rows} rows"

    def _failed_checks(self, connection: duckdb.DuckDBPyConnection) -> Iterable[str]:
        for suite in self._suites:
            table = f"marts.{suite['name']}"
            for check in suite["expectations"]:
                if check["severity"] == "critical" and (rows := _rows(connection, _as_sql(check, table))):
                    yield f"{table}: {check.get('description', check)}: {rows} rows"


def _land(connection: duckdb.DuckDBPyConnection, events: Sequence[dict[str, Any]]) -> None:
    if events:
        as_text = [{k: None if v is None else str(v) for k, v in event.items()} for event in events]
        connection.register("arriving", pa.Table.from_pylist(as_text))
        connection.execute("INSERT INTO raw.customer_events BY NAME FROM arriving")


def _as_sql(check: dict[str, Any], table: str) -> str:
    """A critical check as SQL for the rows that break it: what Great Expectations pushes down, in short."""
    kwargs = check["kwargs"]
    column = kwargs.get("column")
    match check["type"]:
        case "unexpected_rows_expectation":
            return str(kwargs["unexpected_rows_query"]).format(batch=table)
        case "expect_column_values_to_not_be_null":
            return f"SELECT 1 FROM {table} WHERE {column} IS NULL"
        case "expect_column_values_to_be_unique":
            return f"SELECT 1 FROM {table} GROUP BY {column} HAVING count(*) > 1"
        case "expect_compound_columns_to_be_unique":
            return f"SELECT 1 FROM {table} GROUP BY {', '.join(kwargs['column_list'])} HAVING count(*) > 1"
        case "expect_column_values_to_be_in_set":
            return f"SELECT 1 FROM {table} WHERE {column} NOT IN {tuple(kwargs['value_set'])}"
        case "expect_column_pair_values_a_to_be_greater_than_b":
            return f"SELECT 1 FROM {table} WHERE {kwargs['column_A']} < {kwargs['column_B']}"
        case "expect_column_values_to_be_between":
            lowest = "<=" if kwargs.get("strict_min") else "<"
            beyond = [f"{column} {lowest} {kwargs['min_value']}"] if "min_value" in kwargs else []
            beyond += [f"{column} > {kwargs['max_value']}"] if "max_value" in kwargs else []
            return f"SELECT 1 FROM {table} WHERE {' OR '.join(beyond)}"
        case "expect_new_periods_to_resemble_history" | "expect_values_of_keys_to_stay":
            return "SELECT 1 WHERE false"  # what is published is what is judged: nothing is new
        case other:
            raise AssertionError(f"say here in SQL what {other} means")


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    ((count,),) = connection.execute(f"SELECT count(*) FROM ({sql.rstrip('; ')}\n)").fetchall()
    return int(count)
