"""Shops in which nothing is wrong, each with habits of its own: real visits, drawn anew for each day.

A shop's first days are published in one run; then it runs `RUNS` times more. None of these may be stopped.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from tests.trust.real_events import FIRST_DAY, Event, changed, two_weeks

RUNS = 10
_DAY = dt.timedelta(days=1)
Visit = list[Event]


@dataclass(frozen=True)
class CleanShop:
    """How many visits a day has, how many days are published first, and what else is special."""

    name: str
    visits: Callable[[int], float]  # by day, counted from the first
    history: int = 14  # days
    step: dt.timedelta = _DAY  # of a run
    day_and_night: bool = False
    new_brand_from: int | None = None
    late: float = 0.0  # share of the events that come a day later
    fractions: bool = False
    empty_every: int = 0
    exceptional: int | None = None  # a day that the suites declare to be so

    def runs(self, seed: int) -> Iterator[list[Event]]:
        """What each run lands: the history first."""
        draw = random.Random(f"{self.name}:{seed}")
        ends = [FIRST_DAY + self.history * _DAY + n * self.step for n in range(RUNS + 1)]
        last = (ends[-1] - FIRST_DAY) // _DAY + 1
        events = sorted(
            (event for day in range(last) for event in self._day(day, draw)), key=lambda event: event.sent
        )
        begin = FIRST_DAY - _DAY
        for number, end in enumerate(ends):
            came = [event for event in events if begin <= event.sent < end]
            begin = end
            if self.empty_every and number and number % self.empty_every == 0:
                yield []
            yield came

    def _day(self, day: int, draw: random.Random) -> Iterator[Event]:
        mean = self.visits(day)
        count = max(0, round(draw.gauss(mean, mean**0.5 + 0.04 * mean)))
        for number in range(count):
            begin = FIRST_DAY + (day + self._time_of_day(draw)) * _DAY
            yield from self._visit(f"{day}-{number}", day, begin, draw)

    def _visit(self, name: str, day: int, begin: dt.datetime, draw: random.Random) -> Iterator[Event]:
        visit = draw.choice(_visits())
        brand = self.new_brand_from is not None and day >= self.new_brand_from and draw.random() < 0.05
        for number, event in enumerate(visit):
            at = begin + (event.at - visit[0].at)
            at = at.replace(microsecond=draw.randrange(10**6) if self.fractions else 0)
            sent = at + (_DAY if draw.random() < self.late else dt.timedelta(seconds=3))
            yield changed(
                event, event_id=f"{name}-{number}", at=at, sent=sent,
                user_session=f"{name}-{event.user_session}",
                product_id=event.product_id + 10**9 if brand else event.product_id,
                brand="brandnew" if brand else event.brand,
            )  # fmt: skip

    def _time_of_day(self, draw: random.Random) -> float:
        """As part of a day; of two drawn, the one nearer to the evening, where there is day and night."""
        if not self.day_and_night:
            return draw.random()
        return min((draw.random(), draw.random()), key=lambda time: abs(time - 0.8))


def _weekly(day: int) -> float:
    return 200.0 if day % 7 in (5, 6) else 400.0


SHOPS = [
    CleanShop("steady", lambda day: 300),
    CleanShop("weekends are quiet", _weekly, history=21, day_and_night=True),
    CleanShop("grows by a hundredth a day", lambda day: 250 * 1.01**day, day_and_night=True),
    CleanShop("small: some 40 events a day", lambda day: 10),
    CleanShop("fractions of seconds", lambda day: 200, fractions=True, history=10),
    CleanShop("a new brand comes", lambda day: 300, new_brand_from=16),
    CleanShop("a late but honest producer", lambda day: 300, late=0.04),
    CleanShop("runs every two hours", lambda day: 300, step=dt.timedelta(hours=2), day_and_night=True),
    CleanShop("nothing comes now and then", lambda day: 150, empty_every=3, fractions=True),
    CleanShop("a sale, declared", lambda day: 3000 if day == 17 else 300, exceptional=17),
]  # fmt: skip


@cache
def _visits() -> list[Visit]:
    """The visits of the real file, each by time."""
    visits: dict[str, Visit] = {}
    for event in two_weeks():
        visits.setdefault(event.user_session, []).append(event)
    return list(visits.values())
