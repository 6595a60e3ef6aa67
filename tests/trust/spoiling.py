"""Ways to spoil good events: each takes events and gives others."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.trust.real_events import FIRST_DAY, GOOD_DAYS, Event, changed

Events = list[Event]
Spoil = Callable[[Events, random.Random], Events]


def some(share: float, **fields: Any) -> Spoil:
    """Change fields of a share of the events. A value that can be called is called with the event."""

    def spoil(events: Events, draw: random.Random) -> Events:
        return [
            changed(e, **{name: of(e) if callable(of) else of for name, of in fields.items()})
            if draw.random() < share
            else e
            for e in events
        ]

    return spoil


def of_type(event_type: str, spoil: Spoil) -> Spoil:
    """Spoil only the events of a type."""

    def those(events: Events, draw: random.Random) -> Events:
        spoilt = iter(spoil([e for e in events if e.event_type == event_type], draw))
        return [next(spoilt) if e.event_type == event_type else e for e in events]

    return those


def keep(share: float, where: Callable[[Event], bool] = lambda e: True) -> Spoil:
    """Drop all but a share of the events of a kind."""
    return lambda events, draw: [e for e in events if not where(e) or draw.random() < share]


def again(times: float, **fields: Any) -> Spoil:
    """Send so many more of each event, under ids of their own."""

    def spoil(events: Events, draw: random.Random) -> Events:
        more = []
        for e in events:
            whole, rest = divmod(times, 1)
            for n in range(int(whole) + (draw.random() < rest)):
                own = {name: of(e, n) if callable(of) else of for name, of in fields.items()}
                more.append(changed(e, event_id=f"{e.event_id}:{n}", **own))
        return events + more

    return spoil


def one_price(price: str) -> Spoil:
    """A single purchase costs this."""

    def spoil(events: Events, draw: random.Random) -> Events:
        bought = draw.choice([n for n, e in enumerate(events) if e.event_type == "purchase"])
        return [changed(e, price=Decimal(price)) if n == bought else e for n, e in enumerate(events)]

    return spoil


def midnight(event: Event) -> dt.datetime:
    return event.at.replace(hour=0, minute=0, second=0, microsecond=0)


def other_category(share: float) -> Spoil:
    """A share of the products are of another category, in all of their events."""

    def spoil(events: Events, draw: random.Random) -> Events:
        categories = sorted({(e.category_id, e.category_code or "") for e in events})
        other = {
            product: draw.choice(categories)
            for product in sorted({e.product_id for e in events})
            if draw.random() < share
        }
        return [
            changed(e, category_id=other[e.product_id][0], category_code=other[e.product_id][1] or None)
            if e.product_id in other
            else e
            for e in events
        ]

    return spoil


_SECOND_DAY = FIRST_DAY + dt.timedelta(days=GOOD_DAYS + 1)


def of_second_day(event: Event) -> bool:
    return _SECOND_DAY <= event.at < _SECOND_DAY + dt.timedelta(days=1)


def is_purchase(event: Event) -> bool:
    return event.event_type == "purchase"


def times(factor: int) -> Callable[[Event], Decimal]:
    return lambda event: event.price * factor


def ahead(**length: float) -> Callable[[Event], dt.datetime]:
    return lambda event: event.at + dt.timedelta(**length)


def in_1970(event: Event) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + (event.at - FIRST_DAY)


def own_session(event: Event, number: int) -> str:
    return f"{event.user_session}-{number}"


def own_user(event: Event, number: int) -> int:
    return event.user_id + number


def loud(event: Event) -> str | None:
    return event.brand and f"{event.brand.upper()} "
