"""Back to an older version, the hold after it, and forward again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from penstock.cli import main
from penstock.core.errors import PublishError


def served(shop):
    """Rows of sessions and the version that `mart_status` tells; the symlink's file name."""
    ((rows, version),) = shop.query("SELECT row_count, version FROM mart_status WHERE mart = 'sessions'")
    assert shop.query("SELECT count(*) FROM sessions") == [(rows,)]
    return rows, version, shop.link.readlink().parent.name


def ledger(shop):
    return shop.query("SELECT seq, version, action, done_by, why FROM _penstock.publications ORDER BY seq")


def test_rollback_hold_resume_and_the_ledger_after_each(shop):
    shop.publish_sessions(1)
    shop.publish_sessions(1, 2)

    result = shop.rollback(by="ann", why="prices are wrong")
    assert (result.action, result.version, result.seq) == ("rollback", 1, 3)
    assert served(shop) == (1, 1, "3-v1")
    assert ledger(shop)[2:] == [(3, 1, "rollback", "ann", "prices are wrong")]

    shop.build(sessions="SELECT n, now(), NULL, 0 FROM range(3) r(n)")
    result = shop.publish()
    assert (result.action, result.version, result.seq, result.changed_marts) == ("hold", 1, 3, [])
    assert served(shop) == (1, 1, "3-v1")

    result = shop.resume(by="bob", why="repaired")
    assert (result.action, result.version, result.seq, result.changed_marts) == ("resume", 1, 4, [])
    assert served(shop) == (1, 1, "4-v1")

    result = shop.publish()
    assert (result.action, result.version, result.seq) == ("publish", 3, 5)
    assert served(shop) == (3, 3, "5-v3")
    assert ledger(shop) == [
        (1, 1, "publish", None, None),
        (2, 2, "publish", None, None),
        (3, 1, "rollback", "ann", "prices are wrong"),
        (4, 1, "resume", "bob", "repaired"),
        (5, 3, "publish", None, None),
    ]


def test_after_resume_the_same_content_uses_up_no_version(shop):
    shop.publish_sessions(1)
    shop.publish_sessions(1, 2)
    shop.rollback()
    shop.resume()
    assert (shop.publish_sessions(1).action, shop.publish_sessions(1).version) == ("refresh", 1)


def test_what_is_served_after_a_rollback_is_what_the_older_version_was(shop):
    shop.publish_sessions(1)
    first = shop.publish_sessions(1)  # a refresh: the same content, complete until later
    freshness = "SELECT complete_until, rejected_events, newest_event_at FROM mart_status"
    tables = (
        "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE schema_name IN ('main', '_penstock') ORDER BY ALL"
    )
    before = [shop.query(sql) for sql in (freshness, tables, "FROM sessions", "FROM purchases")]
    shop.publish_sessions(1, 2)
    result = shop.rollback()
    assert result.complete_until == first.complete_until
    assert [shop.query(sql) for sql in (freshness, tables, "FROM sessions", "FROM purchases")] == before
    ((published_at,),) = shop.query("SELECT DISTINCT published_at FROM mart_status")
    assert published_at == shop.now.replace(tzinfo=None)


def test_rollback_to_a_named_version_and_forward_again(shop):
    for count in (1, 2, 3):
        shop.publish_sessions(*range(count))
    assert shop.rollback(to=1).marts["sessions"] == 1
    assert shop.rollback(to=3).marts["sessions"] == 3
    assert (
        shop.query("SELECT action FROM _penstock.publications ORDER BY seq DESC LIMIT 2")
        == [("rollback",)] * 2
    )
    assert shop.publish().action == "hold"


def test_rollback_again_goes_further_back(shop):
    for count in (1, 2, 3):
        shop.publish_sessions(*range(count))
    assert [shop.rollback().version, shop.rollback().version] == [2, 1]
    with pytest.raises(PublishError, match="none was before"):
        shop.rollback()


