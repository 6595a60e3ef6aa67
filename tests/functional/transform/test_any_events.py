"""Any legal events give marts that build, pass the gate, and say what plain Python works out."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.functional.transform.compiled_marts import CompiledMarts
from tests.functional.transform.events_of_any_kind import Event, landings

DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(landing=landings())
def test_any_legal_events_build_pass_and_say_what_python_works_out(
    compiled_marts: CompiledMarts, landing: tuple[list[Event], list[str]]
) -> None:
    events, commits = landing
    with compiled_marts.build(events, commits) as built:
        assert compiled_marts.problems(built) == []
        found = {
            "sessions": built.execute(
                "SELECT user_id, user_session, duration_seconds, longest_pause_seconds, revenue "
                "FROM marts.sessions"
            ).fetchall(),
            "customers": built.execute(
                "SELECT user_id, days_since_purchase, recency_score, frequency_score, monetary_score "
                "FROM marts.customers"
            ).fetchall(),
            "cohorts": built.execute(
                "SELECT cohort_week, week_number, active_customers FROM marts.cohorts_weekly"
            ).fetchall(),
            "prices": built.execute("SELECT product_id, latest_price FROM marts.products").fetchall(),
        }
    own = believed(first_copies(events), [dt.datetime.fromisoformat(at) for at in commits])
    expected = {
        "sessions": sessions_of(own), "customers": customers_of(own), "cohorts": cohorts_of(own),
        "prices": prices_of(own),
    }  # fmt: skip
    for mart, rows in expected.items():
        assert sorted(found[mart], key=repr) == sorted(rows, key=repr), mart


def first_copies(events: list[Event]) -> list[Event]:
    """Each event once, as it landed first."""
    found: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: (event["_commit"], event["_offset"])):
        found.setdefault(event["event_id"], event)
    return list(found.values())


def believed(events: list[Event], commits: list[dt.datetime]) -> list[Event]:
    """With their times as instants, whether they are ahead of their landing, and where they then stand."""
    timed = [
        event | {"at": dt.datetime.fromisoformat(event["event_time"]).astimezone(dt.UTC)} for event in events
    ]
    for event in timed:
        event["ahead"] = event["at"] > commits[event["_commit"] - 1]
    for event in timed:
        before = [
            other["at"] for other in timed if other["_commit"] < event["_commit"] and not other["ahead"]
        ]
        event["stands"] = max(before, default=None) if event["ahead"] else event["at"]
    return timed


def known(time: dt.datetime | None) -> tuple[bool, dt.datetime]:
    """For comparing: no time at all is before any."""
    return time is not None, time or NOON


def sessions_of(events: list[Event]) -> list[tuple[Any, ...]]:
    rows = []
    for (user, session), own in grouped(events, "user_id", "user_session").items():
        times = sorted(event["at"] for event in own)
        pauses = [(later - earlier) // SECOND for earlier, later in itertools.pairwise(times)]
        rows.append((user, session, (times[-1] - times[0]) // SECOND, max(pauses, default=0), revenue(own)))
    return rows


def customers_of(events: list[Event]) -> list[tuple[Any, ...]]:
    today = max((event["at"] for event in events if not event["ahead"]), default=None)
    bought: dict[int, tuple[dt.datetime | None, int, Decimal]] = {}
    for (user,), own in grouped(events, "user_id").items():
        if purchases := [event for event in own if event["event_type"] == "purchase"]:
            last = max((event["stands"] for event in purchases if event["stands"]), default=None)
            bought[user] = (last, len(purchases), revenue(own))
    rows: list[tuple[Any, ...]] = []
    for user in {event["user_id"] for event in events}:
        if user not in bought:
            rows.append((user, None, None, None, None))
            continue
        last, count, paid = bought[user]
        days = (today - last) // DAY if today is not None and last is not None else None
        rows.append((
            user, days, score(known(last), [known(other[0]) for other in bought.values()]),
            score(count, [other[1] for other in bought.values()]),
            score(paid, [other[2] for other in bought.values()]),
        ))  # fmt: skip
    return rows


def score(value: Any, of_all: list[Any]) -> int:
    """The highest have 5. Any other has 1, and 1 more for each full fifth of all who are lower."""
    return 5 if value == max(of_all) else 1 + 5 * sum(other < value for other in of_all) // len(of_all)


def cohorts_of(events: list[Event]) -> list[tuple[Any, ...]]:
    active: defaultdict[tuple[dt.date, int], set[int]] = defaultdict(set)
    for (user,), own in grouped(events, "user_id").items():
        first = min(monday(event) for event in own)
        for event in own:
            active[first, (monday(event) - first).days // 7].add(user)
    return [(*week, len(users)) for week, users in active.items()]


def monday(event: Event) -> dt.date:
    day: dt.date = event["at"].date()
    return day - dt.timedelta(days=day.weekday())


def prices_of(events: list[Event]) -> list[tuple[Any, ...]]:
    """Of the newest event, as it stands; one that is ahead only where none that is not stands there."""
    return [
        (
            product,
            max(own, key=lambda e: (known(e["stands"]), not e["ahead"], e["at"], e["price"]))["price"],
        )
        for (product,), own in grouped(events, "product_id").items()
    ]


def grouped(events: list[Event], *keys: str) -> dict[tuple[Any, ...], list[Event]]:
    found: defaultdict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in events:
        found[tuple(event[key] for key in keys)].append(event)
    return found


def revenue(events: list[Event]) -> Decimal:
    return sum((event["price"] for event in events if event["event_type"] == "purchase"), Decimal())


def purchase(
    user: int, at: dt.datetime = NOON, *, price: str = "1", number: int = 0, commit: int = 1
) -> Event:
    return {
        "event_id": f"{user}-{number}", "event_time": at.isoformat(), "event_type": "purchase",
        "product_id": 1, "category_id": 1, "category_code": None, "brand": None, "price": Decimal(price),
        "user_id": user, "user_session": "x", "_epoch": 1, "_kafka_partition": 0, "_offset": user,
        "_commit": commit,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("days", "scores"),
    [
        ([1], [5]),
        ([1, 2], [1, 5]),
        ([1, 2, 3], [1, 2, 5]),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ([1, 2, 3, 4, 5, 6, 7], [1, 1, 2, 3, 3, 4, 5]),
        ([1, 2, 3, 3, 3], [1, 2, 5, 5, 5]),
        ([1, 1, 1, 1, 2], [1, 1, 1, 1, 5]),
        ([4, 4, 4], [5, 5, 5]),
    ],
    ids=["one", "two", "three", "five", "seven", "ties at the top", "ties at the bottom", "all tied"],
)
def test_the_best_buyers_have_five_however_many_there_are(
    compiled_marts: CompiledMarts, days: list[int], scores: list[int]
) -> None:
    """The same numbers as days, as counts of purchases and as revenue: one rule for all three scores."""
    events = [
        purchase(user, NOON + number * DAY, price="0" if copy else str(number), number=copy)
        for user, number in enumerate(days)
        for copy in range(number)
    ]
    with compiled_marts.build(events, ["2026-12-31T00:00:00Z"]) as built:
        found = built.execute(
            "SELECT recency_score, frequency_score, monetary_score FROM marts.customers ORDER BY user_id"
        ).fetchall()
    assert found == [(each, each, each) for each in scores]


def test_one_event_of_the_year_9999_changes_nobody_elses_days(compiled_marts: CompiledMarts) -> None:
    """Not even those of who sent it, once others come; a wrong clock's price does not stay either."""
    last = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
    landed = ["2026-11-10T00:00:00Z", "2026-11-10T01:00:00Z", "2026-11-10T02:00:00Z"]
    events = [
        purchase(1, NOON, price="10"), purchase(2, NOON + DAY, price="11"),
        purchase(3, last, price="99", commit=2), purchase(4, NOON + 3 * DAY, price="12", commit=3),
    ]  # fmt: skip
    with compiled_marts.build(events[:3], landed) as built:
        assert customers(built) == [(1, 1, 1), (2, 0, 5), (3, 0, 5)]
    with compiled_marts.build(events, landed) as built:
        assert customers(built) == [(1, 3, 1), (2, 2, 2), (3, 2, 2), (4, 0, 5)]
        assert built.execute("SELECT latest_price FROM marts.products").fetchall() == [(Decimal(12),)]
        assert built.execute("SELECT max(purchased_at) FROM marts.purchases").fetchall() == [
            (last.replace(tzinfo=None),)
        ]


def customers(built: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = built.execute(
        "SELECT user_id, days_since_purchase, recency_score FROM marts.customers ORDER BY user_id"
    ).fetchall()
    return rows


def test_a_million_of_the_dearest_products_can_be_added_up(compiled_marts: CompiledMarts) -> None:
    with compiled_marts.build([purchase(1, price="9999999999.99")], ["2026-11-10T00:00:00Z"]) as built:
        built.execute(
            "INSERT INTO landing_customer_events.raw.customer_events "
            "SELECT * EXCLUDE (range) REPLACE ('more' || range AS event_id) "
            "FROM landing_customer_events.raw.customer_events CROSS JOIN range(1_000_000)"
        )
        compiled_marts.build_again(built)
        for mart in ("customers", "sessions", "products", "funnel_daily", "cohorts_weekly"):
            assert built.execute(f"SELECT revenue FROM marts.{mart}").fetchall() == [
                (1_000_001 * Decimal("9999999999.99"),)
            ]
