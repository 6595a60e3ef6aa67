"""Keep a message in the outbox, before anything is sent: whatever happens then, it is not lost."""

from __future__ import annotations

import datetime as dt

from penstock.core.command import say_aside
from penstock.core.errors import PenstockError
from penstock.monitor.message import Message
from penstock.monitor.outbox import Outbox
from penstock.monitor.slack import Slack


def post(
    outbox: Outbox,
    slack: Slack,
    message: Message,
    *,
    pipeline: str,
    stage: str,
    run_id: str,
    channel: str | None,
    at: dt.datetime,
) -> tuple[int, str]:
    """Keep a message, which the next delivery sends. Returns its id, and why it will not be sent at all, or
    "": then, and where it cannot be kept, stderr has it. Raises PenstockError where it cannot be kept."""
    unsent = "" if slack.destination(channel) else f"not configured: {slack.what_is_missing}"
    if unsent:
        say_aside(f"Slack is {unsent}. The message:\n{message.text}")
    try:
        kept = outbox.add(
            message, pipeline=pipeline, stage=stage, run_id=run_id, channel=channel, at=at, unsent=unsent
        )
    except PenstockError:
        say_aside(f"The message could not be kept. It was:\n{message.text}")
        raise
    return kept, unsent
