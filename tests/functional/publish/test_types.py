"""All sorts of columns publish as they are declared, or are refused at the line that declares them."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.core.build_record import Column, Mart
from penstock.core.errors import DeclarationError
from penstock.publish.mart_copy import copy_mart
from tests.patience import PATIENCE

AT = "TIMESTAMPTZ '2026-01-01 01:00:00+01'"
UTC = "2026-01-01 00:00:00"
# Declared type, a value, type as published, value as published (as text), whether it lost a zone.
COLUMNS = [
    ("text", "'a'", "VARCHAR", "a", False),
    ("String", "'a'", "VARCHAR", "a", False),
    ("varchar(10)", "'a'", "VARCHAR", "a", False),
    ("int4", "1", "INTEGER", "1", False),
    ("DECIMAL(12, 2)", "1.5", "DECIMAL(12,2)", "1.50", False),
    ("numeric", "1.5", "DECIMAL(18,3)", "1.500", False),
    ("datetime", f"TIMESTAMP '{UTC}'", "TIMESTAMP", UTC, False),
    ("timestamp_s", f"TIMESTAMP '{UTC}'", "TIMESTAMP_S", UTC, False),
    ("timestamp(9)", f"TIMESTAMP '{UTC}'", "TIMESTAMP_NS", UTC, False),
    ("timetz", "'01:00:00+01'", "TIME WITH TIME ZONE", "01:00:00+01", False),
    ("timestamptz", AT, "TIMESTAMP", UTC, True),
    ("TimeStamp  With  Time  Zone", AT, "TIMESTAMP", UTC, True),
    ("timestamptz[]", f"[{AT}, NULL]", "TIMESTAMP[]", f"['{UTC}', NULL]", True),
    ("timestamptz array[1]", f"[{AT}]", "TIMESTAMP[1]", f"['{UTC}']", True),
    ("map(text, timestamptz)", f"map {{'a': {AT}}}", "MAP(VARCHAR, TIMESTAMP)", f"{{a='{UTC}'}}", True),
    ("union(since timestamptz, n int)", f"{AT}", "UNION(since TIMESTAMP, n INTEGER)", UTC, True),
    ("struct(a int, b text)", "{'a': 1, 'b': 'x'}", "STRUCT(a INT, b VARCHAR)", "{'a': 1, 'b': x}", False),
    ("STRUCT(\"a\" INTEGER)", "{'a': 1}", "STRUCT(a INTEGER)", "{'a': 1}", False),
    ("row(a int)", "{'a': 1}", "STRUCT(a INTEGER)", "{'a': 1}", False),
    ('struct("TIME zone" int)', "{'TIME zone': 1}", 'STRUCT("TIME zone" INTEGER)', "{'TIME zone': 1}", False),
    ('struct("a""b" int)', "{'a\"b': 1}", 'STRUCT("a""b" INTEGER)', "{'a\"b': 1}", False),
    ('struct("select" struct(b timestamptz)[])', f"{{'select': [{{'b': {AT}}}]}}",
     'STRUCT("select" STRUCT(b TIMESTAMP)[])', f"{{'select': [{{'b': '{UTC}'}}]}}", True),
    ("enum('TIMESTAMPTZ', 'it''s')", "'it''s'", "ENUM('TIMESTAMPTZ', 'it''s')", "it's", False),
    ("json", "'{\"a\":1}'", "JSON", '{"a":1}', False),
    ("struct(doc json)", "{'doc': '1'::json}", "STRUCT(doc JSON)", "{'doc': 1}", False),
    ("uuid", "'00000000-0000-0000-0000-000000000001'", "UUID", "00000000-0000-0000-0000-000000000001", False),
    ("interval", "interval 1 month", "INTERVAL", "1 month", False),
    ("bit", "'010'", "BIT", "010", False),
    ("bytea", "'\\xFF'::blob", "BLOB", "\\xFF", False),
    ("uhugeint", "1", "UHUGEINT", "1", False),
]  # fmt: skip


def test_all_sorts_of_columns(shop, old_duckdb):
    row = ", ".join(f"CAST({value} AS {kind})" for kind, value, *_ in COLUMNS)
    columns = [(f"c{number}", kind, "What.", False) for number, (kind, *_) in enumerate(COLUMNS)]
    shop.build(others={"things": (f"SELECT {row}", columns)})
    shop.publish()
    published = shop.query(
        "SELECT data_type, comment FROM duckdb_columns() WHERE table_name = 'things' ORDER BY column_index"
    )
    for (kind, _, wanted, _, zoned), (found, comment) in zip(COLUMNS, published, strict=True):
        assert duckdb.sqltype(found) == duckdb.sqltype(wanted), kind
        assert comment == ("What. Time zone: UTC." if zoned else "What."), kind
    texts = ", ".join(f"c{number}::VARCHAR" for number in range(len(COLUMNS)))
    assert list(shop.query(f"SELECT {texts} FROM things")[0]) == [value for _, _, _, value, _ in COLUMNS]

    code = (
        "import duckdb, json, sys\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        f"print(json.dumps(con.execute('SELECT {texts} FROM things').fetchone()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, shop.link], capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(old_duckdb)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == len(COLUMNS)


MODELS = """\
models:
  - name: sessions
    columns: [{name: user_id, data_type: bigint}]
  - name: things
    description: One row.
    columns:
      - name: id
        data_type: integer
      - name: thing
        description: What it is.
        data_type: %s
