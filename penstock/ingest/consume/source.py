"""What drain, follow and wait have in common: one consumer per stream, and one step of landing."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaConsumer

from penstock.core.errors import BrokerError
from penstock.core.kill_point import kill_point
from penstock.core.settings import Settings
from penstock.ingest.consume.fetch import Fetch, OffsetsGone
from penstock.ingest.consume.gap import cut_error, find_cuts, find_gaps, gap_error, regrown_error
from penstock.ingest.consume.limits import DEFAULT, Limits
from penstock.ingest.contract.model import Contract
from penstock.ingest.kafka.topic import (
    Topic,
    beginning_offsets,
    broker_errors,
    describe_topic,
    end_offsets,
    open_consumer,
)
from penstock.ingest.landing.batch import NOTHING, Batch, Landed
from penstock.ingest.landing.file import LandingFile
from penstock.ingest.landing.gap import Gap
from penstock.ingest.landing.offsets import OffsetConflict

_log = logging.getLogger(__name__)

Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    """The machine's clock, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass
class Source:
    """A topic and an open consumer of it."""

    settings: Settings
    topic: Topic
    consumer: KafkaConsumer
    limits: Limits = DEFAULT

    def end_offsets(self) -> dict[int, int]:
        """By partition, the read-committed end as of now. Raises BrokerError."""
        with broker_errors(self.settings.bootstrap_servers or ""):
            return end_offsets(self.consumer, self.topic)

    def epoch(
        self, landing: LandingFile, *, clock: Clock, begin_new: bool = False, command: str | None = None
    ) -> int:
        """The number of this generation of the topic in the landing file (column `epoch`).

        Raises LandingError where the file was filled from another topic or cluster, or where the topic's log
        was cut off before what was read; with `begin_new` that begins a new one instead. `command` is what
        goes on with the option `--new-epoch` (default: drain).
        """
        command = command or f"penstock ingest drain {landing.compiled.contract.stream}"
        cluster_id, topic_id = self.topic.cluster_id, self.topic.topic_id
        epoch = landing.epoch(cluster_id, topic_id, now=clock(), begin_new=begin_new, command=command)
        stored = landing.next_offsets(epoch)
        cuts = find_cuts(stored, self.end_offsets())
        if not cuts:
            return epoch
        if not begin_new:
            raise cut_error(self.topic.name, stored, cuts, command=command)
        return landing.begin_epoch(cluster_id, topic_id, now=clock())

    def topic_by_now(self) -> Topic:
        """Which topic the name leads to. Raises BrokerError."""
        return describe_topic(
            self.settings.bootstrap_servers, self.topic.name, within_ms=self.limits.topic_answer_ms
        )

    def verify_topic(self, landing: LandingFile, *, clock: Clock, topic: Topic | None = None) -> None:
        """Raise LandingError where the name leads to another topic by now (or led, when it was asked for
        `topic`): Kafka serves events by name, so these could be another topic's."""
        topic = topic or self.topic_by_now()
        landing.epoch(topic.cluster_id, topic.topic_id, now=clock())

    def explain(self, gone: OffsetsGone, landing: LandingFile, *, clock: Clock) -> None:
        """Raise LandingError for the reason why the topic no longer has the next offset: it is another topic,
        or its log was cut off. Nothing is raised where a gap is the reason: `settle_gaps` names it. A broker
        that gives no reason is a BrokerError."""
        self.verify_topic(landing, clock=clock)
        epoch = self.epoch(landing, clock=clock)
        stored = landing.next_offsets(epoch)
        if gone.cut:
            raise regrown_error(self.topic.name, stored, gone.cut)
        servers = self.settings.bootstrap_servers or ""
        with broker_errors(servers):
            gaps = find_gaps(stored, beginning_offsets(self.consumer, self.topic))
        if not gaps:
            raise BrokerError(
                f"topic {self.topic.name} at {servers}: it says that it does not have the next events, at "
                f"{stored}, though these lie between its beginning and its end",
                fix="look at the broker's health and log, then run again: nothing is lost",
            )

    def settle_gaps(
        self, landing: LandingFile, epoch: int, *, accept: bool, command: str, run_id: str, clock: Clock
    ) -> tuple[Gap, ...]:
        """See that the topic still has all that comes next. Gaps that are accepted are recorded in the file,
        and its offsets move behind them; they are returned.

        Raises BrokerError, and LandingError, which names each gap, where gaps are not accepted. `command` is
        what goes on with the option `--accept-gap`.
        """
        while True:
            with broker_errors(self.settings.bootstrap_servers or ""):
                first = beginning_offsets(self.consumer, self.topic)
            gaps = find_gaps(landing.next_offsets(epoch), first)
            if gaps and not accept:
                raise gap_error(self.topic.name, gaps, command=command)
            try:
                landing.record_gaps(gaps, epoch=epoch, run_id=run_id, now=clock())
            except OffsetConflict as conflict:
                _log.info("another consumer was first: %s", conflict)
                continue
            for gap in gaps:
                _log.warning("%s; the gap is accepted and recorded", gap.described(self.topic.name))
            return gaps

    def fetch_from(self, landing: LandingFile, epoch: int) -> Fetch:
        """A fetch from the offsets that the landing file holds; of a partition without one, from its
        beginning. Raises BrokerError."""
        servers = self.settings.bootstrap_servers or ""
        stored = landing.next_offsets(epoch)
        with broker_errors(servers):
            first = beginning_offsets(self.consumer, self.topic)
            fetch = Fetch(self.consumer, self.topic, servers, self.limits)
            fetch.start({**first, **stored}, stored)
        return fetch


@contextmanager
def open_source(settings: Settings, contract: Contract, limits: Limits = DEFAULT) -> Iterator[Source]:
    """Connect to the contract's topic. Raises BrokerError."""
    topic = describe_topic(settings.bootstrap_servers, contract.topic)
    group_id = f"penstock-{settings.environment}-{contract.stream}"
    consumer = open_consumer(settings.bootstrap_servers, group_id=group_id)
    try:
        yield Source(settings, topic, consumer, limits)
    finally:
        consumer.close(autocommit=False)


def land_batch(
    source: Source, landing: LandingFile, fetch: Fetch, batch: Batch, *, epoch: int, run_id: str, clock: Clock
) -> Landed | None:
    """Land one batch, then commit Kafka's group offsets. None: another consumer was first, fetch anew.

    Raises BrokerError and LandingError."""
    if not batch.ends:
        return NOTHING
    source.verify_topic(landing, clock=clock, topic=batch.topic)
    try:
        landed = landing.land(batch, epoch=epoch, run_id=run_id, now=clock())
    except OffsetConflict as conflict:
        _log.info("another consumer was first: %s", conflict)
        return None
    fetch.took(batch)
    fetch.commit_group(batch.ends)
    kill_point("ingest.group_committed")
    return landed


def has_passed(stored: Mapping[int, int] | None, target: Mapping[int, int]) -> bool:
    """Have the stored offsets reached the target in every partition? Unknown offsets have not."""
    return stored is not None and all(stored.get(partition, 0) >= end for partition, end in target.items())