def test_a_version_that_is_gone_is_reported_with_those_that_are_there(shop):
    for count in range(1, 8):
        shop.publish_sessions(*range(count))
    with pytest.raises(PublishError, match=r"version 1 is not kept any more; there are: 3, 4, 5, 6, 7"):
        shop.rollback(to=1)
    with pytest.raises(PublishError, match="version 8 never was"):
        shop.rollback(to=8)
    with pytest.raises(PublishError, match="version 7 is what is served already"):
        shop.rollback(to=7)
    assert served(shop) == (7, 7, "7-v7")


def test_before_the_first_publication_there_is_nothing_to_roll_back(shop):
    with pytest.raises(PublishError, match="nothing was published"):
        shop.rollback()
    shop.publish_sessions(1)
    with pytest.raises(PublishError, match="none was before"):
        shop.rollback()
    with pytest.raises(PublishError, match="not on hold"):
        shop.resume()


def test_refreshes_pile_up_no_files_and_old_versions_go(shop):
    for _ in range(4):
        shop.publish_sessions(1)
    assert shop.files() == ["3-v1", "4-v1"]
    for count in range(2, 8):
        shop.publish_sessions(*range(count))
    assert shop.files() == ["10-v7", "6-v3", "7-v4", "8-v5", "9-v6"]
    assert len(ledger(shop)) == 10


@pytest.fixture
def penstock(shop, monkeypatch):
    """Run a command in this process; returns its exit code, stdout and stderr."""
    monkeypatch.setenv("PENSTOCK_PROJECT", str(shop.settings.project))
    monkeypatch.setenv("PENSTOCK_DATA", str(shop.settings.data))

    def run(*words):
        done = CliRunner().invoke(main, ["publish", *words])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_the_commands(shop, penstock):
    assert penstock("ls", "customer_events") == (0, "customer_events: nothing was published yet\n", "")
    shop.publish_sessions(1)
    shop.publish_sessions(1, 2)
    code, out, _ = penstock(
        "rollback", "customer_events", "--to", "1", "--by", "ann", "--why", "wrong", "-o", "json"
    )
    told = json.loads(out)
    assert (code, told["action"], told["version"], told["changed_marts"]) == (0, "rollback", 1, ["sessions"])

    code, out, _ = penstock("customer_events")
    assert code == 0
    assert "on hold since the rollback to version 1" in out

    code, out, _ = penstock("ls", "customer_events")
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines()[1:4]] == [
        ["1", "1", "publish", "2026-11-20"], ["2", "2", "publish", "2026-11-20"], ["→", "3", "1", "rollback"],
    ]  # fmt: skip
    assert "ann: wrong" in out
    assert out.splitlines()[-1].startswith("on hold")

    code, out, _ = penstock("resume", "customer_events", "--why", "repaired", "-o", "json")
    assert (code, json.loads(out)["action"]) == (0, "resume")
    code, out, _ = penstock("ls", "customer_events", "-o", "json")
    listing = json.loads(out)
    assert (listing["on_hold"], [row["served"] for row in listing["publications"]]) == (
        False,
        [False] * 3 + [True],
    )
    assert listing["publications"][3]["why"] == "repaired"
    assert listing["publications"][3]["by"]


def test_a_misspelt_name_is_reported_with_a_suggestion(shop, penstock):
    code, _, err = penstock("rolback")
    assert (code, "did you mean 'rollback'?" in err) == (1, True)
    code, _, err = penstock("ls", "custmer_events")
    assert (code, "did you mean 'customer_events'?" in err) == (1, True)


def test_every_command_has_help(shop, penstock):
    for words in (
        ["--help"],
        ["customer_events", "--help"],
        *([verb, "--help"] for verb in ("ls", "rollback", "resume")),
    ):
        code, out, _ = penstock(*words)
        assert (code, "Usage:" in out) == (0, True)
