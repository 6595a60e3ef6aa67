"""Ours against each rival, in pairs: two turns that follow each other, so that both meet the same machine.

There are two of ours: as it ships, and by SQL only. In a round they alternate with the rivals,
so that each rival stands between the two and makes a pair with each; every other round goes backwards: in
half of its pairs a rival is first. What counts is the ratio of each pair.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

from bench.child import has_rivals_packages
from bench.events import Kind
from bench.topic import Topic, make_topic
from bench.turn import OURS, Outcome, take_turn

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rival:
    """A way of landing to compare with; `note` tells readers what is particular. `most`: so many events at
    most, for a turn of some seconds; `rounds`: so many pairs at most. `at_least`: the ratio that Penstock as
    it ships holds as lower quartile of the pairs; `aim`: what we want as median."""

    way: str
    label: str
    note: str
    most: int | None = None
    rounds: int | None = None
    at_least: float | None = None
    aim: float | None = None
    needs_packages: bool = False


RIVALS = (
    Rival(
        "tuned_loop", "tuned kafka-python `poll()`, `json.loads`, Arrow",
        "all rules, checked in Python.", 300_000, at_least=7, aim=15,
    ),
    Rival(
        "confluent", "confluent-kafka, Arrow, our SQL",
        "*our SQL* is Penstock's rules, all in SQL, on JSON that DuckDB's own functions read.",
        at_least=1.6, aim=3.3, needs_packages=True,
    ),
    Rival(
        "dlt_pipeline", "dlt pipeline",
        "dlt's default loader, INSERTs, which a pipeline has unless it asks for another: the one that we "
        "compare with. It knows types, but no rules; UUIDs stay text.",
        20_000, at_least=120, aim=250, needs_packages=True,
    ),
    Rival(
        "dlt_parquet", "dlt pipeline, Parquet files",
        "the same pipeline with a faster loader: listed too, so that nobody takes the default for the best.",
        20_000, needs_packages=True,
    ),
    Rival(
        "limit", "the limit: our SQL on bytes already in Arrow",
        "*our SQL*, too: on JSON that DuckDB reads; fetching is done before its clock starts.",
        at_least=0.55, aim=1,
    ),
    Rival(
        "usual_loop", "usual kafka-python loop, `executemany`",
        "as tutorials have it: types, but no other rule.", 5_000, rounds=3,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Of several values."""

    minimum: float
    lower_quartile: float
    median: float
    maximum: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """Quartiles as those of the values themselves, interpolated."""
        twice = values if len(values) > 1 else [*values, *values]
        quartile = statistics.quantiles(twice, n=4, method="inclusive")[0]
        return Spread(min(values), quartile, statistics.median(values), max(values))


@dataclass(frozen=True)
class Way:
    """What the turns of one way showed: rates are medians; `checked`: it found the rejects that we do."""

    way: str
    events: int
    turns: int
    rate: float
    checkpointed_rate: float
    peak_rss_mb: float
    rejected: int
    checked: bool

    @staticmethod
    def of(outcomes: Sequence[Outcome]) -> Way:
        """Of some turns."""
        return Way(
            way=outcomes[0].way,
            events=outcomes[0].events,
            turns=len(outcomes),
            rate=statistics.median(outcome.rate for outcome in outcomes),
            checkpointed_rate=statistics.median(outcome.checkpointed_rate for outcome in outcomes),
            peak_rss_mb=max(outcome.peak_rss_mb for outcome in outcomes),
            rejected=outcomes[0].rejected,
            checked=all(outcome.checked for outcome in outcomes),
        )


@dataclass(frozen=True)
class Ratios:
    """How many times as fast as a rival one of ours was, by pairs; `checkpointed`: with the final CHECKPOINT
    on both clocks."""

    ratio: Spread
    checkpointed: Spread

    @staticmethod
    def of(pairs: Sequence[tuple[Outcome, Outcome]]) -> Ratios:
        """Of pairs of turns, ours and a rival's."""
        return Ratios(
            ratio=Spread.of([ours.rate / rival.rate for ours, rival in pairs]),
            checkpointed=Spread.of(
                [ours.checkpointed_rate / rival.checkpointed_rate for ours, rival in pairs]
            ),
        )


@dataclass(frozen=True)
class Against:
    """One rival, and how ours did against it."""

    label: str
    note: str
    rival: Way
    ours: Ratios
    sql: Ratios
    at_least: float | None
    aim: float | None


@dataclass(frozen=True)
class Pairs:
    """What all rounds showed."""

    ours: Way
    sql: Way
    rivals: tuple[Against, ...]
    left_out: tuple[str, ...]


def run_pairs(
    servers: str, folder: Path, events: int, rounds: int, against: Sequence[str], say: Say
) -> Pairs:
    """All rounds. `against`: the rivals' ways. Raises BenchError."""
    chosen = [rival for rival in RIVALS if rival.way in against]
    rivals = [rival for rival in chosen if has_rivals_packages() or not rival.needs_packages]
    topics = {rival.way: Topic(Kind(), min(events, rival.most or events)) for rival in rivals}
    ours_topic = Topic(Kind(), events)
    for topic in dict.fromkeys([ours_topic, *topics.values()]):
        say(f"filling {topic.name}")
        make_topic(servers, topic)

    def turn(way: str) -> Outcome:
        outcome = take_turn(way, servers, topics.get(way, ours_topic), folder)
        say(f"{way}: {outcome.rate:,.0f} events/s, {outcome.peak_rss_mb:,.0f} MB")
        return outcome

    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    pairs: dict[tuple[str, str], list[tuple[Outcome, Outcome]]] = defaultdict(list)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        ways = _alternating([rival.way for rival in rivals if number < (rival.rounds or rounds)])
        taken = [(way, turn(way)) for way in (reversed(ways) if number % 2 else ways)]
        for way, outcome in taken:
            outcomes[way].append(outcome)
        for (way, one), (_, other) in pairwise(taken):
            ours, rival = (one, other) if way in OURS else (other, one)
            pairs[ours.way, rival.way].append((ours, rival))
    return Pairs(
        ours=Way.of(outcomes["ours"]),
        sql=Way.of(outcomes["ours_sql"]),
        rivals=tuple(
            Against(
                label=rival.label,
                note=rival.note,
                rival=Way.of(outcomes[rival.way]),
                ours=Ratios.of(pairs["ours", rival.way]),
                sql=Ratios.of(pairs["ours_sql", rival.way]),
                at_least=rival.at_least,
                aim=rival.aim,
            )
            for rival in rivals
        ),
        left_out=tuple(rival.label for rival in chosen if rival not in rivals),
    )


def _alternating(rivals: Sequence[str]) -> list[str]:
    """The order of a round: each rival between the two of ours."""
    ours = [OURS[number % 2] for number in range(len(rivals) + 1)]
    return [*chain.from_iterable(zip(ours, rivals, strict=False)), ours[-1]]
