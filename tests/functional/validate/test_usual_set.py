"""Which columns name something, of marts of many rows: by some of their values, with the same answer."""

from __future__ import annotations

import duckdb

from penstock.validate.history.usual_set import usual_set

MANY = """
create table sales as select
    timestamp '2026-01-01' + to_seconds(n) as sold_at,
    'sale ' || n as sale,                               -- all are different
    case when n <> 7 then 'slip ' || n end as slip,     -- but for one, which has none
    'visit ' || n // 2 as visit,                        -- two rows each: hardly a key
    'visitor ' || n % 90000 as visitor,                 -- many, and yet a third of the rows
    n % 100000 as customer_id,
    'brand ' || n % 900 as brand,
    'kind ' || n % 50 as kind,
    'sort ' || n % 51 as sort
from range(300000) as numbers (n)
"""


def test_of_many_rows_the_columns_are_told_apart() -> None:
    with duckdb.connect() as connection:
        connection.execute(MANY)
        found = usual_set(connection, "sales", "sold_at")
    assert set(found.keys) - {"visit"} == {"sale", "slip", "customer_id"}  # a visit is at the border
    assert set(found.known_keys) - {"visit"} == {"slip", "customer_id"}
    assert set(found.texts) - {"visit"} == {"visitor", "brand", "kind", "sort"}
    assert found.mixes == ("kind",)
    assert "sale" not in found.copies
    assert {"slip", "brand"} < set(found.copies)
