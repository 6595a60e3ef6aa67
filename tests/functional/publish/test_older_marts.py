"""Marts that an older Penstock published go on: served, listed, compared with, rolled back to, retired.

`older_marts.tar.gz` holds them as it left them: files without a folder of their own, `mart_status.rows`, and
a ledger with the column `by`. Published were version 1 and its refresh, 2, 3; then a rollback to 2 and a
resume. It was made with the test's own `Shop` on the commit before the layout changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import duckdb
import pytest

from penstock.core.errors import PublishError
from penstock.doctor.published import published_findings
from penstock.monitor.situation import what_bi_serves
from penstock.publish.listing import list_publications
from penstock.validate.published import attach_published
from tests.functional.publish.conftest import PURCHASE_ROWS, SESSION_ROWS
from tests.patience import PATIENCE

ARCHIVE = Path(__file__).with_name("older_marts.tar.gz")
VERSION_2 = {"sessions": SESSION_ROWS, "purchases": f"{PURCHASE_ROWS}, ('d', 9)"}
LEDGER = [
    (1, 1, "publish", None, None),
    (2, 1, "refresh", None, None),
    (3, 2, "publish", None, None),
    (4, 3, "publish", None, None),
    (5, 2, "rollback", "ann", "prices were in cents"),
    (6, 2, "resume", "ann", "mended"),
]


@pytest.fixture
def older(shop):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(shop.settings.data, filter="tar")
    return shop


def ledger(shop):
    return shop.query("SELECT seq, version, action, done_by, why FROM _penstock.publications ORDER BY seq")


def findings(shop):
    return [finding.what for finding in published_findings(shop.settings, "customer_events")]


def test_they_are_served_listed_and_healthy_as_they_are(older):
    assert older.query("SELECT count(*) FROM purchases") == [(4,)]
    listing = list_publications(older.settings, "customer_events")
    assert [(row.seq, row.version, row.action, row.by, row.why) for row in listing.publications] == LEDGER
    assert [row.file and row.file.name for row in listing.publications] == [
        "1-v1.duckdb", "2-v1.duckdb", None, "4-v3.duckdb", "5-v2.duckdb", "6-v2.duckdb",
    ]  # fmt: skip
    assert findings(older) == []
    assert what_bi_serves(older.settings, "customer_events").startswith(
        "BI still serves version 2, complete "
    )
    done = older.command("ls", "customer_events")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].split()[:4] == ["→", "6", "2", "resume"]
    assert "6-v2.duckdb" in done.stdout


def test_the_gate_compares_with_them(older):
    with duckdb.connect() as con:
        assert attach_published(con, older.link)
        assert con.execute("SELECT count(*) FROM published.purchases").fetchall() == [(4,)]


def test_the_next_run_without_news_keeps_the_version_in_the_new_layout(older):
    older.build(**VERSION_2)
    result = older.publish()
    assert (result.action, result.version, result.seq) == ("refresh", 2, 7)
    assert str(older.link.readlink()) == "customer_events/7-v2/customer_events.duckdb"
    assert ledger(older) == [*LEDGER, (7, 2, "refresh", None, None)]
    assert older.query("SELECT mart, row_count FROM mart_status") == [("sessions", 2), ("purchases", 4)]
    assert older.files() == ["1-v1.duckdb", "2-v1.duckdb", "4-v3.duckdb", "6-v2.duckdb", "7-v2"]
    assert findings(older) == []


def test_the_next_run_with_news_is_a_new_version(older):
    older.build()
    result = older.publish()
    assert (result.action, result.version, result.changed_marts) == ("publish", 4, ["purchases"])


@pytest.mark.parametrize(("version", "purchases", "sessions"), [(1, 3, 2), (3, 4, 3)])
def test_back_to_one_of_them(older, version, purchases, sessions):
    result = older.rollback(to=version, why="again")
    assert (result.action, result.version, result.seq) == ("rollback", version, 7)
    assert str(older.link.readlink()) == f"customer_events/7-v{version}/customer_events.duckdb"
    assert older.query("SELECT mart, version, row_count, quarantined_events FROM mart_status") == [
        ("sessions", version, sessions, 0), ("purchases", version, purchases, 0),
    ]  # fmt: skip
    assert older.query("SELECT count(*) FROM sessions") == [(sessions,)]
    assert ledger(older) == [*LEDGER, (7, version, "rollback", "ann", "again")]
    comments = older.query(
        "SELECT count(*) FILTER (comment IS NULL) FROM duckdb_columns() "
        "WHERE table_name IN ('mart_status', 'publications')"
    )
    assert comments == [(0,)]
    (hold,) = findings(older)
    assert hold.startswith(f"on hold since ann rolled back to version {version} (again)")
    assert older.resume().seq == 8


def test_they_are_retired_and_a_reader_that_holds_one_reads_on(older):
    held = duckdb.connect(older.link, read_only=True)
    for count in range(1, 8):
        older.publish_sessions(*range(count))
    assert older.files() == [f"{seq}-v{seq - 3}" for seq in (10, 11, 12, 13, 9)]
    assert held.execute("SELECT count(*) FROM purchases").fetchall() == [(4,)]
    held.close()
    assert len(ledger(older)) == 13


def test_what_an_older_penstock_left_half_written_goes_with_the_next_publication(older):
    for name in (".being-written.duckdb", ".being-written.duckdb.wal", "9-v9.duckdb"):
        (older.folder / name).write_bytes((older.folder / "6-v2.duckdb").read_bytes())
    told = findings(older)
    assert (len(told), sum("cut short" in what for what in told)) == (3, 3)
    older.build()
    assert older.publish().seq == 10
    assert [name for name in older.files() if name.startswith((".", "9"))] == []


def test_a_lost_symlink_is_reported_with_the_file_of_the_older_layout(older):
    older.link.unlink()
    older.build()
    with pytest.raises(PublishError, match="is gone, but versions") as error:
        older.publish()
    assert error.value.fix == f"ln -sfn customer_events/6-v2.duckdb {older.link}"


def test_an_old_client_reads_what_a_rollback_made_of_them(older, old_duckdb):
    older.rollback(to=1)
    assert asked(old_duckdb, older.link) == [["sessions", 2], ["purchases", 3]]


def test_a_ledger_of_a_newer_penstock_is_refused_and_kept(older):
    file = older.folder / "6-v2.duckdb"
    file.chmod(0o644)
    with duckdb.connect(file) as con:
        con.execute("ALTER TABLE _penstock.publications ADD COLUMN approved_by VARCHAR")
    older.build()
    with pytest.raises(PublishError, match=r"6-v2\.duckdb: its ledger is not one of .*approved_by"):
        older.publish()
    with duckdb.connect(file) as con:
        con.execute("DROP TABLE _penstock.publications")
    with pytest.raises(PublishError, match=r"6-v2\.duckdb: its ledger cannot be read"):
        older.publish()


def asked(folder, link):
    """`mart_status` as another DuckDB reads it."""
    code = (
        "import duckdb, json, sys\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "print(json.dumps(con.execute('SELECT mart, row_count FROM mart_status').fetchall()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, link], capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
