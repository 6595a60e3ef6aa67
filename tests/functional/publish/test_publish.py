"""What a publication writes, what counts as a change, and what is refused."""

from __future__ import annotations

import datetime as dt
import functools
import json
import stat
import uuid

import duckdb
import pytest

import penstock
from penstock.core.errors import BusyError, PublishError
from penstock.core.pipeline_lock import pipeline_lock
from penstock.publish import publish


def utc(*parts):
    """A UTC time as published files hold it: without a zone."""
    return dt.datetime(*parts, tzinfo=dt.UTC).replace(tzinfo=None)


UNTIL = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


def naive(at):
    return at.astimezone(dt.UTC).replace(tzinfo=None)


def test_the_first_publication_serves_the_candidates(shop):
    shop.build(warnings={"sessions": 2}, rejected=1)
    result = shop.publish()

    assert (result.action, result.version, result.seq) == ("publish", 1, 1)
    assert result.changed_marts == ["sessions", "purchases"]
    assert result.marts == {"sessions": 2, "purchases": 3}
    assert shop.query("FROM purchases") == [("a", 1.5), ("b", None), ("c", 2.5)]
    assert shop.query("SELECT user_id, started_at, revenue::VARCHAR FROM sessions") == [
        (1, utc(2026, 11, 20, 9, 0), "1.50"),
        (2, utc(2026, 11, 20, 10, 30), "0.00"),
    ]
    assert shop.query("FROM mart_status") == [
        (
            "sessions", 1, naive(shop.now), naive(shop.now), utc(2026, 11, 20, 10, 30), 2, 1, 0.1, 2,
            "team-sessions", 0,
        ),
        ("purchases", 1, naive(shop.now), naive(shop.now), None, 3, 1, 0.1, 0, "team-purchases", 0),
    ]  # fmt: skip


def test_the_symlink_is_relative_and_the_folder_holds_nothing_else(shop):
    shop.build()
    result = shop.publish()
    assert str(shop.link.readlink()) == "customer_events/1-v1/customer_events.duckdb"
    assert result.file == shop.folder / "1-v1" / "customer_events.duckdb"
    assert shop.files() == ["1-v1"]
    assert [path.name for path in (shop.folder / "1-v1").iterdir()] == ["customer_events.duckdb"]
    assert sorted(path.name for path in shop.link.parent.iterdir()) == [
        "customer_events",
        "customer_events.duckdb",
    ]


def test_a_published_file_is_read_only(shop):
    shop.build()
    assert stat.S_IMODE(shop.publish().file.stat().st_mode) == 0o444


def test_types_not_null_and_comments_arrive(shop):
    shop.build()
    shop.publish()
    columns = shop.query(
        "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE table_name = 'sessions'"
    )
    assert columns == [
        ("user_id", "BIGINT", False, "The customer."),
        ("started_at", "TIMESTAMP", False, "First event of the session. Time zone: UTC."),
        ("brand", "VARCHAR", True, "Brand seen last; NULL where there was none."),
        ("revenue", "DECIMAL(12,2)", False, "What was spent, in USD."),
    ]
    assert shop.query("SELECT comment FROM duckdb_tables() WHERE table_name = 'sessions'") == [
        ("One row per sessions.",)
    ]


def test_every_column_of_our_own_tables_is_explained_and_no_time_has_a_zone(shop):
    shop.build()
    shop.publish()
    columns = shop.query(
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
        "WHERE table_name IN ('mart_status', 'publications')"
    )
    assert len(columns) == 11 + 15
    for table, name, data_type, comment in columns:
        assert comment, f"{table}.{name}"
        assert data_type != "TIMESTAMP WITH TIME ZONE", f"{table}.{name}"
        assert "TIMESTAMP" not in data_type or "UTC" in comment, f"{table}.{name}"


def test_a_comment_with_a_quote_and_a_zone_inside_a_struct(shop):
    declared = [("seen", "struct(since timestamptz, n int)", "It's when.", True), ("doc", "json", "", False)]
    row = "SELECT {'since': TIMESTAMPTZ '2026-01-01 01:00:00+01', 'n': 1}, '{\"a\": [null]}'"
    shop.build(others={"visits": (row, declared)})
    shop.publish()
    assert shop.query("SELECT seen.since, doc FROM visits") == [(utc(2026, 1, 1), '{"a": [null]}')]
    assert shop.query("SELECT comment FROM duckdb_columns() WHERE column_name = 'seen'") == [
        ("It's when. Time zone: UTC.",)
    ]


