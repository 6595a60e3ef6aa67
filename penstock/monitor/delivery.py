"""Deliver what is pending: in order, at least once, in bounded time, by one process at a time.

One message:
1. note in the outbox that an attempt begins;
2. send;
3. note what came of it.
A process that dies between 2 and 3 leaves the note of 1 behind, so the next attempt says that it may be a
repeat. A message that is not taken holds back the later ones to the same destination, and only those.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock.core.errors import BusyError
from penstock.core.kill_point import kill_point
from penstock.core.pipeline_lock import file_lock
from penstock.monitor.message import slack_payload
from penstock.monitor.outbox import Entry, Outbox
from penstock.monitor.slack import Slack

BOUND = 8.0  # seconds: a failing run must not wait long for Slack
_LEAST = 0.25  # with less time left, an attempt would only end without an answer


@dataclass(frozen=True)
class Delivery:
    """What a delivery did, and what is still pending and why (the oldest message's error, or "")."""

    delivered: int
    refused: int
    pending: int
    why_pending: str


@dataclass(frozen=True)
class Clock:
    """The time, as tests can turn it: `now` in UTC, `elapsed` in seconds from anywhere, `pause` waits."""

    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    elapsed: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


REAL_CLOCK = Clock()


def deliver(outbox: Outbox, slack: Slack, *, within: float = BOUND, clock: Clock = REAL_CLOCK) -> Delivery:
    """Deliver what is pending for at most `within` seconds. Slack's troubles raise nothing: they are kept
    with the message. Raises PenstockError where the outbox itself cannot be used."""
    deadline = clock.elapsed() + within
    delivered = refused = 0
    why = ""
    try:
        # Two at once would send twice and out of order.
        with file_lock(Path(f"{outbox.path}.lock"), what="the delivery of messages", wait=within):
            for outcome in _attempts(outbox, slack, deadline, clock):
                delivered += outcome == "taken"
                refused += outcome == "refused"
    except BusyError as exc:
        why = exc.message
    pending = outbox.pending()
    if pending and not why:
        why = pending[0].last_error
        if slack.destination(pending[0].channel) is None:
            why = f"Slack is not configured: {slack.what_is_missing}"
    return Delivery(delivered, refused, len(pending), why if pending else "")


def _attempts(outbox: Outbox, slack: Slack, deadline: float, clock: Clock) -> Iterator[str]:
    """Attempt one message after the other until nothing is left that can go before the deadline."""
    stuck: set[str] = set()  # destinations whose oldest message was not taken
    while (remaining := deadline - clock.elapsed()) > _LEAST:
        now = clock.now()
        heads = _oldest_by_destination(outbox.pending(), slack, stuck)
        if not heads:
            return
        destination, entry = min(heads.items(), key=lambda head: (_due(head[1], now), head[1].id))
        wait = (_due(entry, now) - now).total_seconds()
        if wait > remaining - _LEAST:
            return
        if wait > 0:
            clock.pause(wait)
        outcome = _attempt(outbox, slack, entry, destination, deadline - clock.elapsed(), clock)
        if outcome == "kept":
            stuck.add(destination)
        yield outcome


def _attempt(
    outbox: Outbox, slack: Slack, entry: Entry, destination: str, within: float, clock: Clock
) -> str:
    """One attempt: "taken", "refused", "kept", or "later" where Slack asked for a pause."""
    payload = slack_payload(entry.text, entry.blocks, repeat=entry.maybe_taken)
    outbox.begin_attempt(entry.id)  # 1
    kill_point("monitor.begun")
    answer = slack.send(payload, destination, within=within)  # 2
    kill_point("monitor.sent")
    now = clock.now()
    if answer.kind == "taken":  # 3
        outbox.delivered(entry.id, at=now, receipt=answer.receipt)
        kill_point("monitor.delivered")
        return "taken"
    if answer.kind == "refused":
        outbox.refused(entry.id, error=answer.error)
        return "refused"
    later = None if answer.retry_after is None else now + dt.timedelta(seconds=answer.retry_after)
    outbox.kept(
        entry.id,
        error=answer.error,
        maybe_taken=entry.maybe_taken or answer.unclear,
        not_before=later,
    )
    return "later" if later else "kept"


def _oldest_by_destination(pending: list[Entry], slack: Slack, stuck: set[str]) -> dict[str, Entry]:
    heads: dict[str, Entry] = {}
    for entry in pending:
        destination = slack.destination(entry.channel)
        if destination is not None and destination not in stuck:
            heads.setdefault(destination, entry)
    return heads


def _due(entry: Entry, now: dt.datetime) -> dt.datetime:
    return max(entry.not_before or now, now)
