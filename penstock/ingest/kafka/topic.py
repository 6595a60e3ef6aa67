"""What the broker says of a topic: who it is, its partitions, and where each begins and ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError, for_code

from penstock.core.bootstrap_servers import checked_servers
from penstock.core.errors import BrokerError
from penstock.ingest.kafka.header_names import read_any_header_name

_ANSWER_WITHIN = 15_000  # milliseconds; a broker that is there answers in far less
_REACHABLE = "check that KAFKA_BOOTSTRAP_SERVERS names a running Kafka broker that this machine can reach"
_PAUSE = 0.1  # seconds until the client is asked again for partitions that it does not know yet


class NoSuchTopic(BrokerError):
    """The broker answers, and does not have the topic."""


@dataclass(frozen=True)
class Topic:
    """A topic's identity: a topic made anew under the same name has another `topic_id`."""

    name: str
    topic_id: str
    cluster_id: str
    partitions: tuple[int, ...]


def describe_topic(bootstrap_servers: str | None, name: str, *, within_ms: int = _ANSWER_WITHIN) -> Topic:
    """Ask the broker. Raises BrokerError: no address, no answer `within` milliseconds; NoSuchTopic."""
    servers = required_servers(bootstrap_servers)
    with broker_errors(servers):
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=servers, bootstrap_timeout_ms=within_ms, request_timeout_ms=_ANSWER_WITHIN
            )
        except KafkaTimeoutError as exc:
            raise BrokerError(
                f"Kafka at {servers}: no answer within {within_ms / 1000:g} s ({exc})", fix=_REACHABLE
            ) from exc
        try:
            cluster = admin.describe_cluster()
            (topic,) = admin.describe_topics([name])
        finally:
            admin.close()
    error = for_code(topic["error_code"])
    if error is UnknownTopicOrPartitionError:
        raise NoSuchTopic(
            f"topic {name}: the broker {servers} has no such topic",
            fix="make the topic, or correct the contract's physicalName",
        )
    if topic["error_code"]:
        raise BrokerError(f"topic {name}: {error.__name__} from {servers}")
    partitions = tuple(sorted(partition["partition_index"] for partition in topic["partitions"]))
    return Topic(name, str(topic["topic_id"]), str(cluster["cluster_id"]), partitions)


def required_servers(bootstrap_servers: str | None) -> str:
    """The addresses. Raises BrokerError where there are none, SettingError where they are no addresses."""
    if bootstrap_servers is None:
        raise BrokerError(
            "no broker is named: KAFKA_BOOTSTRAP_SERVERS is not set",
            fix="export KAFKA_BOOTSTRAP_SERVERS=host:port",
        )
    return checked_servers(bootstrap_servers)


def open_consumer(bootstrap_servers: str | None, *, group_id: str | None) -> KafkaConsumer:
    """A consumer of committed events that takes its positions from us alone; without a group no lag tool sees
    it. Raises BrokerError."""
    servers = required_servers(bootstrap_servers)
    read_any_header_name()
    with broker_errors(servers):
        return KafkaConsumer(
            bootstrap_servers=servers,
            group_id=group_id,
            enable_auto_commit=False,
            auto_offset_reset="none",  # lost offsets must be loud
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            max_poll_records=50_000,
            retry_backoff_ms=5,  # `poll` sleeps so long where a response comes just as it looks for one
            bootstrap_timeout_ms=_ANSWER_WITHIN,
            request_timeout_ms=_ANSWER_WITHIN,
        )


def end_offsets(consumer: KafkaConsumer, topic: Topic) -> dict[int, int]:
    """By partition, the offset after the last committed event."""
    return _offsets(consumer.end_offsets, topic)


def beginning_offsets(consumer: KafkaConsumer, topic: Topic) -> dict[int, int]:
    """By partition, the offset of the first event that the topic still holds."""
    return _offsets(consumer.beginning_offsets, topic)


@contextmanager
def broker_errors(servers: str) -> Iterator[None]:
    """Kafka's errors as BrokerError, with the address."""
    try:
        yield
    except (KafkaError, OSError) as exc:
        raise BrokerError(
            f"Kafka at {servers}: {type(exc).__name__}: {exc}",
            fix=_REACHABLE,
        ) from exc


def _offsets(
    ask: Callable[[list[TopicPartition]], dict[TopicPartition, int]], topic: Topic
) -> dict[int, int]:
    """What the client answers for all partitions of the topic, also for new ones: the first question about
    those makes it look for them, and until it has found them it answers with a KeyError."""
    deadline = time.monotonic() + _ANSWER_WITHIN / 1000
    while True:
        try:
            answer = ask([TopicPartition(topic.name, partition) for partition in topic.partitions])
            return {place.partition: offset for place, offset in sorted(answer.items())}
        except KeyError as exc:
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"topic {topic.name}: the broker does not answer about {exc.args[0]}"
                ) from exc
        time.sleep(_PAUSE)