"""


@pytest.mark.parametrize(
    "kind", ["variant", "bignum", "time_ns", "struct(a bignum[])", "geometry", "timestamptz_ns"]
)
def test_what_no_published_file_can_hold_is_refused_at_its_line(shop, kind):
    file = shop.settings.dbt_project_dir("customer_events") / "models" / "marts" / "things.yml"
    file.parent.mkdir(parents=True)
    file.write_text(MODELS % kind)
    shop.build(
        others={"things": ("SELECT 1, NULL", [("id", "integer", "", True), ("thing", kind, "", False)])}
    )
    with pytest.raises(DeclarationError) as error:
        shop.publish()
    assert str(error.value).startswith(
        f"{file}:11: mart things, column thing: a published file, which clients"
    )
    assert not shop.link.exists()
    assert shop.files() == []


@pytest.mark.parametrize(
    "kind", ["varchr", "timestamp with zone", "decimal(50,2)", "enum()", "int; drop table x", ""]
)
def test_what_is_no_type_is_refused_at_its_line(shop, kind):
    file = shop.settings.dbt_project_dir("customer_events") / "models" / "things.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(MODELS % json.dumps(kind))
    shop.build(
        others={"things": ("SELECT 1, NULL", [("id", "integer", "", True), ("thing", "integer", "", False)])}
    )
    record = "UPDATE _penstock.build SET marts = replace(marts::VARCHAR, ?, ?)::JSON"
    was, now = ('"thing", "data_type": "integer"', f'"thing", "data_type": {json.dumps(kind)}')
    with duckdb.connect(shop.settings.warehouse_file("customer_events")) as con:
        con.execute(record, [was, now])
    with pytest.raises(DeclarationError) as error:
        shop.publish()
    assert error.value.message == f"{file}:11: mart things, column thing: '{kind}' is no type of DuckDB"


def test_a_null_that_must_not_be_is_reported_at_its_mart(shop):
    file = shop.settings.dbt_project_dir("customer_events") / "models" / "things.yml"
    file.parent.mkdir(parents=True)
    file.write_text(MODELS % "integer")
    shop.build(
        others={"things": ("VALUES (1, NULL)", [("id", "integer", "", True), ("thing", "integer", "", True)])}
    )
    with pytest.raises(DeclarationError, match=r"things\.yml:4: mart things: .*NOT NULL"):
        shop.publish()


def test_the_newest_time_is_that_of_all_kinds_of_timestamps(shop):
    columns = [
        ("s", "timestamp_s", "", True),
        ("ms", "timestamp_ms", "", True),
        ("ns", "timestamp_ns", "", True),
    ]
    columns += [("listed", "timestamp[]", "", True), ("named_at", 'struct("at" timestamp)', "", True)]
    row = "SELECT '2026-01-03', '2026-01-01', '2026-01-02', ['2027-01-01'], {'at': '2027-01-01'}"
    shop.build(others={"things": (row, columns)})
    shop.publish()
    assert shop.query("SELECT newest_event_at FROM mart_status WHERE mart = 'things'") == [
        (dt.datetime(2026, 1, 3),)  # noqa: DTZ001
    ]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
LEAVES = st.sampled_from([
    "INTEGER", "DECIMAL(9,3)", "VARCHAR", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_MS", "TIMETZ", "JSON",
    "UUID", "ENUM('a', 'TIMESTAMPTZ')", "BLOB",
])  # fmt: skip


def fields(parts, opening):
    named = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}" {kind}' for name, kind in parts)
    return f"{opening}({named})"


def several(inner):
    return st.lists(
        st.tuples(NAMES, inner), min_size=1, max_size=3, unique_by=lambda part: part[0].casefold()
    )


TYPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda kind: f"{kind}[]"),
        inner.map(lambda kind: f"{kind}[2]"),
        st.tuples(inner, inner).map(lambda pair: f"MAP({pair[0]}, {pair[1]})"),
        several(inner).map(lambda parts: fields(parts, "STRUCT")),
        several(inner).map(lambda parts: fields(parts, "UNION")),
    ),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=TYPES)
def test_a_column_keeps_its_type_and_loses_its_zones_however_deep(tmp_path_factory, kind):
    mart = Mart("things", "", "", (Column("c", kind, "What.", False),))
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
        con.execute(f"CREATE TABLE marts.things (c {kind})")
        con.execute("INSERT INTO marts.things VALUES (NULL)")
        file = tmp_path_factory.mktemp("published") / "p.duckdb"
        con.execute(f"ATTACH '{file}' AS published (STORAGE_VERSION 'v1.0.0'); USE published")
        copy_mart(con, "memory", mart, file.parent)
        found = con.execute(
            "SELECT data_type, comment FROM duckdb_columns() WHERE table_oid = "
            "(SELECT table_oid FROM duckdb_tables() WHERE database_name = 'published') "
            "AND database_name = 'published'"
        ).fetchall()
    wanted = str(duckdb.sqltype(kind))
    # Names of fields and values may contain the very words; only types are without quotes.
    plain = re.sub(r""" "([^"]|"")*" | '([^']|'')*' """, "", wanted, flags=re.VERBOSE)
    zoned = "TIMESTAMP WITH TIME ZONE" in plain
    ((data_type, comment),) = found
    assert comment == ("What. Time zone: UTC." if zoned else "What.")
    if not zoned:
        assert duckdb.sqltype(data_type) == duckdb.sqltype(kind)
