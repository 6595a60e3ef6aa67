"""What people hear of a move: one message, through the outbox that failures go through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from penstock.core.pipeline import Pipeline
from penstock.core.quarantine import Move, commits_text, in_quarantine, newest_moves, read_moves
from penstock.core.settings import Settings
from penstock.monitor.delivery import deliver
from penstock.monitor.message import Notice, notice_message
from penstock.monitor.outbox import Outbox
from penstock.monitor.post import post
from penstock.monitor.situation import what_bi_serves
from penstock.monitor.slack import Slack

_STAGE = "quarantine"


def tell_what_is_in(settings: Settings, pipeline: Pipeline) -> None:
    """Tell of each run of the pipeline that put commits into quarantine which are still there, and of which
    nobody has heard: also where that run was killed before it could say so."""
    moves = read_moves(settings.quarantine_file(pipeline.name))
    if not in_quarantine(moves):
        return
    outbox = Outbox(settings.outbox_file)
    there = [
        move
        for of_stream in newest_moves(moves).values()
        for move in dict.fromkeys(of_stream.values())
        if move.automatic and move.action == "quarantine"
    ]
    for run_id, at in dict.fromkeys((move.run_id, move.at) for move in there):
        if not outbox.has(
            pipeline=pipeline.name, stage=_STAGE, run_id=run_id, at=dt.datetime.fromisoformat(at)
        ):
            tell(settings, pipeline, [move for move in there if (move.run_id, move.at) == (run_id, at)])


def tell(settings: Settings, pipeline: Pipeline, moves: Sequence[Move]) -> None:
    """Tell of `moves`, which were made at once."""
    first, name = moves[0], pipeline.name
    runs: dict[str, list[tuple[int, int]]] = {}
    for move in moves:
        runs.setdefault(move.stream, []).append((move.first_commit, move.last_commit))
    what = "; ".join(commits_text(stream, of_stream) for stream, of_stream in runs.items())
    if first.action == "quarantine":
        title = f"{name}: events are in quarantine"
        said = {
            "Left out of the marts": what,
            "Why": first.why,
            "What to do": "nothing is lost: the events are in landing. Where they are right, release them: "
            f"penstock quarantine release {name} --why …. The next run has them; what the gate finds then, "
            "somebody accepts, as its message says.",
            "Now": what_bi_serves(settings, name),
        }
    else:
        title = f"{name}: events are released from quarantine"
        said = {"In the marts again with the next build that passes": what, "Why": first.why}
    slack = Slack.from_env()
    notice = Notice(
        title=title, said=said,
        facts={
            "Owner": pipeline.owner, "Environment": settings.environment, "Run": first.run_id,
            "By": first.by, "At": f"{dt.datetime.fromisoformat(first.at):%Y-%m-%d %H:%M:%S} UTC",
        },
    )  # fmt: skip
    outbox = Outbox(settings.outbox_file)
    post(
        outbox, slack, notice_message(notice, slack.scrubbed), pipeline=name, stage=_STAGE,
        run_id=first.run_id, channel=pipeline.slack_channel, at=dt.datetime.fromisoformat(first.at),
    )  # fmt: skip
    deliver(outbox, slack)
