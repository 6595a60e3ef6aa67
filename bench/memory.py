"""How much memory a drain needs: twenty times as many events, huge ones, many partitions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.events import Kind
from bench.pairs import Say
from bench.run import OURS, run_once
from bench.topic import Topic, make_topic, remove_topic


@dataclass(frozen=True)
class Memory:
    """The peak of one run of ours."""

    what: str
    events: int
    rate: float
    peak_rss_mb: float


def run_memory(servers: str, folder: Path, events: int, say: Say) -> tuple[Memory, ...]:
    """Each of ours with few events, then with twenty times as many; then what else may need memory. Raises
    BenchError."""
    few = Topic(Kind(), max(events // 2, 1000))
    many = replace(few, events=20 * few.events)
    found = []

    def run(what: str, topic: Topic, contender: str) -> None:
        make_topic(servers, topic)
        outcome = run_once(contender, servers, topic, folder)
        say(f"memory, {what}: {outcome.peak_rss_mb:,.0f} MB for {topic.events:,} events")
        found.append(Memory(what, topic.events, outcome.rate, outcome.peak_rss_mb))

    for contender, name in zip(OURS, ("", ", SQL only"), strict=True):
        run(f"few events{name}", few, contender)
        run(f"twenty times as many{name}", many, contender)
    for topic in (few, many):
        remove_topic(servers, topic)
    for what, topic in {
        "messages of 1 MB": Topic(Kind(size="1 MB"), max(events // 2000, 20)),
        "100 partitions": Topic(Kind(), events, partitions=100),
    }.items():
        run(what, topic, OURS[0])
        remove_topic(servers, topic)
    return tuple(found)
