"""Seeded synthetic customer events of a web store, with deliberate dirt of known counts.

The same seed and run give the same bytes. Runs differ: run 1 goes on where run 0 ended, with the same
products and many of the same customers, as a real stream would. The shop has as much to do on every day, so
100 000 events take four weeks, and fewer less. Events are made in blocks, so memory stays small however many
are asked for.

Three producers write them, each in its own way: whole seconds or fractions, `Z` or an offset, escapes or
UTF-8, fields that the contract does not name. Ids have up to 19 digits, and names hold what breaks careless
readers: quotes, backslashes, `<`, `$` and `:`.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from penstock.local.sample import Batch, Message, Sample

_BLOCK = 20_000  # events made, sorted by time and sent together
_FIRST_DAY = dt.datetime(2025, 1, 6, tzinfo=dt.UTC)
_ONE_EACH = dt.timedelta(weeks=4) / 100_000  # between two events, on average
_CUSTOMERS, _PRODUCTS = 8_000, 1_200
_DIRT_OF_A_KIND = 2_500  # one event of this many is dirty, for each kind of dirt
_DUPLICATES = 200  # one event of this many is sent twice

# code (some categories have none), brands (None: no name on it), a usual price
_CATEGORIES: list[tuple[str | None, list[str | None], float]] = [
    ("electronics.smartphone", ["apple", "samsung", "xiaomi", "huawei", "oppo"], 320),
    ("electronics.audio.headphone", ["apple", "sony", "jbl", "xiaomi"], 70),
    ("electronics.video.tv", ["samsung", "lg", "sony", "artel"], 380),
    ("computers.notebook", ["lenovo", "asus", "acer", "hp", "apple"], 620),
    ("appliances.kitchen.washer", ["indesit", "lg", "bosch", "beko"], 290),
    ("appliances.kitchen.mixer", ["elenberg", "bosch", None], 30),
    ("appliances.environment.vacuum", ["samsung", "dyson", "karcher"], 140),
    ("apparel.shoes", ["nike", "adidas", "respect", None], 65),
    ("furniture.bedroom.bed", ["brw", None], 210),
    ("auto.accessories.player", ["pioneer", "alpine", None], 85),
    (None, ["yokohama", "cordiant", None], 55),
    (None, ["shiseido", "lucente", None], 28),
    ("toys:games.<3 years", ['l\'oncle "bob"', "a$ap & co", "<b>lego</b>", "c:\\toys", "škoda", None], 18),
]


@dataclass(frozen=True)
class _Product:
    product_id: int
    category_id: int
    category_code: str | None
    brand: str | None
    price: str  # with two decimals


@dataclass(frozen=True)
class _Producer:
    """Who sends the events of a visit: how it writes a time, escapes text, and what it adds of its own."""

    time: Callable[[dt.datetime], str]
    ascii_only: bool
    adds: str  # JSON text of fields that the contract does not name, each with its comma


_PRODUCERS = [
    _Producer(  # the web shop, in JavaScript: milliseconds
        lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        ascii_only=False,
        adds=',"pageUrl":"/search?q=\\"<b>&price=$10:$20","viewport":{"widthPx":1280,"heightPx":720}',
    ),
    _Producer(  # the app, in Python: microseconds (none where they are zero), the customer's own clock
        lambda at: at.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))).isoformat(),
        ascii_only=True,
        adds="",
    ),
    _Producer(lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}", ascii_only=False, adds=""),  # the tills: whole seconds
]

Event = dict[str, Any]  # when, what, of whom, by which producer


def synthetic_sample(count: int, seed: int, run: int, *, before: int = 0) -> Sample:
    """`count` messages, of which the deliberate dirt and duplicates that the sample counts are part; they
    happened after the `before` events of other runs."""
    dirt: Counter[str] = Counter(dict.fromkeys(DIRT, 0))
    for size in _block_sizes(count):
        dirt.update(dict.fromkeys(DIRT, size // _DIRT_OF_A_KIND))
    duplicates = sum(size // _DUPLICATES for size in _block_sizes(count))
    return Sample(
        f"{count:,} synthetic events (seed {seed}, run {run})",
        _batches(count, seed, run, before),
        dict(dirt),
        duplicates,
    )


def _batches(count: int, seed: int, run: int, before: int) -> Iterator[Batch]:
    products = _products()
    blocks = _block_sizes(count)
    made = 0
    for index, size in enumerate(blocks):
        rng = _random(f"{seed}:{run}:{index}")
        begin = _FIRST_DAY + (before + made) * _ONE_EACH
        events = _events(rng, products, size - size // _DUPLICATES, begin, size * _ONE_EACH)
        for number, event in enumerate(events):
            event["event_id"] = f"synthetic-{seed}-{run}-{made + number}"
        made += size
        yield Batch(_messages(rng, events, size // _DIRT_OF_A_KIND, size // _DUPLICATES), made / count)


def _events(
    rng: random.Random, products: list[_Product], count: int, begin: dt.datetime, length: dt.timedelta
) -> list[Event]:
    """Exactly `count` events of whole visits (the last one may be cut), ordered by time."""
    popularity = list(accumulate(1 / (rank + 8) for rank in range(len(products))))
    events: list[Event] = []
    while len(events) < count:
        # a few customers come often, most seldom
        user = _user_id(int(_CUSTOMERS * rng.random() ** 2.2))
        start = begin + length * rng.random() * 0.97
        events += _visit(rng, user, start, rng.choices(products, cum_weights=popularity, k=rng.randint(1, 6)))
    return sorted(events[:count], key=lambda event: event["at"])


def _visit(rng: random.Random, user: int, at: dt.datetime, looked_at: list[_Product]) -> list[Event]:
    """One visit: every product is viewed, some go into the cart, some out of it again, some are bought."""
    session = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    producer = rng.choice(_PRODUCERS)
    steps: list[Event] = []
    for product in looked_at:
        path = ["view"]
        luck = rng.random()
        if luck < 0.14:
            path += ["cart", "purchase"] if luck < 0.06 else ["cart"]
            if luck > 0.12:
                path.append("remove_from_cart")
        for event_type in path:
            steps.append(
                {
                    "at": at, "event_type": event_type, "product": product, "user": user, "session": session,
                    "producer": producer,
                }
            )  # fmt: skip
            at += dt.timedelta(microseconds=rng.randint(200_000, 240_000_000))
    return steps


def _user_id(number: int) -> int:
    """Old customers have a short id, those of a shop that was bought one of 19 digits."""
    return 500_000_000 + number * 7 if number % 5 else 7_205_759_403_792_793_600 + number


def _messages(
    rng: random.Random, events: list[Event], dirty_of_a_kind: int, duplicates: int
) -> list[Message]:
    """The events as messages: some spoilt, each kind equally often, and some clean ones sent again later."""
    places = rng.sample(range(len(events)), dirty_of_a_kind * len(DIRT) + duplicates)
    spoil = dict(zip(places, list(DIRT.values()) * dirty_of_a_kind, strict=False))
    again = set(places[dirty_of_a_kind * len(DIRT) :])
    messages: list[Message] = [
        (str(event["user"]).encode(), spoil.get(place, _as_json)(event)) for place, event in enumerate(events)
    ]
    # after the block: a copy comes later than its original, and on the same partition
    return messages + [message for place, message in enumerate(messages) if place in again]


def _as_json(event: Event, **other: str | None) -> bytes:
    """The event as one JSON object. `other` gives fields another JSON text, or None to leave them out."""
    product: _Product = event["product"]
    producer: _Producer = event["producer"]
    fields: dict[str, str | None] = {
        "event_id": f'"{event["event_id"]}"',
        "event_time": f'"{producer.time(event["at"])}"',
        "event_type": f'"{event["event_type"]}"',
        "product_id": str(product.product_id),
        "category_id": str(product.category_id),
        "category_code": json.dumps(product.category_code, ensure_ascii=producer.ascii_only),
        "brand": json.dumps(product.brand, ensure_ascii=producer.ascii_only),
        "price": product.price,
        "user_id": str(event["user"]),
        "user_session": f'"{event["session"]}"',
        **other,
    }
    named = ",".join(f'"{name}":{text}' for name, text in fields.items() if text is not None)
    return f"{{{named}{producer.adds}}}".encode()


# How each kind of dirt spoils an event. Every one of them breaks exactly one rule of the contract.
DIRT: dict[str, Callable[[Event], bytes]] = {
    "broken JSON": lambda event: _as_json(event)[:-9],
    "user_session missing": lambda event: _as_json(event, user_session=None),
    "price as text": lambda event: _as_json(event, price=f'"{event["product"].price}"'),
    "unknown event_type": lambda event: _as_json(event, event_type='"viewed"'),
    "negative price": lambda event: _as_json(event, price=f"-{event['product'].price}"),
    "impossible date": lambda event: _as_json(event, event_time=f'"{event["at"]:%Y}-02-30T12:00:00Z"'),
}


def _products() -> list[_Product]:
    """The shop's catalogue: a product keeps its category, brand and price, whatever the run and the seed."""
    rng = _random("products")
    products = []
    for number in range(_PRODUCTS):
        category = rng.randrange(len(_CATEGORIES))
        code, brands, usual_price = _CATEGORIES[category]
        cents = max(99, round(usual_price * rng.lognormvariate(0, 0.5) * 100))
        price = f"{cents // 100}.{cents % 100:02d}"
        category_id = 2_053_013_550_000_000_000 + category * 104_729
        products.append(_Product(1_000_000 + number * 37, category_id, code, rng.choice(brands), price))
    return products


def _random(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 (repeatable is what it must be)


def _block_sizes(count: int) -> list[int]:
    return [_BLOCK] * (count // _BLOCK) + ([count % _BLOCK] if count % _BLOCK else [])
