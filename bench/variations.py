"""Ours on other topics, and on events of other sizes: one thing at a time differs from the usual. (How events
are written is what `shapes` is about.)"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from pathlib import Path

from bench.events import Kind, average_size
from bench.pairs import Say
from bench.run import run_once
from bench.topic import Topic, make_topic, remove_topic


@dataclass(frozen=True)
class Variation:
    """What differs, and the medians of our runs."""

    what: str
    events: int
    rate: float
    megabytes_per_second: float
    checkpointed_rate: float
    peak_rss_mb: float


def run_variations(servers: str, folder: Path, events: int, runs: int, say: Say) -> tuple[Variation, ...]:
    """All variations. Raises BenchError."""
    return tuple(_vary(servers, folder, what, topic, runs, say) for what, topic in _topics(events).items())


def _topics(events: int) -> dict[str, Topic]:
    usual = Topic(Kind(), events)
    return {
        "as usual": usual,
        "events of 100 bytes": replace(usual, kind=Kind("small_events")),
        "events of 2 kB": replace(usual, kind=Kind(size="2 kB"), events=max(events // 4, 1000)),
        "1 partition": replace(usual, partitions=1),
        "32 partitions": replace(usual, partitions=32),
        "not compressed": replace(usual, codec="none"),
        "lz4": replace(usual, codec="lz4"),
        "no bad events": replace(usual, kind=Kind(bad=0)),
    }


def _vary(servers: str, folder: Path, what: str, topic: Topic, runs: int, say: Say) -> Variation:
    make_topic(servers, topic)
    outcomes = [run_once("ours", servers, topic, folder) for _ in range(runs)]
    remove_topic(servers, topic)
    rate = statistics.median(outcome.rate for outcome in outcomes)
    say(f"{what}: {rate:,.0f} events/s")
    return Variation(
        what=what,
        events=topic.events,
        rate=rate,
        megabytes_per_second=rate * average_size(topic.kind) / 1e6,
        checkpointed_rate=statistics.median(outcome.checkpointed_rate for outcome in outcomes),
        peak_rss_mb=max(outcome.peak_rss_mb for outcome in outcomes),
    )
