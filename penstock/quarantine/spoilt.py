"""Which commits a refused build could be made without: those that are new in it, and nobody has released."""

from __future__ import annotations

import datetime as dt

from penstock.core.duckdb_file import open_duckdb
from penstock.core.quarantine import Commits, Move, runs_of
from penstock.core.settings import Settings
from penstock.core.verdict import Verdict


def spoilt_commits(verdict: Verdict, moves: list[Move]) -> Commits:
    """By stream, what is in the build and in no published version; but not what a person has released: that
    is for people to decide. Only streams that have some."""
    new: dict[str, set[int]] = {}
    for one in verdict.new_inputs:
        new.setdefault(one.stream, set()).update(range(one.first_commit, one.last_commit + 1))
    for move in moves:
        if move.action == "release" and not move.automatic:
            new.get(move.stream, set()).difference_update(move.commits)
    return {stream: frozenset(commits) for stream, commits in new.items() if commits}


def moves_of(
    settings: Settings, verdict: Verdict, commits: Commits, *, now: dt.datetime, why: str
) -> list[Move]:
    """The moves by which Penstock puts these commits of a build that `verdict` refuses into quarantine."""
    moves = []
    for stream, numbers in commits.items():
        landed = landed_at(settings, stream)
        there = [number for number in numbers if number in landed]  # a restore leaps over some
        moves += [
            Move(
                action="quarantine", stream=stream, first_commit=first, last_commit=last,
                landed_at=landed[last].isoformat(), by="penstock", at=now.isoformat(timespec="seconds"),
                why=why, run_id=verdict.run_id, automatic=True, touched=verdict.new_periods,
            )
            for first, last in runs_of(there)
        ]  # fmt: skip
    return moves


def landed_at(settings: Settings, stream: str) -> dict[int, dt.datetime]:
    """When each commit of a stream landed, in UTC. Raises BusyError where the landing file is held."""
    with open_duckdb(settings.landing_file(stream), read_only=True) as connection:
        rows = connection.execute('select "commit", "at" from raw.commits').fetchall()
    return {commit: at.astimezone(dt.UTC) for commit, at in rows}
