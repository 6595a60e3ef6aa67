"""The name under which BI finds the marts: one, on every client, by every way in, after each publication."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import duckdb
import pytest

from penstock.core.names import name_problem
from tests.functional.publish.conftest import installed_duckdb
from tests.patience import PATIENCE

NAMES = """
import json, sys
import duckdb, sqlalchemy

def catalogs(con):
    found = con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
    return sorted(name for (name,) in found if name != "memory")

def count(con, table):
    return con.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

link = sys.argv[1]
told = {"client": duckdb.__version__}
with duckdb.connect(link, read_only=True) as con:
    told["connect"] = [catalogs(con), con.execute("SELECT current_database()").fetchone()[0]]
    rows = [count(con, "customer_events.main.sessions")]
with duckdb.connect() as con:
    con.execute(f"ATTACH '{link}' (READ_ONLY)")
    told["attach"] = catalogs(con)
    rows += [count(con, "customer_events.main.sessions"), count(con, "customer_events.sessions")]
with duckdb.connect() as con:
    con.execute(f"ATTACH '{link}' AS shop (READ_ONLY)")
    told["attach as"] = catalogs(con)
    rows.append(count(con, "shop.main.sessions"))
engine = sqlalchemy.create_engine("duckdb:///" + link, connect_args={"read_only": True})
schemas = sqlalchemy.inspect(engine).get_schema_names()
told["schemas"] = [name for name in schemas if name.endswith((".main", "._penstock"))]
with engine.connect() as connection:
    select = sqlalchemy.text('SELECT count(*) FROM "customer_events"."main"."sessions"')
    rows.append(connection.execute(select).scalar())
told["rows"] = rows
print(json.dumps(told))
"""


@pytest.mark.parametrize("client", ["oldest", "1.4", "1.5", "installed"])
def test_the_catalog_has_the_name_of_the_pipeline(shop, request, client):
    """1.5 is the first that names a database after the file behind a symlink."""
    folder = ""
    if client == "oldest":
        folder = str(request.getfixturevalue("old_duckdb"))
    elif client != "installed":
        folder = str(installed_duckdb(request.config, client, f"duckdb=={client}.*"))

    def ask():
        done = subprocess.run(
            [sys.executable, "-c", NAMES, shop.link], capture_output=True, text=True, timeout=PATIENCE,
            env={**os.environ, "PYTHONPATH": folder},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        told["schemas"] = sorted(name for name in told["schemas"] if not name.startswith(("system", "temp")))
        return told

    for count, publish in [
        (1, lambda: shop.publish_sessions(1)),
        (2, lambda: shop.publish_sessions(1, 2)),
        (2, lambda: shop.publish()),  # a refresh
        (1, lambda: shop.rollback()),
        (1, lambda: shop.resume()),
    ]:
        publish()
        told = ask()
        assert told.pop("client").startswith(
            {"oldest": "1.", "installed": duckdb.__version__}.get(client, client)
        )
        assert told == {
            "connect": [["customer_events"], "customer_events"],
            "attach": ["customer_events"],
            "attach as": ["shop"],
            "schemas": ["customer_events._penstock", "customer_events.main"],
            "rows": [count] * 5,
        }


@pytest.mark.parametrize("name", ["main", "temp", "system", "memory", "information_schema", "pg_catalog"])
def test_a_name_that_duckdb_keeps_for_itself_is_refused(name):
    assert f"'{name}' cannot name a pipeline" in (name_problem("pipeline", name) or "")


CLIENT = duckdb.connect()
# What a catalog of DuckDB holds by itself, and words that are special in SQL or in some tool.
SPECIAL = sorted({
    *(name for (name,) in CLIENT.execute("SELECT DISTINCT database_name FROM duckdb_databases()").fetchall()),
    *(name for (name,) in CLIENT.execute("SELECT DISTINCT schema_name FROM duckdb_schemas()").fetchall()),
    "default", "order", "select", "table", "local", "public", "user", "duckdb", "landing", "sessions",
})  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_a_name_is_refused_or_finds_its_marts_by_every_way(tmp_path, name):
    """Asked of DuckDB itself, so that a name that a later release keeps for itself shows here."""
    if name_problem("pipeline", name):
        return
    file = tmp_path / f"{name}.duckdb"
    with duckdb.connect(file) as con:
        con.execute("CREATE TABLE sessions AS SELECT 1 AS a")
    with duckdb.connect(file, read_only=True) as con:
        assert con.execute("SELECT current_database()").fetchone() == (name,)
        assert con.execute(f'FROM "{name}".main.sessions').fetchall() == [(1,)]
        assert con.execute("SELECT table_name FROM information_schema.tables").fetchall() == [("sessions",)]
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{file}' (READ_ONLY)")
        assert con.execute(f'FROM "{name}".sessions').fetchall() == [(1,)]
        con.execute(f'USE "{name}"')
        assert con.execute("FROM sessions").fetchall() == [(1,)]
