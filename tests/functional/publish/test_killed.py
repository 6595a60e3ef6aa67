"""Killed at each step: readers see the old or the new version, whole, and the next publication goes on."""

from __future__ import annotations

import signal

import pytest

BEFORE_THE_FLIP = ["filled", "closed", "renamed", "linked"]
AFTER_THE_FLIP = ["flipped", "retired"]


def kill(shop, step, *words):
    done = shop.command(*words, PENSTOCK_KILL_AT=f"publish.{step}")
    assert done.returncode == -signal.SIGKILL, f"not killed at {step}: {done.stderr}"


def served(shop):
    """What a reader sees; fails where it does not fit together."""
    ((rows, version, told),) = shop.query(
        "SELECT (SELECT count(*) FROM sessions), version, row_count FROM mart_status WHERE mart = 'sessions'"
    )
    ((last,),) = shop.query("SELECT last(version ORDER BY seq) FROM _penstock.publications")
    assert (rows, version) == (told, last)
    return rows, version


def assert_sound(shop):
    """Each file is one that the ledger knows, nothing else lies about, and no seq was used twice."""
    ledger = shop.query("SELECT seq, version FROM _penstock.publications ORDER BY seq")
    assert len({seq for seq, _ in ledger}) == len(ledger)
    assert set(shop.files()) <= {f"{seq}-v{version}" for seq, version in ledger}
    assert sorted(path.name for path in shop.link.parent.iterdir()) == [
        "customer_events",
        "customer_events.duckdb",
    ]


@pytest.mark.parametrize("step", BEFORE_THE_FLIP + AFTER_THE_FLIP)
def test_a_publication_killed(shop, step):
    last = shop.publish_sessions(1)
    shop.build(sessions="SELECT n, now(), NULL, 0 FROM range(3) r(n)")
    if step == "retired":  # so that there is a file to remove
        kill(shop, "renamed", "customer_events")
    kill(shop, step, "customer_events")
    used = {int(name.split("-")[0]) for name in shop.files() if name[0].isdigit()}
    assert served(shop) == ((3, 2) if step in AFTER_THE_FLIP else (1, 1))

    result = shop.publish()
    assert served(shop) == (3, 2)
    assert result.version == 2
    assert result.seq > max(used | {last.seq})
    assert_sound(shop)


def test_the_first_publication_killed(shop):
    shop.build()
    kill(shop, "renamed", "customer_events")
    assert not shop.link.exists()
    result = shop.publish()
    assert (result.action, result.version, result.seq) == ("publish", 1, 2)
    assert_sound(shop)


@pytest.mark.parametrize("step", ["renamed", "flipped"])
def test_a_rollback_killed(shop, step):
    shop.publish_sessions(1)
    shop.publish_sessions(1, 2)
    kill(shop, step, "rollback", "customer_events")
    if step == "flipped":
        assert served(shop) == (1, 1)
        assert shop.publish().action == "hold"
    else:
        assert served(shop) == (2, 2)
        shop.rollback()
        assert served(shop) == (1, 1)
        assert_sound(shop)
