"""The gate, and after it first aid: a build that it refuses is made anew without what is new in it."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace

from penstock.core.errors import GateRefused, PenstockError
from penstock.core.kill_point import kill_point
from penstock.core.pipeline import load_pipeline
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.quarantine import (
    Move,
    add_moves,
    commits_text,
    in_quarantine,
    read_moves,
)
from penstock.core.settings import Settings
from penstock.core.verdict import Verdict
from penstock.quarantine.spoilt import spoilt_moves
from penstock.quarantine.told import tell_what_is_in
from penstock.transform.transform import transform
from penstock.validate.gate import validate
from penstock.validate.verdict import verdict_error

_SAID = 3  # problems
_log = logging.getLogger(__name__)


def judge(settings: Settings, pipeline: str, run_id: str) -> Verdict:
    """Judge the candidates of `pipeline`, as `validate` does; and where the gate refuses them, and the
    pipeline says `on_anomaly: quarantine`:

    1. put the commits that are new in them into quarantine;
    2. build the marts without them, and judge these: the verdict that counts, where it passes;
    3. else take that back and build and judge as before: what is new is not what is wrong.

    Where the gate refuses them because rows are missing, nothing of this: without what came, more would be.
    Killed on the way, the next build leaves these commits out, and people hear of it then.

    Raises as `validate` and `transform` do; GateRefused, with both reasons, where 2 can be neither built nor
    judged.
    """
    declared = load_pipeline(settings, pipeline)
    verdict = validate(settings, pipeline, run_id)
    if declared.on_anomaly == "quarantine" and verdict.outcome == "refused":
        if _lacks_rows(verdict):
            _log.warning("%s: is refused because rows are missing: nothing is put into quarantine", pipeline)
        else:
            verdict = _without_what_is_new(settings, pipeline, verdict, run_id)
    try:
        tell_what_is_in(settings, declared)
    except PenstockError as exc:  # the verdict stands; the next run says it
        _log.warning("%s: nobody hears yet of what is in quarantine: %s", pipeline, exc.message)
    return verdict


def _lacks_rows(verdict: Verdict) -> bool:
    return any(
        found.get("lacks") and found.get("stops")
        for problem in verdict.problems
        if problem.severity == "critical"
        for found in problem.findings
    )


def _without_what_is_new(settings: Settings, pipeline: str, verdict: Verdict, run_id: str) -> Verdict:
    refusal = verdict_error(verdict)
    assert refusal is not None
    moves: list[Move] = []
    try:
        moves = _enter(settings, pipeline, verdict)  # 1
        if not moves:
            _log.warning("%s: is refused, and nothing is new in it that could be left out", pipeline)
            return verdict
        _log.warning("%s: is refused, and built anew without %s", pipeline, _text(moves))
        kill_point("quarantine.entered")
        transform(settings, pipeline, run_id=run_id)  # 2
        without = validate(settings, pipeline, run_id)
    except PenstockError as exc:
        why = f"without what is new in them the marts could not be built or judged: {exc.message}"
        try:
            _take_back(settings, pipeline, moves, why)
        except PenstockError as also:
            why += f"; {_text(moves)} could not be released: {also.message}"
        raise GateRefused(f"{refusal.message}; and {why}", fix=exc.fix or refusal.fix) from exc
    if without.outcome == "passed":
        return without
    still = verdict_error(without)
    assert still is not None
    _log.warning("%s: is refused without them, too: %s", pipeline, still.message)
    _take_back(settings, pipeline, moves, f"the gate refuses the marts without them, too: {still.message}")
    transform(settings, pipeline, run_id=run_id)  # 3
    return validate(settings, pipeline, run_id)


def _enter(settings: Settings, pipeline: str, verdict: Verdict) -> list[Move]:
    """Put what is new in a refused build into quarantine. Returns the moves that do so; none of nothing."""
    file = settings.quarantine_file(pipeline)
    with pipeline_lock(settings, pipeline, what="quarantine"):
        before = read_moves(file)
        moves = spoilt_moves(settings, verdict, before, now=dt.datetime.now(dt.UTC), why=_why(verdict))
        there = in_quarantine(before)  # where an earlier try was killed
        new = [move for move in moves if not move.commits <= there.get(move.stream, frozenset())]
        if new:
            add_moves(file, new)
    return moves


def _take_back(settings: Settings, pipeline: str, moves: list[Move], why: str) -> None:
    at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    if moves:
        with pipeline_lock(settings, pipeline, what="quarantine"):
            back = [replace(move, action="release", at=at, why=why, touched=()) for move in moves]
            add_moves(settings.quarantine_file(pipeline), back)


def _why(verdict: Verdict) -> str:
    """What the gate found, without what could be done about the verdict, which is another one soon."""
    found = [
        f"marts.{problem.mart}: {problem.check}: {problem.observed}"
        for problem in verdict.problems
        if problem.severity == "critical"
    ]
    more = [f"and {len(found) - _SAID} more"] if len(found) > _SAID else []
    return "; ".join([*found[:_SAID], *more])


def _text(moves: list[Move]) -> str:
    return "; ".join(commits_text(one.stream, [(one.first_commit, one.last_commit)]) for one in moves)
