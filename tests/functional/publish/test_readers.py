"""Readers that query again and again while version after version is published."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys

import duckdb

from penstock.publish.versions import file_being_written, put_in_place
from tests.patience import PATIENCE, until

READERS = """
import json, sys, threading, time
from pathlib import Path
import duckdb

link, ready, stop = map(Path, sys.argv[1:])
failures, seen = [], []

def read():
    last = 0
    while True:
        stopping = stop.exists()  # asked first, so that one query follows the last publication
        try:
            with duckdb.connect(str(link), read_only=True) as con:
                counted, told, seq, rows = con.execute(
                    "SELECT (SELECT count(*) FROM sessions),"
                    " (SELECT row_count FROM mart_status WHERE mart = 'sessions'),"
                    " max(seq), count(*) FROM _penstock.publications"
                ).fetchone()
            if counted != told or seq != rows or seq < last:
                failures.append(f"sessions {counted}, told {told}, seq {seq} after {last}, ledger of {rows}")
            last = seq
            seen.append(seq)
        except Exception as exc:
            failures.append(f"{type(exc).__name__}: {exc}")
        ready.write_text(str(last))
        if stopping:
            return
        time.sleep(0.01)  # leaves the publisher some processor

threads = [threading.Thread(target=read) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps({"failures": failures[:5], "queries": len(seen), "seqs": sorted(set(seen))}))
"""


def test_readers_never_fail_and_never_see_a_mixture(shop, tmp_path):
    shop.publish_sessions(1)
    ready, stop = tmp_path / "ready", tmp_path / "stop"
    readers = subprocess.Popen(
        [sys.executable, "-c", READERS, shop.link, ready, stop], stdout=subprocess.PIPE, text=True
    )
    try:
        until(ready.exists)
        for n in range(2, 12):
            shop.publish_sessions(*range(n))  # a new version
            shop.publish()  # and a refresh
            until(lambda newest=2 * n - 1: int(ready.read_text() or 0) == newest)
    finally:
        stop.touch()
        told = json.loads(readers.communicate(timeout=PATIENCE)[0])
    assert told["failures"] == []
    assert set(range(3, 22, 2)) <= set(told["seqs"])  # they did read while versions came


WATCHER = """
import os, sys

link, ready, stop = sys.argv[1:]
missing = 0
open(ready, "w").close()
while not os.path.exists(stop):
    for _ in range(1000):
        missing += not os.path.exists(link)
print(missing)
"""


def test_the_symlink_is_there_at_every_moment(shop, tmp_path):
    shop.publish_sessions(1)
    ready, stop = tmp_path / "ready", tmp_path / "stop"
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCHER, shop.link, ready, stop], stdout=subprocess.PIPE, text=True
    )
    try:
        until(ready.exists)
        for seq in range(2, 152):
            with file_being_written(shop.settings, "customer_events") as written:
                written.write_bytes(b"content")
                put_in_place(shop.settings, "customer_events", written, seq=seq, version=1)
    finally:
        stop.touch()
        missing = int(watcher.communicate(timeout=PATIENCE)[0])
    assert shop.link.readlink().parent.name == "151-v1"
    assert missing == 0


def test_a_connection_that_is_held_stays_on_its_version_although_the_file_is_removed(shop):
    shop.publish_sessions(*range(1000))
    held = duckdb.connect(shop.link, read_only=True)
    for n in range(1, 8):
        shop.publish_sessions(*range(n))
    assert "1-v1" not in shop.files()
    assert held.execute("SELECT count(*), max(revenue) FROM sessions").fetchall() == [(1000, 999)]
    held.close()
    assert shop.query("SELECT count(*) FROM sessions") == [(7,)]


SPILL = """
import sys
import duckdb

con = duckdb.connect(sys.argv[1], read_only=True)
con.execute("SET memory_limit = '60MB'; SET threads = 1; SET enable_progress_bar = false")
rows = con.execute("SELECT i, i::VARCHAR || repeat('x', 50) AS s FROM range(3000000) r(i) ORDER BY s DESC")
first = rows.fetchone()
print("spilled", flush=True)
sys.stdin.readline()
left = 1
while batch := rows.fetchmany(100000):
    left += len(batch)
con.close()
print(left)
"""


def test_a_reader_that_spills_beside_its_file_goes_on_when_that_is_retired(shop):
    shop.publish_sessions(*range(10))
    reader = subprocess.Popen(
        [sys.executable, "-c", SPILL, shop.link], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "spilled\n"
        assert list((shop.folder / "1-v1").glob("customer_events.duckdb.tmp/*"))
        for n in range(1, 8):
            shop.publish_sessions(*range(n))
        assert not (shop.folder / "1-v1" / "customer_events.duckdb").exists()
        told, _ = reader.communicate("go on\n", timeout=250)
        assert (told, reader.returncode) == ("3000000\n", 0)
    finally:
        reader.kill()
        reader.communicate()
    shop.publish_sessions(1)
    assert "1-v1" not in shop.files()


def test_what_a_killed_reader_spilled_is_removed_after_a_day(shop):
    shop.publish_sessions(1)
    spilled = shop.folder / "1-v1" / "customer_events.duckdb.tmp" / "duckdb_temp_storage_DEFAULT-0.tmp"
    spilled.parent.mkdir()
    spilled.touch()
    for hours, there in [(1, True), (25, False)]:
        at = shop.now.timestamp() - hours * 3600
        os.utime(spilled, (at, at))
        for n in range(1, 8):
            shop.now -= dt.timedelta(hours=1)  # each build takes one
            shop.publish_sessions(*range(n))
        assert ("1-v1" in shop.files()) is there
