"""Which commits the candidates hold that no published version has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from penstock.core.build_record import Input
from penstock.validate.new_inputs import new_inputs
from tests.records import MIDNIGHT, a_build

Runs = list[tuple[int, int]]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as published; create schema published._penstock")
        connection.execute("create table published._penstock.publications (seq bigint, inputs json)")
        yield connection


def as_json(runs: Runs) -> list[dict[str, int]]:
    return [{"first_commit": first, "last_commit": last} for first, last in runs]


def found(
    connection: duckdb.DuckDBPyConnection, published: dict[str, Any], newest: int, left_out: Runs
) -> list[tuple[int, int, int]]:
    connection.execute(
        "insert into published._penstock.publications values (1, ?)", [json.dumps([published])]
    )
    offsets = [{"epoch": 1, "partition": 0, "next_offset": 100}]
    read = Input("orders", newest, MIDNIGHT, 9, 0, offsets, as_json(left_out), 5)
    new = new_inputs(connection, a_build("shop", inputs=(read,)))
    return [(one.first_commit, one.last_commit, len(one.offsets)) for one in new]


@pytest.mark.parametrize(
    ("before", "newest", "left_out", "expected"),
    [
        ((5, None), 5, [], []),
        ((5, None), 8, [], [(6, 8, 1)]),
        ((5, []), 8, [(6, 7)], [(8, 8, 1)]),
        ((5, []), 9, [(7, 7)], [(6, 6, 1), (8, 9, 1)]),
        ((5, []), 8, [(6, 8)], []),
        ((8, [(6, 8)]), 8, [(6, 8)], []),
        ((8, [(6, 8)]), 9, [(6, 8)], [(9, 9, 1)]),
        ((8, [(6, 8)]), 9, [(6, 6)], [(7, 8, 0), (9, 9, 1)]),
        ((8, [(2, 3), (6, 8)]), 8, [], [(2, 3, 0), (6, 8, 0)]),
        ((5, [(6, 8)]), 8, [], [(6, 8, 1)]),
        ((8, [(6, 8)]), 8, [(2, 8)], []),
        ((5, []), 1_780_000_000_000, [(7, 7)], [(6, 6, 1), (8, 1_780_000_000_000, 1)]),  # restored
    ],
)
def test_new_is_what_is_in_the_build_and_was_not_published(
    connection: duckdb.DuckDBPyConnection,
    before: tuple[int, Runs | None],
    newest: int,
    left_out: Runs,
    expected: list[tuple[int, int, int]],
) -> None:
    commit, out = before
    published = {
        "stream": "orders", "landed_commit": commit,
        "offsets": [{"epoch": 1, "partition": 0, "from_offset": 0, "next_offset": 40}],
    }  # fmt: skip
    if out is not None:  # an older Penstock did not say
        published["quarantined"] = as_json(out)
    assert found(connection, published, newest, left_out) == expected
