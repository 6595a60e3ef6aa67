"""Ours on events as different producers write them, in pairs with the tuned loop on the same shape.

The part takes some 25 minutes on a quiet machine of 2 cores, so only ours, and what is nearly as fast, gets
all events. The tuned loop gets fewer: its rate does not depend on their number, and else most of the time
would be its. SQL alone gets fewer, too, and one run: it is compared with nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.child import has_contenders_packages
from bench.events import average_size
from bench.pairs import Ratios, Runs, Say
from bench.run import Outcome, run_once
from bench.shape_list import SHAPES, Shape
from bench.topic import Topic, make_topic, remove_topic

_OF_LOOP = 150_000
_OF_SQL = 500_000


@dataclass(frozen=True)
class Measured:
    """One shape, of events of so many bytes on average. `fast`: which share of its good events took the fast
    path. `of_compact`: which share of the bytes a second of its contract's compact shape it reached (None: it
    is that shape); `sql_of_loop`: how many times as fast SQL alone is as the loop on that compact shape.
    `typed`: confluent-kafka with `json_transform`, where the shape is compared with it."""

    shape: Shape
    bytes_each: float
    fast: float
    of_compact: float | None
    ours: Runs
    loop: Runs
    against_loop: Ratios
    sql: Runs
    sql_of_loop: float
    typed: Runs | None
    against_typed: Ratios | None

    @property
    def bytes_a_second(self) -> float:
        """How fast ours reads the shape."""
        return self.ours.rate * self.bytes_each


def run_shapes(
    servers: str, folder: Path, events: int, rounds: int, chosen: Sequence[str], say: Say
) -> tuple[Measured, ...]:
    """The chosen shapes, and the compact ones that they are compared with. Raises BenchError."""
    names = {name for shape in SHAPES if shape.name in chosen for name in (shape.name, shape.compact)}
    done: dict[str, Measured] = {}
    for shape in (shape for shape in SHAPES if shape.name in names):
        runs = _run_all(servers, folder, shape, events, rounds, say)
        done[shape.name] = _measured(shape, average_size(shape.kind), runs, done.get(shape.compact))
    return tuple(done.values())


def _run_all(
    servers: str, folder: Path, shape: Shape, events: int, rounds: int, say: Say
) -> dict[str, list[Outcome]]:
    """By contender, its outcomes in the order of the rounds. In each round ours is next to each baseline,
    and in half of its pairs it comes first."""
    ours = Topic(shape.kind, max(events // shape.one_in, 1000))
    topics = {
        "tuned_loop": Topic(shape.kind, min(ours.events, _OF_LOOP)),
        "ours": ours,
        "confluent_typed": ours,
        "ours_sql": Topic(shape.kind, min(ours.events, _OF_SQL)),
    }
    if not shape.typed_at_least or not has_contenders_packages():
        del topics["confluent_typed"]
    say(f"shape {shape.name}: filling its topics")
    for topic in dict.fromkeys(topics.values()):
        make_topic(servers, topic)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    usual = [contender for contender in topics if contender != "ours_sql"]
    for number in range(rounds):
        for contender in [*(reversed(usual) if number % 2 else usual), *["ours_sql"] * (number == 0)]:
            outcome = run_once(contender, servers, topics[contender], folder)
            say(f"{shape.name}, {contender}: {outcome.rate:,.0f} events/s, {outcome.peak_rss_mb:,.0f} MB")
            outcomes[contender].append(outcome)
    for topic in dict.fromkeys(topics.values()):
        remove_topic(servers, topic)
    return outcomes


def _measured(
    shape: Shape, bytes_each: float, runs: dict[str, list[Outcome]], compact: Measured | None
) -> Measured:
    ours, loop, typed = runs["ours"], runs["tuned_loop"], runs.get("confluent_typed")
    sql, its_loop = Runs.of(runs["ours_sql"]), compact.loop if compact else Runs.of(loop)
    return Measured(
        shape=shape,
        bytes_each=bytes_each,
        fast=ours[0].fast / ours[0].landed,
        of_compact=Runs.of(ours).rate * bytes_each / compact.bytes_a_second if compact else None,
        ours=Runs.of(ours),
        loop=Runs.of(loop),
        against_loop=Ratios.of(list(zip(ours, loop, strict=True))),
        sql=sql,
        sql_of_loop=sql.rate / its_loop.rate,
        typed=Runs.of(typed) if typed else None,
        against_typed=Ratios.of(list(zip(ours, typed, strict=True))) if typed else None,
    )
