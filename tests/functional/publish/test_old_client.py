"""A DuckDB client of the first 1.x that this Python can install opens what is published."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.patience import PATIENCE

ASK = """
import json, sys
import duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
def ask(sql): return con.execute(sql).fetchall()
print(json.dumps({
    "client": duckdb.__version__,
    "sessions": ask("SELECT * FROM sessions"),
    "visits": ask("SELECT seen.since, tags, doc FROM visits"),
    "mart_status": ask("SELECT mart, version, published_at, complete_until, row_count FROM mart_status"),
    "comments": ask("SELECT comment FROM duckdb_columns() WHERE table_name = 'sessions'"),
    "actions": ask("SELECT action FROM _penstock.publications ORDER BY seq"),
    "rows": ask("SELECT marts ->> '$.sessions.rows' FROM _penstock.publications ORDER BY seq"),
}, default=str))
"""


def ask(old_duckdb, link):
    done = subprocess.run(
        [sys.executable, "-c", ASK, link], capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(old_duckdb)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_old_client_reads_marts_comments_status_and_ledger(shop, old_duckdb):
    declared = [
        ("seen", "struct(since timestamptz, n int)", "", True),
        ("tags", "varchar[]", "", True),
        ("doc", "json", "", True),
    ]
    row = """SELECT {'since': TIMESTAMPTZ '2026-01-01 01:00:00+01', 'n': 1}, ['a', 'b'], '{"a": 1}'"""
    shop.build(others={"visits": (row, declared)})
    shop.publish()

    told = ask(old_duckdb, shop.link)
    assert told["client"].startswith(("1.0.", "1.1."))
    assert told["sessions"] == [
        [1, "2026-11-20 09:00:00", "apple", "1.50"],
        [2, "2026-11-20 10:30:00", None, "0.00"],
    ]
    assert told["visits"] == [["2026-01-01 00:00:00", ["a", "b"], '{"a": 1}']]
    now = str(shop.now.replace(tzinfo=None))
    assert told["mart_status"][0] == ["sessions", 1, now, now, 2]
    assert told["comments"][1] == ["First event of the session. Time zone: UTC."]
    assert (told["actions"], told["rows"]) == ([["publish"]], [["2"]])

    # A rollback opens an older file's copy for writing: that must not lift it to a newer storage version.
    shop.build(sessions="VALUES (1, now(), NULL, 0)", others={"visits": (row, declared)})
    shop.publish()
    shop.rollback()
    told = ask(old_duckdb, shop.link)
    assert len(told["sessions"]) == 2
    assert told["actions"] == [["publish"], ["publish"], ["rollback"]]
