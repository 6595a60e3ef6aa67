"""Which commits a refused build could be made without: those that are new in it, and no person has moved."""

from __future__ import annotations

import datetime as dt

from penstock.core.landing_format import landed_at
from penstock.core.quarantine import Move, newest_moves, runs_of
from penstock.core.settings import Settings
from penstock.core.verdict import NewInput, Verdict


def spoilt_moves(
    settings: Settings, verdict: Verdict, moves: list[Move], *, now: dt.datetime, why: str
) -> list[Move]:
    """The moves by which Penstock puts what is new in a build that `verdict` refuses into quarantine; none of
    what a person has released, or put there. Raises PenstockError where a landing file cannot be read,
    BusyError where it is held."""
    newest = newest_moves(moves)
    spoilt = []
    for stream in dict.fromkeys(one.stream for one in verdict.new_inputs):
        new = [one for one in verdict.new_inputs if one.stream == stream]
        landed = landed_at(settings.landing_file(stream))
        numbers = [
            commit
            for commit in landed
            if _is_new(commit, new) and not _is_a_persons(newest.get(stream, {}).get(commit), landed)
        ]
        spoilt += [
            Move(
                action="quarantine", stream=stream, first_commit=first, last_commit=last,
                landed_at=landed[last].isoformat(), by="penstock", at=now.isoformat(),
                why=why, run_id=verdict.run_id, automatic=True, touched=verdict.new_periods,
            )
            for first, last in runs_of(numbers)
        ]  # fmt: skip
    return spoilt


def _is_new(commit: int, new: list[NewInput]) -> bool:
    return any(one.first_commit <= commit <= one.last_commit for one in new)


def _is_a_persons(move: Move | None, landed: dict[int, dt.datetime]) -> bool:
    """Did a person say where the commit belongs? The same number of an earlier landing file is another."""
    if move is None or move.automatic:
        return False
    return landed.get(move.last_commit) == dt.datetime.fromisoformat(move.landed_at)
