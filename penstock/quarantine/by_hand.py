"""A person puts commits into quarantine, releases them, or looks at what is in it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import QuarantineError
from penstock.core.landing_format import landed_at
from penstock.core.pipeline import Pipeline
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.quarantine import (
    Action,
    Move,
    add_moves,
    commits_text,
    in_quarantine,
    read_moves,
    runs_of,
)
from penstock.core.settings import Settings
from penstock.core.yaml_file import suggestion


@dataclass(frozen=True)
class Person:
    """Who does something, why, when (with a time zone), and in which run."""

    by: str
    why: str
    at: dt.datetime
    run_id: str


@dataclass(frozen=True)
class Moved:
    """What was done."""

    pipeline: str
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Inside:
    """A run of commits in quarantine, the move that brought it there, and the events that landed in it."""

    stream: str
    first_commit: int
    last_commit: int
    events: int
    since: str
    by: str
    why: str


@dataclass(frozen=True)
class Listed:
    """What the marts of a pipeline are made without now, and all moves, oldest first."""

    pipeline: str
    inside: tuple[Inside, ...]
    moves: tuple[Move, ...]


def add(settings: Settings, pipeline: Pipeline, stream: str, commits: str, person: Person) -> Moved:
    """Put commits of a stream, `3` or `3-5`, into quarantine: the next build leaves them out.

    Raises QuarantineError for a stream that the pipeline does not read and for commits that never landed.
    """
    _refuse_no_reason(person)
    if stream not in pipeline.streams:
        raise QuarantineError(
            f"no stream '{stream}' of the pipeline {pipeline.name}", fix=suggestion(stream, pipeline.streams),
            value=stream,
        )  # fmt: skip
    first, last = _run(commits)
    with pipeline_lock(settings, pipeline.name, what="quarantine add"):
        path = settings.landing_file(stream)
        landed = landed_at(path) if path.exists() else {}
        numbers = [commit for commit in landed if first <= commit <= last]
        if last not in landed or first not in landed:
            known = commits_text(stream, runs_of(landed)) if landed else f"{stream}: nothing has landed"
            wanted = commits_text(stream, [(first, last)])
            raise QuarantineError(f"{wanted} never landed", fix=f"there are: {known}", value=commits)
        moves = [
            _move(person, "quarantine", stream, run, landed[run[1]].isoformat()) for run in runs_of(numbers)
        ]
        add_moves(settings.quarantine_file(pipeline.name), moves)
    return Moved(pipeline.name, tuple(moves))


def release(
    settings: Settings, pipeline: str, stream: str | None, commits: str | None, person: Person
) -> Moved:
    """Release commits (all of a stream, or all there are, where none are named): the next build has them.

    Raises QuarantineError where nothing of it is in quarantine.
    """
    _refuse_no_reason(person)
    file = settings.quarantine_file(pipeline)
    with pipeline_lock(settings, pipeline, what="quarantine release"):
        known = read_moves(file)
        inside = in_quarantine(known)
        asked = {one: numbers for one, numbers in inside.items() if stream in (None, one)}
        if commits is not None:
            first, last = _run(commits)
            asked = {
                one: frozenset(commit for commit in numbers if first <= commit <= last)
                for one, numbers in asked.items()
            }
        moves = [
            _move(person, "release", one, run, _landed_at(known, one, run[1]))
            for one, numbers in asked.items()
            for run in runs_of(numbers)
        ]
        if not moves:
            there = "; ".join(commits_text(one, runs_of(numbers)) for one, numbers in inside.items())
            what = " ".join(filter(None, [stream, commits])) or pipeline
            raise QuarantineError(
                f"nothing of {what} is in quarantine", fix=f"there are: {there or 'none'}", value=what
            )
        add_moves(file, moves)
    return Moved(pipeline, tuple(moves))


def listed(settings: Settings, pipeline: str) -> Listed:
    """What is in quarantine, why, and since when. Raises DeclarationError for a damaged file."""
    moves = read_moves(settings.quarantine_file(pipeline))
    return Listed(pipeline, tuple(_inside(settings, moves)), tuple(moves))


def _inside(settings: Settings, moves: list[Move]) -> Iterator[Inside]:
    for stream, numbers in in_quarantine(moves).items():
        events = _events(settings, stream)
        left = set(numbers)
        for move in reversed(moves):  # the newest of a commit says why
            if move.stream != stream or move.action != "quarantine":
                continue
            for first, last in runs_of(left & move.commits):
                count = sum(events.get(commit, 0) for commit in range(first, last + 1))
                yield Inside(stream, first, last, count, move.at, move.by, move.why)
            left -= move.commits


def _events(settings: Settings, stream: str) -> dict[int, int]:
    path = settings.landing_file(stream)
    if not path.exists():
        return {}
    with open_duckdb(path, read_only=True) as connection:
        return dict(connection.execute('select "commit", landed from raw.commits').fetchall())


def _landed_at(moves: list[Move], stream: str, commit: int) -> str:
    """As the move that brought it in says: the landing file may be another one by now."""
    return next(
        move.landed_at
        for move in reversed(moves)
        if move.stream == stream and move.action == "quarantine" and commit in move.commits
    )


def _move(person: Person, action: Action, stream: str, run: tuple[int, int], landed: str) -> Move:
    return Move(
        action=action, stream=stream, first_commit=run[0], last_commit=run[1], landed_at=landed, by=person.by,
        at=person.at.isoformat(timespec="seconds"), why=person.why.strip(), run_id=person.run_id,
        automatic=False,
    )  # fmt: skip


def _run(commits: str) -> tuple[int, int]:
    """`3` or `3-5`."""
    found = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", commits)
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise QuarantineError(
            f"'{commits}' names no commits", value=commits,
            fix="write the number of one, 3, or of the first and the last, 3-5",
        )  # fmt: skip
    return int(found[1]), int(found[2] or found[1])


def _refuse_no_reason(person: Person) -> None:
    if not person.why.strip():
        raise QuarantineError("a move needs a reason", fix="say it with --why")
