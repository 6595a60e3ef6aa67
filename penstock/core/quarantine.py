"""Commits that a pipeline's marts are built without: `data/quarantine/<pipeline>.yaml`.

What landed in them stays in landing, and nothing is lost: released, it is in the next build. The file is a
list to which each move is added, of a person or of Penstock; of one commit the last move counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from penstock.core.command import to_json
from penstock.core.yaml_log import Form, read_log, write_log

Action = Literal["quarantine", "release"]
Commits = dict[str, frozenset[int]]  # by stream, their numbers

_HEAD = """\
# Commits that this pipeline's marts are built without; of one commit the last move counts. It is written by
# the gate (on_anomaly: quarantine) and by penstock quarantine add | release.
"""


@dataclass(frozen=True)
class Periods:
    """Days or hours (`period`) of a mart, by the time in its column `period_column`; `periods` as people
    write them, in UTC."""

    mart: str
    period_column: str
    period: str
    periods: tuple[str, ...]


@dataclass(frozen=True)
class Move:
    """`by` has put commits of a stream into quarantine, or released them. `landed_at`: when the last of them
    landed, so that those of another landing file are not taken for them. `automatic`: Penstock did it.
    `touched`: what was new with them, where the gate has seen that: without them it is not whole."""

    action: Action
    stream: str
    first_commit: int
    last_commit: int
    landed_at: str
    by: str
    at: str
    why: str
    run_id: str
    automatic: bool
    touched: tuple[Periods, ...] = ()

    @property
    def commits(self) -> frozenset[int]:
        """Their numbers."""
        return frozenset(range(self.first_commit, self.last_commit + 1))


_KEYS = tuple(Move.__dataclass_fields__)
_PERIODS = tuple(Periods.__dataclass_fields__)
_MOST = 1_000_000  # commits of one move: more never landed in a row
_TIMES = ("landed_at", "at")


def read_moves(file: Path) -> list[Move]:
    """All moves, oldest first; none where there is no file. Raises DeclarationError, which names file and
    line, for one that is damaged."""
    form = Form(_KEYS, _problem, without="then all events are in the next build", conflict=_conflict)
    return [
        Move(**item | {"touched": tuple(map(as_periods, item["touched"]))}) for item in read_log(file, form)
    ]


def as_periods(item: dict[str, Any]) -> Periods:
    """What a file says of them."""
    return Periods(**item | {"periods": tuple(item["periods"])})


def add_moves(file: Path, moves: Iterable[Move]) -> None:
    """Add `moves` to the file, which holds all of them afterwards, or is as it was."""
    write_log(file, _HEAD, [to_json(one) for one in [*read_moves(file), *moves]])


def newest_moves(moves: Iterable[Move]) -> dict[str, dict[int, Move]]:
    """By stream and commit, the move that counts: its last."""
    newest: dict[str, dict[int, Move]] = {}
    for move in moves:
        newest.setdefault(move.stream, {}).update(dict.fromkeys(move.commits, move))
    return newest


def in_quarantine(moves: Iterable[Move]) -> Commits:
    """The commits that are in quarantine now; only streams that have some."""
    now = {
        stream: frozenset(commit for commit, move in of.items() if move.action == "quarantine")
        for stream, of in newest_moves(moves).items()
    }
    return {stream: commits for stream, commits in now.items() if commits}


def runs_of(commits: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as runs of neighbours: each the first and the last."""
    runs: list[tuple[int, int]] = []
    for commit in sorted(commits):
        if runs and commit == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], commit)
        else:
            runs.append((commit, commit))
    return runs


def commits_of(runs: Iterable[dict[str, int]]) -> frozenset[int]:
    """The numbers of runs as files keep them: each its `first_commit` and `last_commit`."""
    return frozenset(one for run in runs for one in range(run["first_commit"], run["last_commit"] + 1))


def commits_text(stream: str, runs: Sequence[tuple[int, int]]) -> str:
    """`customer_events commits 3, 7 to 9`."""
    several = len(runs) > 1 or runs[0][0] < runs[0][1]
    listed = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in runs)
    return f"{stream} {'commits' if several else 'commit'} {listed}"


def _problem(key: str, value: Any) -> str | None:
    """Why `value` cannot stand at `key`; None where it can."""
    if key in ("first_commit", "last_commit"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return None if whole and value > 0 else "a number of a commit is expected"
    if key == "automatic":
        return None if isinstance(value, bool) else "true or false is expected"
    if key == "touched":
        right = isinstance(value, list) and all(map(_is_periods, value))
        return None if right else f"a list is expected, each with {', '.join(_PERIODS)}: texts"
    if not (isinstance(value, str) and value):
        return "a text is expected (in quotes, if need be)"
    if key == "action" and value not in get_args(Action):
        return f"known are {', '.join(get_args(Action))}"
    if key in _TIMES and not _is_moment(value):
        return 'a time with its zone is expected: "2026-01-12T10:00:00+00:00"'
    return None


def _conflict(entry: dict[str, Any]) -> tuple[str, str] | None:
    first, last = entry["first_commit"], entry["last_commit"]
    if not 0 <= last - first < _MOST:
        return "last_commit", f"last_commit is {last}, first_commit {first}: no commits that landed in a row"
    return None


def _is_periods(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != set(_PERIODS) or not isinstance(value["periods"], list):
        return False
    texts = [value["mart"], value["period_column"], *value["periods"]]
    return (
        value["period"] in ("day", "hour")
        and all(isinstance(text, str) for text in texts)
        and all(map(_is_period, value["periods"]))
    )


def _is_period(text: str) -> bool:
    try:
        return dt.datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    try:
        return dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
