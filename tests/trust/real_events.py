"""Two weeks of a shop, made of real events: the visits of the REES46 file, spread over the days."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import itertools
import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from tests.trust.own_shop import Sent

FIRST_DAY = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)  # a Monday, and long past
DAYS, GOOD_DAYS = 14, 11
_LONGEST = dt.timedelta(hours=3)  # visit: the file is of three hours
_FILE = Path(__file__).resolve().parents[3] / "shared/data/rees46-2019-10-01.csv.gz"


@dataclass(frozen=True)
class Event:
    """One event in the contract's fields, but for two: `at` is event_time, `sent` is when the producer says
    that it sent it, Kafka's timestamp."""

    event_id: str
    at: dt.datetime
    sent: dt.datetime
    event_type: str
    product_id: int
    category_id: int
    category_code: str | None
    brand: str | None
    price: Decimal
    user_id: int
    user_session: str

    @property
    def day(self) -> int:
        """Of the two weeks, by when it was sent."""
        return (self.sent - FIRST_DAY).days

    def message(self) -> Sent:
        """As its producer sends it."""
        fields = {
            "event_id": self.event_id, "event_time": self.at.isoformat(), "event_type": self.event_type,
            "product_id": self.product_id, "category_id": self.category_id,
            "category_code": self.category_code, "brand": self.brand, "price": float(self.price),
            "user_id": self.user_id, "user_session": self.user_session,
        }  # fmt: skip
        return Sent(str(self.user_id).encode(), json.dumps(fields).encode(), self.sent)


def two_weeks(seed: int = 0) -> list[Event]:
    """All events of the two weeks, by time, some 1 250 a day: each visit begins at a moment that `seed`
    draws, and lasts as long as it did."""
    rows = list(_rows())
    draw = random.Random(seed)
    last_begin = DAYS * dt.timedelta(days=1) - _LONGEST
    begins: dict[str, tuple[dt.datetime, dt.datetime]] = {}  # of a visit: in the file, in the two weeks
    events = []
    for number, row in enumerate(rows):
        time = dt.datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=dt.UTC)
        if row["user_session"] not in begins:
            begins[row["user_session"]] = (time, FIRST_DAY + draw.random() * last_begin)
        then, now = begins[row["user_session"]]
        at = now + (time - then)
        events.append(
            Event(
                event_id=f"rees46:{number}", at=at, sent=at + dt.timedelta(seconds=2),
                event_type=row["event_type"], product_id=int(row["product_id"]),
                category_id=int(row["category_id"]), category_code=row["category_code"] or None,
                brand=row["brand"] or None, price=Decimal(row["price"]), user_id=int(row["user_id"]),
                user_session=row["user_session"],
            )
        )  # fmt: skip
    return sorted(events, key=lambda event: event.at)


def split(events: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """The good days, which are published first, and the days after them."""
    good, last = [], []
    for event in events:
        (good if event.day < GOOD_DAYS else last).append(event)
    return good, last


def changed(event: Event, **fields: object) -> Event:
    """The same event with other fields."""
    return replace(event, **fields)  # type: ignore[arg-type]


def _rows() -> Iterator[dict[str, str]]:
    path = Path(os.environ.get("PENSTOCK_REES46") or _FILE)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        # the last row of the file is cut off
        yield from itertools.takewhile(lambda row: row["user_session"], csv.DictReader(text))
