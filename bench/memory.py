"""How much memory a drain needs: twenty times as many events, huge ones, many partitions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.events import Kind
from bench.pairs import Say
from bench.topic import Topic, make_topic, remove_topic
from bench.turn import take_turn


@dataclass(frozen=True)
class Memory:
    """The peak of one turn of ours."""

    what: str
    events: int
    rate: float
    peak_rss_mb: float


def run_memory(servers: str, folder: Path, events: int, say: Say) -> tuple[Memory, ...]:
    """First few events, then twenty times as many, then what else may need memory. Raises BenchError."""
    topics = {
        "few events": Topic(Kind(), max(events // 2, 1000)),
        "twenty times as many": Topic(Kind(), 20 * max(events // 2, 1000)),
        "messages of 1 MB": Topic(Kind("1 MB"), max(events // 2000, 20)),
        "100 partitions": Topic(Kind(), events, partitions=100),
    }
    found = []
    for what, topic in topics.items():
        make_topic(servers, topic)
        outcome = take_turn("ours", servers, topic, folder)
        remove_topic(servers, topic)
        say(f"memory, {what}: {outcome.peak_rss_mb:,.0f} MB for {topic.events:,} events")
        found.append(Memory(what, topic.events, outcome.rate, outcome.peak_rss_mb))
    return tuple(found)