def test_the_ledger_tells_where_the_content_comes_from(shop):
    first = shop.build(offsets=[(0, 0, 10), (0, 1, 20)])
    shop.publish("run one")
    second = shop.build(purchases="VALUES ('a', 1.5)", offsets=[(0, 0, 15), (0, 1, 20), (1, 0, 3)])
    shop.publish("run two")
    rows = shop.query(
        "SELECT seq, version, action, run_id, build_id, published_at, code_version, code_dirty, "
        "declarations_hash, complete_until, checks, done_by, why FROM _penstock.publications ORDER BY seq"
    )
    hour = dt.timedelta(hours=1)
    assert [row[:5] for row in rows] == [
        (1, 1, "publish", "run one", first), (2, 2, "publish", "run two", second),
    ]  # fmt: skip
    assert [row[5] for row in rows] == [naive(shop.now - hour), naive(shop.now)]
    assert rows[1][6:10] == (f"{penstock.__version__}+gabc", True, "cafe", naive(shop.now))
    assert json.loads(rows[1][10]) == {"passed": 7, "warned": 1, "failed": 0}
    assert rows[1][11:] == (None, None)

    inputs = [
        json.loads(text) for (text,) in shop.query("SELECT inputs FROM _penstock.publications ORDER BY seq")
    ]
    ranges = [
        [(p["epoch"], p["partition"], p["from_offset"], p["next_offset"]) for p in stream["offsets"]]
        for (stream,) in inputs
    ]
    assert ranges == [[(0, 0, 0, 10), (0, 1, 0, 20)], [(0, 0, 10, 15), (0, 1, 20, 20), (1, 0, 0, 3)]]

    ((marts,),) = shop.query("SELECT marts FROM _penstock.publications WHERE seq = 2")
    told = {name: (mart["rows"], mart["changed"]) for name, mart in json.loads(marts).items()}
    assert told == {"sessions": (2, False), "purchases": (1, True)}


def test_a_run_that_changed_nothing_uses_up_no_version(shop):
    shop.build()
    shop.publish()
    shop.build(purchases="VALUES ('c', 2.5), ('a', 1.5), ('b', NULL)", rejected=3)  # another order
    result = shop.publish()
    assert (result.action, result.version, result.seq, result.changed_marts) == ("refresh", 1, 2, [])
    assert result.complete_until == shop.now
    assert shop.query(
        "SELECT DISTINCT version, published_at, complete_until, rejected_events FROM mart_status"
    ) == [(1, naive(shop.now), naive(shop.now), 3)]
    assert shop.query("SELECT action FROM _penstock.publications ORDER BY seq") == [
        ("publish",),
        ("refresh",),
    ]


def test_a_changed_column_is_a_change_and_a_changed_comment_is_none(shop):
    declared = [("a", "integer", "One.", True)]
    shop.build(others={"extra": ("VALUES (1)", declared)})
    shop.publish()
    shop.build(others={"extra": ("VALUES (1)", [("a", "integer", "Other words.", True)])})
    assert shop.publish().action == "refresh"
    assert shop.query("SELECT comment FROM duckdb_columns() WHERE column_name = 'a'") == [("Other words.",)]
    for version, changed in enumerate(
        [("a", "bigint", "", True), ("a", "bigint", "", False), ("b", "bigint", "", False)], start=2
    ):
        shop.build(others={"extra": ("VALUES (1)", [changed])})
        result = shop.publish()
        assert (result.action, result.version, result.changed_marts) == ("publish", version, ["extra"])


def test_a_mart_that_came_or_went_is_a_change(shop):
    shop.build()
    shop.publish()
    shop.build(others={"extra": ("VALUES (1)", [("a", "integer", "", True)])})
    assert (shop.publish().version, shop.publish().version) == (2, 2)
    shop.build()
    result = shop.publish()
    assert (result.action, result.version, result.changed_marts) == ("publish", 3, [])
    assert shop.query("SELECT mart FROM mart_status") == [("sessions",), ("purchases",)]


def test_complete_until_never_goes_backwards(shop):
    shop.build(complete_until=UNTIL)
    shop.publish()
    for hours, expected in [(2, 2), (-5, 2), (3, 3)]:
        shop.build(complete_until=UNTIL + dt.timedelta(hours=hours))
        result = shop.publish()
        assert result.complete_until == UNTIL + dt.timedelta(hours=expected)
        assert shop.query("SELECT DISTINCT complete_until FROM mart_status") == [
            (naive(result.complete_until),)
        ]


def test_a_retried_task_tells_the_same_changes_and_writes_no_file(shop):
    shop.build()
    shop.publish()
    shop.build(purchases="VALUES ('z', 1)")
    first = shop.publish("scheduled")
    assert first.changed_marts == ["purchases"]
    assert shop.publish("scheduled") == first
    assert shop.files() == ["1-v1", "2-v2"]
    assert shop.publish("another run").action == "refresh"


@pytest.mark.parametrize("outcome", ["refused", "error"])
def test_a_build_that_did_not_pass_publishes_nothing(shop, outcome):
    shop.build()
    shop.publish()
    shop.build(purchases="VALUES ('bad', -1)", outcome=outcome)
    with pytest.raises(PublishError, match=f"'{outcome}'"):
        shop.publish()
    assert shop.query("SELECT count(*) FROM purchases") == [(3,)]
    assert shop.files() == ["1-v1"]


def test_a_verdict_of_another_build_publishes_nothing(shop):
    judged = shop.build()
    shop.publish()
    built = shop.build(purchases="VALUES ('unjudged', 1)")
    shop.judge(judged)
    with pytest.raises(PublishError) as error:
        shop.publish()
    assert judged in str(error.value)
    assert built in str(error.value)
    assert shop.query("SELECT count(*) FROM purchases") == [(3,)]
    assert shop.files() == ["1-v1"]


