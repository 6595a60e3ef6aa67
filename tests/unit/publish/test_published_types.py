"""Which type a column has in a published file."""

from __future__ import annotations

import duckdb
import pytest

from penstock.core.errors import PublishError
from penstock.publish.column_types import published_type


@pytest.mark.parametrize(
    ("declared", "published"),
    [
        ("BIGINT", "BIGINT"),
        ("DECIMAL(12,2)", "DECIMAL(12,2)"),
        ("JSON", "JSON"),
        ("ENUM('a', 'it''s')", "ENUM('a', 'it''s')"),
        ("TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMPTZ", "TIMESTAMP"),
        ("TIMESTAMPTZ[]", "TIMESTAMP[]"),
        ("TIMESTAMPTZ[2]", "TIMESTAMP[2]"),
        ("MAP(VARCHAR, TIMESTAMPTZ)", "MAP(VARCHAR, TIMESTAMP)"),
        ('STRUCT("timestamptz" INTEGER, b TIMESTAMPTZ)', 'STRUCT("timestamptz" INTEGER, b TIMESTAMP)'),
        ("UNION(a TIMESTAMPTZ, b INTEGER)", "UNION(a TIMESTAMP, b INTEGER)"),
    ],
)
def test_a_zoned_time_becomes_a_timestamp_at_any_depth(declared: str, published: str) -> None:
    found = published_type(duckdb.sqltype(declared), "mart m, column c")
    assert duckdb.sqltype(found) == duckdb.sqltype(published)


@pytest.mark.parametrize(
    "declared", ["VARIANT", "BIGNUM", "TIME_NS", "STRUCT(a VARIANT)", "MAP(VARCHAR, BIGNUM)"]
)
def test_a_type_that_old_clients_cannot_read_is_refused_by_name(declared: str) -> None:
    with pytest.raises(PublishError, match=r"^mart m, column c: .*(VARIANT|BIGNUM|TIME_NS)"):
        published_type(duckdb.sqltype(declared), "mart m, column c")
