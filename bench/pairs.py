"""Ours against each baseline, in pairs: two runs that follow each other, so that both meet the same machine.

There are two of ours: as it ships, and by SQL only. In a round they alternate with the baselines,
so that each baseline stands between the two and makes a pair with each; every other round goes backwards: in
half of its pairs a baseline is first. What counts is the ratio of each pair.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

from bench.child import has_contenders_packages
from bench.events import Kind
from bench.run import OURS, Outcome, run_once
from bench.topic import Topic, make_topic

Say = Callable[[str], None]


@dataclass(frozen=True)
class Baseline:
    """A contender to compare with; `note` says what is particular. `most`: so many events at most,
    for a run of some seconds; `rounds`: so many pairs at most. `at_least`: the ratio that Penstock as
    it ships holds as lower quartile of the pairs; `aim`: what we want as median."""

    name: str
    label: str
    note: str
    most: int | None = None
    rounds: int | None = None
    at_least: float | None = None
    aim: float | None = None
    needs_packages: bool = False


BASELINES = (
    Baseline(
        "tuned_loop", "tuned kafka-python `poll()`, `json.loads`, Arrow",
        "all rules, checked in Python.", 300_000, at_least=7, aim=15,
    ),
    Baseline(
        "confluent", "confluent-kafka, Arrow, our SQL",
        "*our SQL* is Penstock's rules, all in SQL, on JSON that DuckDB's own functions read.",
        at_least=1.6, aim=3.3, needs_packages=True,
    ),
    Baseline(
        "dlt_pipeline", "dlt pipeline",
        "dlt's default loader, INSERTs, which a pipeline has unless it asks for another: the one that we "
        "compare with. It knows types, but no rules; UUIDs stay text.",
        20_000, at_least=120, aim=250, needs_packages=True,
    ),
    Baseline(
        "dlt_parquet", "dlt pipeline, Parquet files",
        "the same pipeline with a faster loader: listed too, so that nobody takes the default for the best.",
        20_000, needs_packages=True,
    ),
    Baseline(
        "limit", "the limit: our SQL on bytes already in Arrow",
        "*our SQL*, too: on JSON that DuckDB reads; fetching is done before its clock starts.",
        at_least=0.55, aim=1,
    ),
    Baseline(
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
class Runs:
    """What some runs of a contender showed: rates are medians; `checked`: it found the rejects that we do."""

    contender: str
    events: int
    count: int
    rate: float
    checkpointed_rate: float
    peak_rss_mb: float
    rejected: int
    checked: bool

    @staticmethod
    def of(outcomes: Sequence[Outcome]) -> Runs:
        """Of some runs."""
        return Runs(
            contender=outcomes[0].contender,
            events=outcomes[0].events,
            count=len(outcomes),
            rate=statistics.median(outcome.rate for outcome in outcomes),
            checkpointed_rate=statistics.median(outcome.checkpointed_rate for outcome in outcomes),
            peak_rss_mb=max(outcome.peak_rss_mb for outcome in outcomes),
            rejected=outcomes[0].rejected,
            checked=all(outcome.checked for outcome in outcomes),
        )


@dataclass(frozen=True)
class Ratios:
    """How many times as fast as a baseline one of ours was, by pairs; `checkpointed`: with the final
    CHECKPOINT on both clocks."""

    ratio: Spread
    checkpointed: Spread

    @staticmethod
    def of(pairs: Sequence[tuple[Outcome, Outcome]]) -> Ratios:
        """Of pairs of runs, ours and a baseline's."""
        return Ratios(
            ratio=Spread.of([ours.rate / baseline.rate for ours, baseline in pairs]),
            checkpointed=Spread.of(
                [ours.checkpointed_rate / baseline.checkpointed_rate for ours, baseline in pairs]
            ),
        )


@dataclass(frozen=True)
class Against:
    """One baseline, and how ours did against it."""

    label: str
    note: str
    baseline: Runs
    ours: Ratios
    sql: Ratios
    at_least: float | None
    aim: float | None


@dataclass(frozen=True)
class Pairs:
    """What all rounds showed."""

    ours: Runs
    sql: Runs
    baselines: tuple[Against, ...]
    left_out: tuple[str, ...]


def run_pairs(
    servers: str, folder: Path, events: int, rounds: int, against: Sequence[str], say: Say
) -> Pairs:
    """All rounds. `against`: the baselines. Raises BenchError."""
    chosen = [baseline for baseline in BASELINES if baseline.name in against]
    baselines = [baseline for baseline in chosen if has_contenders_packages() or not baseline.needs_packages]
    topics = {baseline.name: Topic(Kind(), min(events, baseline.most or events)) for baseline in baselines}
    ours_topic = Topic(Kind(), events)
    for topic in dict.fromkeys([ours_topic, *topics.values()]):
        say(f"filling {topic.name}")
        make_topic(servers, topic)

    def run(contender: str) -> Outcome:
        outcome = run_once(contender, servers, topics.get(contender, ours_topic), folder)
        say(f"{contender}: {outcome.rate:,.0f} events/s, {outcome.peak_rss_mb:,.0f} MB")
        return outcome

    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    pairs: dict[tuple[str, str], list[tuple[Outcome, Outcome]]] = defaultdict(list)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        order = _alternating([one.name for one in baselines if number < (one.rounds or rounds)])
        found = [run(contender) for contender in (reversed(order) if number % 2 else order)]
        for outcome in found:
            outcomes[outcome.contender].append(outcome)
        for one, other in pairwise(found):
            ours, baseline = (one, other) if one.contender in OURS else (other, one)
            pairs[ours.contender, baseline.contender].append((ours, baseline))
    return Pairs(
        ours=Runs.of(outcomes["ours"]),
        sql=Runs.of(outcomes["ours_sql"]),
        baselines=tuple(
            Against(
                label=baseline.label,
                note=baseline.note,
                baseline=Runs.of(outcomes[baseline.name]),
                ours=Ratios.of(pairs["ours", baseline.name]),
                sql=Ratios.of(pairs["ours_sql", baseline.name]),
                at_least=baseline.at_least,
                aim=baseline.aim,
            )
            for baseline in baselines
        ),
        left_out=tuple(baseline.label for baseline in chosen if baseline not in baselines),
    )


def _alternating(baselines: Sequence[str]) -> list[str]:
    """The order of a round: each baseline between the two of ours."""
    ours = [OURS[number % 2] for number in range(len(baselines) + 1)]
    return [*chain.from_iterable(zip(ours, baselines, strict=False)), ours[-1]]
