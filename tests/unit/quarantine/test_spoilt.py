"""Which commits a refused build could be made without."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.core.quarantine import Move
from penstock.core.verdict import Counts, NewInput, Verdict
from penstock.quarantine.spoilt import spoilt_commits

VERDICT = Verdict(
    pipeline="shop", build_id="b", run_id="r", judged_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    outcome="refused", checks=Counts(), marts={}, problems=(), skipped=(), warnings_by_mart={},
    docs=Path("d"),
    new_inputs=(
        NewInput("orders", 3, 3, []), NewInput("orders", 7, 9, []), NewInput("clicks", 2, 2, []),
    ),
)  # fmt: skip
MOVE = Move(
    action="release", stream="orders", first_commit=8, last_commit=12, landed_at="2026-01-12T10:00:00+00:00",
    by="anna", at="2026-01-12T11:00:00+00:00", why="x", run_id="run", automatic=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("moves", "spoilt"),
    [
        ([], {"orders": {3, 7, 8, 9}, "clicks": {2}}),
        ([MOVE], {"orders": {3, 7}, "clicks": {2}}),
        ([replace(MOVE, first_commit=1)], {"clicks": {2}}),
        ([replace(MOVE, automatic=True)], {"orders": {3, 7, 8, 9}, "clicks": {2}}),
        ([replace(MOVE, stream="clicks", first_commit=1)], {"orders": {3, 7, 8, 9}}),
        ([replace(MOVE, action="quarantine")], {"orders": {3, 7, 8, 9}, "clicks": {2}}),
    ],
)
def test_what_is_new_and_was_not_released_by_a_person(moves: list[Move], spoilt: dict[str, set[int]]) -> None:
    assert spoilt_commits(VERDICT, moves) == spoilt
