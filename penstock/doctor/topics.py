"""A stream's topic: is it the one that the landing file was filled from, and how far behind are we?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from penstock.core.bootstrap_servers import checked_servers
from penstock.core.errors import BrokerError, SettingError
from penstock.core.settings import Settings
from penstock.doctor.finding import Finding, findings_of
from penstock.doctor.landing import opened
from penstock.ingest.contract.model import Contract
from penstock.ingest.kafka.topic import (
    NoSuchTopic,
    Topic,
    beginning_offsets,
    broker_errors,
    describe_topic,
    end_offsets,
    open_consumer,
)

_ANSWER_WITHIN_MS = 5_000


@dataclass(frozen=True)
class TopicState:
    """What the broker says of a topic. `first` and `end` (read-committed) are offsets by partition."""

    topic: Topic
    first: Mapping[int, int]
    end: Mapping[int, int]


@dataclass(frozen=True)
class Stored:
    """What the landing file says of the topic that its newest generation was filled from."""

    epoch: int
    cluster_id: str
    topic: str
    topic_id: str
    next_offsets: Mapping[int, int]


def topic_findings(settings: Settings, contracts: list[Contract]) -> Iterator[Finding]:
    """All checks against the broker. A broker that does not answer is asked once, not for each stream."""
    servers = settings.bootstrap_servers
    if servers is None:
        yield Finding(
            "info", "Kafka", "topic ids and lag were not looked at: KAFKA_BOOTSTRAP_SERVERS is not set",
            "export KAFKA_BOOTSTRAP_SERVERS=host:port",
        )  # fmt: skip
        return
    try:
        servers = checked_servers(servers)
    except SettingError as exc:
        yield Finding("error", "Kafka", exc.message, exc.fix)
        return
    away: list[BrokerError] = []
    for contract in contracts:
        found = findings_of(f"topic {contract.topic}", _one_topic, settings, contract, servers, away)
        if away:
            yield Finding(
                "warning", f"Kafka at {servers}",
                f"topic ids and lag could not be asked for: {away[0].message}",
                away[0].fix,
            )  # fmt: skip
            return
        yield from found


def _one_topic(
    settings: Settings, contract: Contract, servers: str, away: list[BrokerError]
) -> list[Finding]:
    """`away` gets the error of a broker that does not answer."""
    stored = _stored(settings, contract)  # first: a consumer may land more while the broker is asked
    try:
        state = _ask(servers, contract.topic)
    except NoSuchTopic:
        raise
    except BrokerError as exc:
        away.append(exc)
        return []
    if stored is None:
        return list(_positions(contract, state, {}))
    return _identity(contract, state, stored) or list(_positions(contract, state, stored.next_offsets))


def _ask(servers: str, name: str) -> TopicState:
    topic = describe_topic(servers, name, within_ms=_ANSWER_WITHIN_MS)
    with closing(open_consumer(servers, group_id=None)) as consumer, broker_errors(servers):
        return TopicState(topic, beginning_offsets(consumer, topic), end_offsets(consumer, topic))


def _stored(settings: Settings, contract: Contract) -> Stored | None:
    """None before the first batch."""
    if not settings.landing_file(contract.stream).exists():
        return None
    with opened(settings, contract.stream) as landing:
        if not landing.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'topics'").fetchone():
            return None
        last = landing.execute(
            "SELECT epoch, cluster_id, topic, topic_id FROM raw.topics ORDER BY epoch DESC LIMIT 1"
        ).fetchone()
        if last is None:
            return None
        offsets = landing.execute(
            'SELECT "partition", next_offset FROM raw.offsets WHERE epoch = $1', [last[0]]
        ).fetchall()
        epoch, cluster_id, topic, topic_id = last
        return Stored(epoch, cluster_id, topic, topic_id, dict(offsets))


def _identity(contract: Contract, state: TopicState, stored: Stored) -> list[Finding]:
    """Offsets mean nothing on another topic, so positions are looked at only where this finds nothing."""
    pairs = (
        ("cluster id", stored.cluster_id, state.topic.cluster_id),
        ("topic", stored.topic, contract.topic),
        ("topic id", stored.topic_id, state.topic.topic_id),
    )
    differences = [f"{name} was {was}, is {now}" for name, was, now in pairs if was != now]
    if not differences:
        return []
    return [
        Finding(
            "error", f"topic {contract.topic}",
            f"is not the topic that the landing file was filled from (generation {stored.epoch}): "
            + ", ".join(differences),
            "check KAFKA_BOOTSTRAP_SERVERS; if the topic was made anew on purpose, go on with "
            f"`penstock ingest drain {contract.stream} --new-epoch`",
        )
    ]  # fmt: skip


def _positions(contract: Contract, state: TopicState, stored: Mapping[int, int]) -> Iterator[Finding]:
    """Per partition: the lag, in offsets, or why the stored offset cannot be gone on from."""
    behind = False
    for partition in sorted(state.end.keys() | stored.keys()):
        where = f"topic {contract.topic}, partition {partition}"
        if partition not in state.end:
            yield Finding(
                "error", where, "the landing file has offsets of this partition, the topic does not have it",
                "check KAFKA_BOOTSTRAP_SERVERS; was the topic made anew?",
            )  # fmt: skip
            continue
        first, end = state.first[partition], state.end[partition]
        at = stored.get(partition, first)
        if at < first:
            yield Finding(
                "error", where, f"the offsets {at} to {first - 1} were removed before they were read",
                "bring the events back (a backup, a mirror), or go on without them and record the gap: "
                f"`penstock ingest drain {contract.stream} --accept-gap`",
            )  # fmt: skip
        elif at > end:
            yield Finding(
                "error", where, f"ends at offset {end}, though {at} is the next to land: the log was cut off",
                "check KAFKA_BOOTSTRAP_SERVERS; if the broker lost these events for good, go on with what it "
                f"holds now, as a new generation: `penstock ingest drain {contract.stream} --new-epoch`",
            )  # fmt: skip
        if end > at:
            behind = True
            yield Finding(
                "info", where, f"lag {end - at}: next offset {at}, committed end {end}",
                f"`penstock ingest drain {contract.stream}`, if no consumer follows",
            )  # fmt: skip
    if not behind:
        yield Finding("info", f"topic {contract.topic}", "no lag")
