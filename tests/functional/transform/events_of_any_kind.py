"""Strategies for legal events: what keeps the contract may land, in any order, at any time, by any clock."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Event = dict[str, Any]

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
FIRST, LAST = (
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
)
MIDNIGHT = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)  # of a Sunday to a Monday

# Around midnight to the microsecond, within two weeks, and anywhere from the first year to the last.
instants = st.one_of(
    st.builds(lambda us: MIDNIGHT + dt.timedelta(microseconds=us), st.integers(-3_000_000, 3_000_000)),
    st.builds(lambda us: NOON + dt.timedelta(microseconds=us), st.integers(-(10**12), 10**12)),
    st.builds(lambda ms: NOON - dt.timedelta(milliseconds=ms), st.integers(0, 5_000)),
    st.sampled_from([FIRST, LAST, MIDNIGHT, NOON]),
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(dt.UTC)),
)
offsets = st.one_of(st.just(0), st.integers(-23 * 60 - 59, 23 * 60 + 59))


def written(instant: dt.datetime, minutes: int) -> str:
    """The instant as a producer at that offset writes it; in UTC where the local year is none of ours."""
    zone = dt.timezone(dt.timedelta(minutes=minutes))
    try:
        return instant.astimezone(zone).isoformat()
    except OverflowError:
        return instant.isoformat()


texts = st.one_of(
    st.sampled_from(
        ["", " ", "$HOME", "${x}", "<script>alert(1)</script>", ":name", "a'b", 'a"b', "a\\b", "a\nb",
         "{batch}", "{{ x }}", "%s", "-- x", "/* x", "NULL", "İI", "\0", "x" * 10_000]
    ),
    st.text(max_size=5),
)  # fmt: skip
numbers = st.sampled_from([0, 1, 2, 3, -1, 2**63 - 1, -(2**63), 1_234_567_890_123_456_789])
prices = st.sampled_from([Decimal(price) for price in ("0", "0.01", "9.99", "9999999999.99")])
types = st.sampled_from(["view", "cart", "remove_from_cart", "purchase"])


@st.composite
def landings(draw: st.DrawFn) -> tuple[list[Event], list[str]]:
    """Landed events, copies of some, and when each commit landed: clocks go back, and lag behind events."""
    commits = draw(st.lists(instants, min_size=1, max_size=4))
    kinds = draw(st.sampled_from([types, st.just("view"), st.just("purchase")]))
    sessions = st.one_of(st.sampled_from(["a", "b", ""]), texts)
    count = draw(st.integers(0, 25))
    events: list[Event] = []
    for number in range(count):
        events.append({
            "event_id": f"e{draw(st.integers(0, count))}" if draw(st.integers(0, 9)) == 0 else f"own{number}",
            "event_time": written(draw(instants), draw(offsets)), "event_type": draw(kinds),
            "product_id": draw(numbers), "category_id": draw(numbers), "user_id": draw(numbers),
            "category_code": draw(st.none() | texts), "brand": draw(st.none() | texts), "price": draw(prices),
            "user_session": draw(sessions), "_epoch": 1, "_kafka_partition": 0, "_offset": number,
            "_commit": draw(st.integers(1, len(commits))),
        })  # fmt: skip
    return events, [commit.isoformat() for commit in commits]
