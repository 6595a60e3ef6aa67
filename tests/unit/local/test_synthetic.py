"""Synthetic events: the same for the same seed, new for each run, and dirty exactly as they say."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.local.sample import Message
from penstock.local.synthetic import synthetic_sample


def messages(count: int, seed: int = 42, run: int = 0, before: int = 0) -> list[Message]:
    sample = synthetic_sample(count, seed, run, before=before)
    return [message for batch in sample.batches for message in batch.messages]


def fault(value: bytes) -> str | None:
    """What is wrong with an event, found without looking at how it was spoilt."""
    try:
        event = json.loads(value, parse_float=Decimal)
    except ValueError:
        return "broken JSON"
    if "user_session" not in event:
        return "user_session missing"
    if isinstance(event["price"], str):
        return "price as text"
    if event["price"] < 0:
        return "negative price"
    if event["event_type"] not in {"view", "cart", "remove_from_cart", "purchase"}:
        return "unknown event_type"
    try:
        dt.datetime.fromisoformat(event["event_time"])
    except ValueError:
        return "impossible date"
    return None


def happened(event: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(event["event_time"])


@settings(max_examples=15, deadline=None)
@given(count=st.integers(0, 45_000), seed=st.integers(), run=st.integers(0, 1_000))
def test_counts_are_exact(count: int, seed: int, run: int) -> None:
    sample = synthetic_sample(count, seed, run)
    made = [message for batch in sample.batches for message in batch.messages]
    faults = Counter(fault(value) for _, value in made)
    clean = Counter(json.loads(value)["event_id"] for _, value in made if fault(value) is None)
    assert len(made) == count
    assert sample.dirt is not None
    assert {kind: faults[kind] for kind in sample.dirt} == sample.dirt
    assert faults.total() - faults[None] == sum(sample.dirt.values())
    assert clean.total() - len(clean) == sample.duplicates


def test_the_usual_run_has_every_kind_of_dirt() -> None:
    sample = synthetic_sample(100_000, 42, 0)
    assert sample.dirt is not None
    assert len(sample.dirt) == 6
    assert set(sample.dirt.values()) == {40}
    assert sample.duplicates == 500


def test_the_sample_is_as_varied_as_what_other_producers_send() -> None:
    clean = [value.decode() for _, value in messages(20_000) if fault(value) is None]
    events = [json.loads(value) for value in clean]
    times = [happened(event) for event in events]
    assert {time.microsecond % 1000 > 0 for time in times} == {False, True}
    assert {str(time.utcoffset()) for time in times} == {"0:00:00", "5:30:00"}
    assert any(len(str(event["user_id"])) == 19 for event in events)
    assert any("pageUrl" in event and "widthPx" in event["viewport"] for event in events)
    for text in ('"', "'", "\\", "<", "$", ":"):
        assert any(text in f"{event['brand']}{event['category_code']}" for event in events), text
    assert any(r"\u0161koda" in value for value in clean)
    assert any("škoda" in value for value in clean)


def test_same_seed_and_run_same_bytes() -> None:
    assert messages(3_000) == messages(3_000)


@pytest.mark.parametrize(("seed", "run"), [(42, 1), (43, 0)])
def test_another_run_or_seed_has_other_events(seed: int, run: int) -> None:
    def ids(made: list[Message]) -> set[str]:
        return {json.loads(value)["event_id"] for _, value in made if fault(value) is None}

    assert not ids(messages(3_000)) & ids(messages(3_000, seed, run))


def test_a_later_run_happens_later_with_known_customers_and_products() -> None:
    first, second = (
        [json.loads(v) for _, v in messages(8_000, run=run, before=run * 8_000) if fault(v) is None]
        for run in (0, 1)
    )
    assert max(map(happened, first)) < min(map(happened, second))
    assert {e["user_id"] for e in first} & {e["user_id"] for e in second}
    products = {e["product_id"]: (e["category_id"], e["brand"], e["price"]) for e in first}
    known = [e for e in second if e["product_id"] in products]
    assert known
    assert all(products[e["product_id"]] == (e["category_id"], e["brand"], e["price"]) for e in known)


def test_the_shop_has_as_much_to_do_on_every_day_of_all_runs() -> None:
    made = [*messages(60_000), *messages(9_000, run=1, before=60_000)]
    days = Counter(happened(json.loads(v)).astimezone(dt.UTC).date() for _, v in made if fault(v) is None)
    assert [days[day] for day in sorted(days)][1:-1] == pytest.approx([3571] * (len(days) - 2), rel=0.25)


def test_a_session_has_one_customer_and_buys_only_what_is_in_the_cart() -> None:
    customers: dict[str, set[int]] = {}
    cart: set[tuple[str, int]] = set()
    seen = set()
    for key, value in messages(20_000):
        if fault(value) is not None:
            continue
        event = json.loads(value)
        if event["event_id"] in seen:
            continue
        seen.add(event["event_id"])
        assert key == str(event["user_id"]).encode()
        customers.setdefault(event["user_session"], set()).add(event["user_id"])
        if event["event_type"] == "cart":
            cart.add((event["user_session"], event["product_id"]))
    bought = [
        (event["user_session"], event["product_id"])
        for _, value in messages(20_000)
        if fault(value) is None and (event := json.loads(value))["event_type"] == "purchase"
    ]
    assert all(len(users) == 1 for users in customers.values())
    assert len(bought) > 500
    # the cart event itself may be one of the few that were spoilt
    assert sum(place in cart for place in bought) > 0.95 * len(bought)


def test_a_copy_comes_after_its_original_with_the_same_key_and_bytes() -> None:
    made = [message for message in messages(4_000) if fault(message[1]) is None]
    first: dict[str, Message] = {}
    copies = 0
    for message in made:
        event_id = json.loads(message[1])["event_id"]
        if event_id in first:
            copies += 1
            assert message == first[event_id]
        first.setdefault(event_id, message)
    assert copies == 20