def test_without_verdict_or_build_nothing_is_published(shop):
    with pytest.raises(PublishError, match="nothing was built"):
        shop.publish()
    build = shop.build()
    verdict = shop.settings.verdict_file("customer_events")
    verdict.unlink()
    with pytest.raises(PublishError, match=f"build {build} has no verdict"):
        shop.publish()
    verdict.write_text("{ torn")
    with pytest.raises(PublishError, match="not a verdict"):
        shop.publish()
    with duckdb.connect(shop.settings.warehouse_file("customer_events")) as con:
        con.execute("DELETE FROM _penstock.build")
    with pytest.raises(PublishError, match="no finished build"):
        shop.publish()
    with duckdb.connect(shop.settings.warehouse_file("customer_events")) as con:
        con.execute("DROP TABLE _penstock.build")
    with pytest.raises(PublishError, match="no finished build"):
        shop.publish()
    assert not shop.link.is_symlink()


def test_what_another_penstock_built_is_not_published(shop):
    build = shop.build()
    with duckdb.connect(shop.settings.warehouse_file("customer_events")) as con:
        con.execute("UPDATE _penstock.build SET code_version = '0.0.9+gabc'")
    told = f"build {build} was built by Penstock 0.0.9, this is Penstock {penstock.__version__}"
    with pytest.raises(PublishError, match=told):
        shop.publish()
    assert not shop.link.is_symlink()


@pytest.mark.parametrize(
    ("rows", "declared", "told"),
    [
        ("SELECT 1::VARIANT", [("v", "variant", "", False)], "mart extra, column v: .*VARIANT"),
        ("VALUES (NULL)", [("v", "integer", "", True)], "mart extra: .*NOT NULL"),
    ],
)
def test_a_mart_that_cannot_be_copied_is_named(shop, rows, declared, told):
    shop.build()
    shop.publish()
    shop.build(others={"extra": (rows, declared)})
    with pytest.raises(PublishError, match=told):
        shop.publish()
    assert shop.files() == ["1-v1"]
    assert shop.query("SELECT count(*) FROM purchases") == [(3,)]


def test_a_candidate_that_is_not_what_is_declared_is_refused(shop):
    shop.build()
    warehouse = shop.settings.warehouse_file("customer_events")
    with duckdb.connect(warehouse) as con:
        con.execute("ALTER TABLE marts.purchases ADD COLUMN undeclared INTEGER")
    with pytest.raises(PublishError, match="purchases: column undeclared is declared as nothing"):
        shop.publish()
    with duckdb.connect(warehouse) as con:
        con.execute("ALTER TABLE marts.purchases DROP COLUMN undeclared")
        con.execute("ALTER TABLE marts.purchases ALTER price TYPE VARCHAR")
    with pytest.raises(PublishError, match="price is declared as DOUBLE, its candidate has VARCHAR"):
        shop.publish()
    with duckdb.connect(warehouse) as con:
        con.execute("DROP TABLE marts.purchases")
    with pytest.raises(PublishError, match=r"no table marts\.purchases"):
        shop.publish()


def test_a_lost_symlink_starts_no_new_history(shop):
    shop.build()
    shop.publish()
    shop.build()
    shop.publish()
    shop.link.unlink()
    with pytest.raises(PublishError, match=r"is gone, but versions") as error:
        shop.publish()
    assert error.value.fix == f"ln -sfn customer_events/2-v1/customer_events.duckdb {shop.link}"
    shop.link.symlink_to("customer_events/77-v7/customer_events.duckdb")
    with pytest.raises(PublishError, match="77-v7"):
        shop.publish()
    assert shop.files() == ["1-v1", "2-v1"]


def test_publish_waits_for_whoever_writes_for_the_pipeline(shop, monkeypatch):
    shop.build()
    monkeypatch.setattr(publish, "pipeline_lock", functools.partial(pipeline_lock, wait=0.1))
    with (
        pipeline_lock(shop.settings, "customer_events", what="transform"),
        pytest.raises(BusyError, match="held by transform"),
    ):
        shop.publish()
    assert shop.publish().version == 1


def test_the_command_publishes_and_prints_json(shop):
    shop.build()
    done = shop.command("customer_events", "-o", "json", PENSTOCK_RUN_ID=(run := str(uuid.uuid4())))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {
        "pipeline": "customer_events", "action": "publish", "version": 1, "seq": 1,
        "changed_marts": ["sessions", "purchases"], "marts": {"sessions": 2, "purchases": 3},
        "complete_until": shop.now.isoformat(), "file": str(shop.folder / "1-v1" / "customer_events.duckdb"),
    }  # fmt: skip
    assert shop.query("SELECT run_id FROM _penstock.publications") == [(run,)]


def test_the_command_fails_with_one_line_and_what_to_do(shop):
    shop.build(outcome="refused")
    done = shop.command("customer_events")
    assert (done.returncode, done.stdout) == (1, "")
    error, fix = done.stderr.splitlines()
    assert error.startswith("Error: pipeline customer_events: the gate's verdict on build")
    assert fix.startswith("  Fix: ")
