"""The commits in quarantine, against landing files and against what a build has read."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from penstock.core.build_record import Input
from penstock.core.errors import LandingError, TransformError
from penstock.core.pipeline import Pipeline
from penstock.core.quarantine import Move, add_moves
from penstock.core.settings import Settings
from penstock.transform.left_out import LeftOut
from tests.records import MIDNIGHT

SHOP = Pipeline("shop", "A shop.", "sales", ("orders",))


def moment(commit: int) -> dt.datetime:
    return MIDNIGHT + dt.timedelta(hours=commit)


def move(first: int, last: int, action: str = "quarantine", landed: dt.datetime | None = None) -> Move:
    return Move(
        action="release" if action == "release" else "quarantine", stream="orders", first_commit=first,
        last_commit=last, landed_at=(landed or moment(last)).isoformat(), by="anna",
        at="2026-01-12T11:00:00+00:00", why="x", run_id="run", automatic=False,
    )  # fmt: skip


def read(newest: int, *left_out: tuple[int, int]) -> Input:
    runs = [{"first_commit": first, "last_commit": last} for first, last in left_out]
    return Input("orders", newest, MIDNIGHT, 9, 0, [], runs)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(tmp_path, tmp_path / "data", "local", None)
    settings.landing_file("orders").parent.mkdir(parents=True)
    with duckdb.connect(settings.landing_file("orders")) as landing:
        landing.execute('create schema raw; create table raw.commits ("commit" bigint, "at" timestamptz)')
        landing.executemany(
            "insert into raw.commits values (?, ?)", [[one, moment(one)] for one in range(1, 6)]
        )
    return settings


def left_out(settings: Settings, *moves: Move) -> LeftOut:
    add_moves(settings.quarantine_file("shop"), moves)
    return LeftOut(settings, SHOP)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (read(2), None),
        (read(5, (3, 4)), None),
        (read(5), "orders commits 3 to 4: in quarantine"),
        (read(3), "orders commit 3: in quarantine"),
        (read(5, (4, 5)), "orders commit 3: in quarantine; orders commit 5: released"),
        (read(5, (1, 1), (3, 4)), "orders commit 1: released"),
    ],
)
def test_which_rows_must_be_made_anew(settings: Settings, before: Input, said: str | None) -> None:
    assert left_out(settings, move(3, 4)).moved_since([before]) == said


OTHER = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)  # of a landing file that is gone


@pytest.mark.parametrize(
    ("moves", "is_strange"),
    [
        ([move(3, 4)], False),
        ([move(3, 4, landed=OTHER)], True),
        ([move(3, 4), move(4, 4, "release")], False),
        ([move(4, 6)], True),
        ([move(3, 3, landed=OTHER), move(3, 3, "release", landed=OTHER), move(3, 3)], False),
        ([move(2, 3, landed=OTHER), move(3, 3)], True),
    ],
)
def test_other_events_under_the_same_number_are_not_left_out(
    settings: Settings, moves: list[Move], is_strange: bool
) -> None:
    found = left_out(settings, *moves)
    if not is_strange:
        found.refuse_other_commits()
        return
    with pytest.raises(LandingError, match="the file was replaced or restored") as caught:
        found.refuse_other_commits()
    assert "penstock quarantine release shop orders " in (caught.value.fix or "")


def test_a_stream_that_the_pipeline_reads_no_more_is_not_asked(settings: Settings) -> None:
    found = left_out(settings, replace(move(3, 4), stream="clicks"))
    found.refuse_other_commits()
    assert found.commits == {}


def test_a_build_that_did_not_leave_them_out_is_refused(settings: Settings) -> None:
    found = left_out(settings, move(3, 4))
    found.refuse_ignored([read(2)])
    found.refuse_ignored([read(5, (3, 4))])
    with pytest.raises(TransformError, match="orders commits 3 to 4: in quarantine, and this build did not"):
        found.refuse_ignored([read(5)])
