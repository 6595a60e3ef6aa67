"""A statement is planned once, and gives what its relation holds each time."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from penstock.ingest.check.relation import Relation, Statement

SCHEMA = pa.schema([("number", pa.int64()), ("text", pa.binary_view())])


def table(*numbers: int) -> pa.Table:
    return pa.table([list(numbers), [b"%d and more than twelve bytes" % n for n in numbers]], schema=SCHEMA)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as own:
        yield own


def found(statement: Statement) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in statement.run().to_pylist()]


def test_it_gives_the_rows_of_each_block_and_none_afterwards(connection: duckdb.DuckDBPyConnection) -> None:
    relation = Relation(connection, "events", SCHEMA)
    statement = Statement(connection, "doubled", "SELECT 2 * number, decode(text) FROM events")
    for numbers in [(1, 2, 3), (), (7,), tuple(range(100_000))]:
        with relation.holding(table(*numbers)):
            expected = [(2 * n, f"{n} and more than twelve bytes") for n in numbers]
            assert sorted(found(statement)) == expected
    assert found(statement) == []


def test_several_statements_read_it_and_other_relations_come_and_go(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    relation = Relation(connection, "events", SCHEMA)
    total = Statement(connection, "total", "SELECT sum(number)::BIGINT FROM events")
    last = Statement(connection, "last", "SELECT max(number) FROM events")
    for n in range(3):
        connection.register("other", table(n))
        connection.execute(f"CREATE TEMP TABLE also_{n} AS FROM other")
        with relation.holding(table(n, 10)):
            assert (found(total), found(last)) == ([(n + 10,)], [(10,)])
        connection.unregister("other")


def test_it_is_planned_once(connection: duckdb.DuckDBPyConnection) -> None:
    """What its plan was made of may change: that is not seen. It is the whole point, and DuckDB's doing."""
    relation = Relation(connection, "events", SCHEMA)
    connection.execute("CREATE TEMP MACRO changed(number) AS number + 1")
    statement = Statement(connection, "plus", "SELECT changed(number) FROM events")
    with relation.holding(table(1)):
        assert found(statement) == [(2,)]
        connection.execute("CREATE OR REPLACE TEMP MACRO changed(number) AS number + 100")
        assert found(statement) == [(2,)]


def test_other_columns_are_refused_for_a_plan_would_read_them_as_its_own(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    relation = Relation(connection, "events", SCHEMA)
    other = pa.table({"number": [1], "text": pa.array([b"x"], pa.binary())})
    with pytest.raises(ValueError, match="binary in place of"), relation.holding(other):
        pytest.fail("it was taken")


def test_a_failed_run_is_an_error_and_the_next_one_is_right(connection: duckdb.DuckDBPyConnection) -> None:
    relation = Relation(connection, "events", SCHEMA)
    statement = Statement(connection, "as_integer", "SELECT decode(text)::INTEGER FROM events")
    with relation.holding(table(1)), pytest.raises(duckdb.ConversionException):
        statement.run()
    with relation.holding(pa.table([[1], [b"12"]], schema=SCHEMA)):
        assert found(statement) == [(12,)]
