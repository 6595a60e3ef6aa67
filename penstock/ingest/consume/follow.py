"""`penstock ingest follow`: land events as they come, until stopped.

The landing file is held only while a batch, checked before, is written, so that dbt and people get in; while
one of them holds it, the batch waits and Kafka buffers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from penstock.core.errors import BrokerError, BusyError
from penstock.core.settings import Settings
from penstock.ingest.check.checker import Checker, open_checker
from penstock.ingest.check.compiler import compile_contract
from penstock.ingest.check.tombstones import TOMBSTONE
from penstock.ingest.consume.fetch import OffsetsGone
from penstock.ingest.consume.limits import DEFAULT, Limits
from penstock.ingest.consume.source import Clock, Source, has_passed, land_batch, open_source
from penstock.ingest.contract.model import Contract
from penstock.ingest.kafka.topic import describe_topic
from penstock.ingest.landing.batch import Landed
from penstock.ingest.landing.file import LandingFile, open_landing
from penstock.ingest.landing.gap import Gap
from penstock.ingest.landing.lock import stream_lock
from penstock.ingest.parse.fast_path import load

_TELL_COMPLETE = 15.0  # seconds between two writes of "complete until" while nothing comes
_WAIT_FOR_FILE = 5.0  # seconds until a held landing file is worth a word in the log

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FollowResult:
    """What a follow landed from its start to its stop. `tombstones`: how many of `rejected` are some."""

    stream: str
    landed: int
    rejected: int
    commits: int
    gaps: tuple[Gap, ...] = ()
    tombstones: int = 0


def follow(
    settings: Settings,
    contract: Contract,
    *,
    run_id: str,
    clock: Clock,
    stop: threading.Event,
    accept_gap: bool = False,
    limits: Limits = DEFAULT,
) -> FollowResult:
    """Land events as they come until `stop` is set; then drop the open batch (Kafka still has it).

    Raises BusyError (another process consumes the stream), BrokerError, LandingError.
    """
    result = FollowResult(contract.stream, 0, 0, 0)
    with (
        stream_lock(settings, contract, what="follow"),
        open_source(settings, contract, limits) as source,
        open_checker(compile_contract(contract)) as checker,
    ):
        try:
            while not stop.is_set():
                for landed in _follow_same_topic(source, contract, checker, run_id, clock, stop, accept_gap):
                    if isinstance(landed, Gap):
                        result = replace(result, gaps=(*result.gaps, landed))
                        continue
                    result = replace(
                        result,
                        landed=result.landed + landed.landed,
                        rejected=result.rejected + landed.rejected,
                        commits=result.commits + (landed.commit is not None),
                        tombstones=result.tombstones + landed.reasons.get((None, TOMBSTONE), 0),
                    )
                if not stop.is_set():
                    source.topic = describe_topic(settings.bootstrap_servers, contract.topic)
        except BrokerError:
            if not stop.is_set():  # who is asked to stop needs no broker any more
                raise
    return result


def _follow_same_topic(
    source: Source,
    contract: Contract,
    checker: Checker,
    run_id: str,
    clock: Clock,
    stop: threading.Event,
    accept_gap: bool,
) -> Iterator[Landed | Gap]:
    """Until the topic should be looked at again, no longer has what comes next, or another consumer came
    between."""
    with _file(source.settings, contract, stop) as landing:
        if landing is None:
            return
        epoch = source.epoch(landing, clock=clock)
        gaps = source.settle_gaps(
            landing,
            epoch,
            accept=accept_gap,
            command=f"penstock ingest follow {contract.stream}",
            run_id=run_id,
            clock=clock,
        )
        fetch = source.fetch_from(landing, epoch)
    yield from gaps
    look_again = time.monotonic() + source.limits.look_at_topic_s
    tell_again = 0.0
    while not stop.is_set() and time.monotonic() < look_again:
        asked_at, target = None, None
        if time.monotonic() >= tell_again:
            asked_at, target = clock(), source.end_offsets()
            tell_again = time.monotonic() + _TELL_COMPLETE
        try:
            batch = fetch.batch(linger_s=source.limits.follow_linger_s)
            if batch.events.num_rows >= source.limits.fast_follow_events and not checker.fast:
                load(source.settings.data)
                checker.fast = True
                fetch.whole_batches()
            batch = batch.checked_by(checker)
        except OffsetsGone as gone:
            with _file(source.settings, contract, stop) as landing:
                if landing is not None:
                    source.explain(gone, landing, clock=clock)
            return
        if not batch.ends and target is None:
            continue
        with _file(source.settings, contract, stop) as landing:
            if landing is None:
                return
            landed = land_batch(source, landing, fetch, batch, epoch=epoch, run_id=run_id, clock=clock)
            if landed is None:
                return
            if asked_at is not None and target is not None and has_passed(fetch.landed(), target):
                landing.complete_until(asked_at)
        yield landed


@contextmanager
def _file(settings: Settings, contract: Contract, stop: threading.Event) -> Iterator[LandingFile | None]:
    """The landing file, waited for as long as it takes; None when `stop` was set meanwhile."""
    while True:
        try:
            opened = open_landing(settings, contract, wait=_WAIT_FOR_FILE)
            landing = opened.__enter__()
            break
        except BusyError as busy:
            _log.warning("%s; events wait in Kafka meanwhile", busy.message)
            if stop.is_set():
                yield None
                return
    try:
        yield landing
    finally:
        opened.__exit__(None, None, None)
