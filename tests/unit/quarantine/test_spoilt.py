"""Which commits a refused build could be made without."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from penstock.core.quarantine import Move
from penstock.core.settings import Settings
from penstock.core.verdict import NewInput
from penstock.quarantine.spoilt import spoilt_moves
from tests.records import MIDNIGHT, a_verdict

RESTORED = 1_780_000_000_000  # a restore's number is a moment in milliseconds
LANDED = {"orders": [1, 2, 3, 7, 8, 9, RESTORED, RESTORED + 1], "clicks": [1, 2]}
VERDICT = a_verdict(
    "shop", "b", outcome="refused",
    new_inputs=(
        NewInput("orders", 3, 3, []), NewInput("orders", 7, RESTORED + 1, []), NewInput("clicks", 2, 2, []),
    ),
)  # fmt: skip
ALL = {"orders": {3, 7, 8, 9, RESTORED, RESTORED + 1}, "clicks": {2}}


def moment(commit: int) -> dt.datetime:
    return MIDNIGHT + dt.timedelta(seconds=commit % 1000)


MOVE = Move(
    action="release", stream="orders", first_commit=8, last_commit=9, landed_at=moment(9).isoformat(),
    by="anna", at="2026-01-12T11:00:00+00:00", why="x", run_id="run", automatic=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(Path("project"), tmp_path_factory.mktemp("data"), "local", None)
    for stream, commits in LANDED.items():
        settings.landing_file(stream).parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(settings.landing_file(stream)) as landing:
            landing.execute('create schema raw; create table raw.commits ("commit" bigint, "at" timestamptz)')
            landing.executemany(
                "insert into raw.commits values (?, ?)", [[one, moment(one)] for one in commits]
            )
    return settings


@pytest.mark.parametrize(
    ("moves", "but_for"),
    [
        ([], set()),
        ([MOVE], {8, 9}),
        ([replace(MOVE, first_commit=7)], {7, 8, 9}),
        ([replace(MOVE, automatic=True)], set()),
        ([replace(MOVE, landed_at="2025-01-01T00:00:00+00:00")], set()),  # of another landing file
        ([replace(MOVE, action="quarantine")], {8, 9}),  # a person's: it stays, whatever comes of the rest
        ([replace(MOVE, action="quarantine", automatic=True)], set()),  # of a run that was killed
    ],
    ids=["nothing was moved", "released", "three", "taken back", "another file", "put there", "killed"],
)
def test_what_is_new_and_no_person_has_moved(
    settings: Settings, moves: list[Move], but_for: set[int]
) -> None:
    found = spoilt_moves(settings, VERDICT, moves, now=MIDNIGHT, why="bad")
    commits = {
        stream: {commit for move in found if move.stream == stream for commit in move.commits}
        for stream in ("orders", "clicks")
    }
    assert commits == {**ALL, "orders": ALL["orders"] - but_for}
    assert all(move.landed_at == moment(move.last_commit).isoformat() for move in found)
    assert all(move.automatic and move.action == "quarantine" for move in found)
