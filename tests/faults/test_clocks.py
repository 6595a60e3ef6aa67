"""Clocks that go back, events from any time, copies: times stay as sent, no order comes from a clock."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from penstock.ingest.consume.drain import DrainResult, drain
from penstock.publish.ledger import read_ledger
from penstock.publish.publish import publish
from tests.faults.conftest import FaultStream
from tests.faults.marts_by_hand import PIPELINE, Marts, read_marts, run_stage
from tests.faults.witness import Witness

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
CALM = range(300)
# What arrives after the machine's clock was set back by a year: events late by days and by years, from the
# edges of time, from a future that no clock has reached.
TIMES = [
    "2024-04-20T10:00:00Z", "2024-04-30T23:59:59.999999Z", "2024-05-02T00:00:00+00:00",
    "2024-05-01T00:30:00+02:00", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2099-01-01T00:00:00.123456-11:30",
    "2038-01-19T03:14:08Z",
]  # fmt: skip
COPIES = range(50)  # of the calm events, with another time and price
LATE = [1_000 + n for n in range(len(TIMES))]


def backwards(start: dt.datetime) -> Callable[[], dt.datetime]:
    """A clock that is set back by an hour before each look at it."""
    told = itertools.count()
    return lambda: start - dt.timedelta(hours=next(told))


def drain_at(stream: FaultStream, clock: Callable[[], dt.datetime]) -> DrainResult:
    return drain(stream.settings, stream.contract, run_id="test", clock=clock)


def produce_second_part(stream: FaultStream) -> None:
    """Events of all times, each twice: first in partition 1, its copy in 0; and copies of calm events."""
    strange = [
        stream.event(n, event_time=time, event_type="purchase", user_session=f"own{n}", user_id=n)
        for n, time in zip(LATE, TIMES, strict=True)
    ]
    stream.produce(strange, partition=1)
    drain_at(stream, backwards(NOW - YEAR))
    copies = [stream.event(n, event_time="2024-07-01T00:00:00Z", price=999) for n in [*LATE, *COPIES]]
    stream.produce(copies, partition=0)
    stream.produce(copies, partition=1)


@pytest.mark.fault(21, "the clock goes back between and during drains; events of all times, copies")
def test_clocks_neither_order_nor_change_what_lands(stream: FaultStream, witness: Witness) -> None:
    stream.produce(stream.event(n) for n in CALM)
    first = drain_at(stream, lambda: NOW)
    assert first.complete_until == NOW
    produce_second_part(stream)
    second = drain_at(stream, backwards(NOW - 2 * YEAR))
    assert second.complete_until == NOW, "never backwards"
    commits = stream.rows('SELECT "commit", "at" FROM raw.commits ORDER BY "commit"')
    assert [commit for commit, _ in commits] == [1, 2, 3]
    times = [at for _, at in commits]
    assert times == sorted(times, reverse=True)
    witness.saw(f"commits 1, 2, 3 at {', '.join(f'{at:%Y-%m-%d %H:%M}' for at in times)}")
    third = drain_at(stream, lambda: NOW + YEAR)
    assert third.complete_until == NOW + YEAR
    assert third.landed == 0

    landed = dict(stream.rows("SELECT event_id, event_time FROM raw.customer_events WHERE _commit = 2"))
    assert landed == {f"e{n:06}": dt.datetime.fromisoformat(t) for n, t in zip(LATE, TIMES, strict=True)}
    expected = len(CALM) + len(TIMES) + 2 * (len(TIMES) + len(COPIES))
    assert stream.rows("SELECT count(*) FROM raw.customer_events") == [(expected,)]
    account = stream.account()
    assert all(read == kept for read, kept in account.values()), account
    assert sum(read for read, _ in account.values()) == expected
    witness.counted(
        f"{expected} events, copies too, each place once; {len(TIMES)} times from year 1 to 9999 as sent; "
        f"complete until stayed at {NOW:%Y-%m-%d}"
    )


@pytest.mark.slow
@pytest.mark.fault(21, "the clock goes back by a year between two publications; late events and copies")
def test_the_first_copy_counts_in_its_own_day_and_versions_go_on(
    stream: FaultStream, witness: Witness
) -> None:
    calm = [json.loads(stream.event(n)) for n in CALM]
    stream.produce(stream.event(n) for n in CALM)
    drain_at(stream, backwards(NOW))
    publish_at(stream, NOW, "first")
    assert by_day(read_marts(stream.settings)) == expected_days(calm)
    produce_second_part(stream)
    drain_at(stream, backwards(NOW - YEAR))
    publish_at(stream, NOW - YEAR, "second")

    marts = read_marts(stream.settings)
    strange = [
        json.loads(stream.event(n, event_time=t, event_type="purchase", user_session=f"own{n}", user_id=n))
        for n, t in zip(LATE, TIMES, strict=True)
    ]
    days = expected_days([*calm, *strange])
    assert by_day(marts) == days
    bought = {row[0]: row[1].replace(tzinfo=dt.UTC) for row in marts["purchases"]}
    assert {one: bought[one] for one in bought if one >= "e001000"} == {
        event["event_id"]: instant(event) for event in strange
    }
    ledger = read_ledger(stream.settings.marts_link(PIPELINE))
    assert [(row.seq, row.version, row.published_at) for row in ledger] == [
        (1, 1, NOW),
        (2, 2, NOW - YEAR),
    ]
    assert [row.complete_until for row in ledger] == [NOW, NOW]
    witness.saw(
        "version 1 published " + " and version 2 ".join(f"{row.published_at:%Y-%m-%d}" for row in ledger)
    )
    witness.counted(
        f"{len(days)} days of funnel_daily from {min(days)} to {max(days)}, as worked out in Python from the "
        f"first copies; {2 * (len(TIMES) + len(COPIES))} copies changed nothing"
    )


def publish_at(stream: FaultStream, now: dt.datetime, run_id: str) -> None:
    for stage in ("transform", "validate"):
        run_stage(stream.settings, stage, PIPELINE)
    publish(stream.settings, PIPELINE, run_id=run_id, now=now)


Days = dict[dt.date, tuple[int, int, int]]  # sessions, events, purchases


def by_day(marts: Marts) -> Days:
    return {row[0]: (row[1], row[7], row[11]) for row in marts["funnel_daily"]}


def expected_days(events: list[dict[str, Any]]) -> Days:
    """A session counts on the day (UTC) on which it began, with all its events."""
    sessions: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        sessions[event["user_id"], event["user_session"]].append(event)
    days: Days = {}
    for session in sessions.values():
        day = min(map(instant, session)).date()
        before = days.get(day, (0, 0, 0))
        purchases = sum(event["event_type"] == "purchase" for event in session)
        days[day] = (before[0] + 1, before[1] + len(session), before[2] + purchases)
    return days


def instant(event: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(event["event_time"]).astimezone(dt.UTC)
