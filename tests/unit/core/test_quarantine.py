"""The file that says which commits a pipeline's marts are built without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import DeclarationError
from penstock.core.quarantine import (
    Move,
    Periods,
    add_moves,
    commits_text,
    in_quarantine,
    read_moves,
    runs_of,
)

MOVE = Move(
    action="quarantine", stream="orders", first_commit=3, last_commit=5,
    landed_at="2026-01-12T10:00:00.123456+00:00", by="penstock", at="2026-01-12T11:00:00+00:00", why="x",
    run_id="run", automatic=True, touched=(Periods("sales", "sold_at", "day", ("2026-01-12",)),),
)  # fmt: skip


def move(action: str, first: int, last: int, stream: str = "orders") -> Move:
    return replace(MOVE, action=action, first_commit=first, last_commit=last, stream=stream)


def test_what_was_moved_reads_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "quarantine" / "shop.yaml"
    assert read_moves(file) == []
    other = replace(move("release", 4, 4), why="a\x85b", automatic=False, touched=())
    add_moves(file, [MOVE])
    add_moves(file, [other])
    assert read_moves(file) == [MOVE, other]
    assert file.read_text().startswith("# Commits that this pipeline's marts are built without")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["quarantine", "release"]), st.integers(1, 9), st.integers(0, 4),
            st.sampled_from(["orders", "clicks"]),
        )
    )
)  # fmt: skip
def test_of_a_commit_the_last_move_counts(said: list[tuple[str, int, int, str]]) -> None:
    moves = [move(action, first, first + more, stream) for action, first, more, stream in said]
    last = {(one.stream, commit): one.action for one in moves for commit in one.commits}
    expected = {place for place, action in last.items() if action == "quarantine"}
    inside = in_quarantine(moves)
    assert {(stream, commit) for stream, commits in inside.items() for commit in commits} == expected
    for commits in inside.values():
        runs = runs_of(commits)
        assert {one for first, last in runs for one in range(first, last + 1)} == commits
        assert all(runs[i][1] + 1 < runs[i + 1][0] for i in range(len(runs) - 1))


def test_commits_are_named_as_people_do() -> None:
    assert commits_text("orders", [(3, 3)]) == "orders commit 3"
    assert commits_text("orders", [(3, 5), (8, 8)]) == "orders commits 3 to 5, 8"


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("first_commit: 3", "first_commit: three", ":5: first_commit is 'three': a number"),
        ("first_commit: 3", "first_commit: true", ":5: first_commit is True: a number"),
        ("action: quarantine", "action: hold", ":3: action is 'hold': known are quarantine, release"),
        ("automatic: true", "automatic: 1", ":12: automatic is 1: true or false is expected"),
        ("why: x", "", "a decision without 'why'"),
        ("why: x", "why: x\n  who: me", "unknown key 'who'"),
        ("'2026-01-12T11:00:00+00:00'", "'2026-01-12'", ": at is '2026-01-12': a time"),
        ("- mart: sales", "- shop: sales", "touched is"),
        ("- '2026-01-12'", "- 2026-01-12", "touched is"),
        ("- '2026-01-12'", "- soon", "touched is"),
        ("period: day", "period: week", "touched is"),
        ("first_commit: 3", "first_commit: 6", ":6: last_commit is 5, first_commit 6: no commits"),
        ("last_commit: 5", "last_commit: 1780000000000", ":6: last_commit is 1780000000000, first_commit 3:"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_an_error_at_its_line(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    file = tmp_path / "shop.yaml"
    add_moves(file, [MOVE])
    assert wrong in file.read_text()
    file.write_text(file.read_text().replace(wrong, right))
    with pytest.raises(DeclarationError) as caught:
        read_moves(file)
    assert said in str(caught.value)
    assert "shop.yaml" in str(caught.value)
