"""Ours against each rival, in pairs: two turns that follow each other, so that both meet the same machine.

A round is one turn of each rival; ours runs between two of them and makes a pair with each. Every other round
these three go backwards: in half of the pairs ours is first. What counts is the ratio of each pair.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.child import has_rivals_packages
from bench.events import Kind
from bench.topic import Topic, make_topic
from bench.turn import Outcome, take_turn

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rival:
    """A way of landing to compare with; `note` tells readers what is particular. `most`: so many events at
    most, for a turn of some seconds; `rounds`: so many pairs at most. `at_least` and `aim`: the ratio that we
    hold as lower quartile of the pairs, and want as median."""

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
class Against:
    """Ours and one rival. Rates are medians of the rival's turns; ratios say how many times as fast ours was;
    `checkpointed`: with the final CHECKPOINT on both clocks. `checked`: it found the rejects that we do."""

    rival: str
    label: str
    note: str
    events: int
    pairs: int
    rate: float
    checkpointed_rate: float
    peak_rss_mb: float
    rejected: int
    checked: bool
    ratio: Spread
    checkpointed: Spread
    at_least: float | None
    aim: float | None


@dataclass(frozen=True)
class Pairs:
    """What all rounds showed."""

    ours: Against
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

    pairs: dict[str, list[tuple[Outcome, Outcome]]] = {rival.way: [] for rival in rivals}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        order = [rival.way for rival in rivals if number < (rival.rounds or rounds)]
        for group in (order[at : at + 2] for at in range(0, len(order), 2)):
            turns = [group[0], "ours", *group[1:]]
            outcomes = {way: turn(way) for way in (reversed(turns) if number % 2 else turns)}
            for way in group:
                pairs[way].append((outcomes["ours"], outcomes[way]))
    return Pairs(
        ours=_ours([ours for of_rival in pairs.values() for ours, _ in of_rival]),
        rivals=tuple(_against(rival, pairs[rival.way]) for rival in rivals),
        left_out=tuple(rival.label for rival in chosen if rival not in rivals),
    )


def _against(rival: Rival, pairs: Sequence[tuple[Outcome, Outcome]]) -> Against:
    theirs = [outcome for _, outcome in pairs]
    return Against(
        rival=rival.way,
        label=rival.label,
        note=rival.note,
        events=theirs[0].events,
        pairs=len(pairs),
        rate=statistics.median(outcome.rate for outcome in theirs),
        checkpointed_rate=statistics.median(outcome.checkpointed_rate for outcome in theirs),
        peak_rss_mb=max(outcome.peak_rss_mb for outcome in theirs),
        rejected=theirs[0].rejected,
        checked=all(outcome.checked for outcome in theirs),
        ratio=Spread.of([ours.rate / outcome.rate for ours, outcome in pairs]),
        checkpointed=Spread.of(
            [ours.checkpointed_rate / outcome.checkpointed_rate for ours, outcome in pairs]
        ),
        at_least=rival.at_least,
        aim=rival.aim,
    )


def _ours(outcomes: Sequence[Outcome]) -> Against:
    once = list(dict.fromkeys(outcomes))
    return _against(Rival("ours", "Penstock", ""), [(outcome, outcome) for outcome in once])
