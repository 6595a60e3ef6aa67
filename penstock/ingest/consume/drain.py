"""`penstock ingest drain`: land all that the topic holds now, then exit.

The end is the read-committed end offset of each partition, asked for at the start: a drain ends though
producers go on. The clock is read before that question, so "complete until" is never too late.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penstock.core.errors import BusyError
from penstock.core.settings import Settings
from penstock.ingest.consume.fetch import OffsetsGone
from penstock.ingest.consume.limits import DEFAULT, Limits
from penstock.ingest.consume.pipeline import fetched_ahead
from penstock.ingest.consume.source import Clock, Source, has_passed, land_batch, open_source
from penstock.ingest.contract.model import Contract
from penstock.ingest.contract.reject_limit import check_rejects
from penstock.ingest.landing.batch import Landed
from penstock.ingest.landing.file import LandingFile, open_landing
from penstock.ingest.landing.gap import Gap
from penstock.ingest.landing.lock import stream_lock
from penstock.ingest.landing.offsets import stored_offsets
from penstock.ingest.landing.sudden_rejects import SuddenRejects, sudden_rejects

_PAUSE = 0.2  # seconds between two looks at a busy stream
_WAIT_FOR_FILE = 30.0  # seconds until a drain looks again whether others landed all meanwhile

OnLanded = Callable[[Landed], None]


@dataclass(frozen=True)
class ReasonCount:
    """How many rejects had this reason. `field` is None for a reason of the event as a whole."""

    field: str | None
    rule: str
    count: int


@dataclass(frozen=True)
class DrainResult:
    """What a drain did. `by_another`: another process consumes the stream, and landed all there was.
    `gaps`: events that the topic no longer held, passed over because the caller accepted that.
    `sudden`: reasons of rejects that the runs before hardly knew."""

    stream: str
    landed: int
    rejected: int
    reasons: tuple[ReasonCount, ...]
    commits: int
    complete_until: dt.datetime | None
    seconds: float
    by_another: bool
    gaps: tuple[Gap, ...] = ()
    sudden: tuple[SuddenRejects, ...] = ()


@dataclass(frozen=True)
class DrainRequest:
    """What to drain: up to `target` (by partition), as of `asked_at`, in the name of a run."""

    contract: Contract
    target: Mapping[int, int]
    asked_at: dt.datetime
    run_id: str
    begin_new_epoch: bool
    accept_gap: bool


def drain(
    settings: Settings,
    contract: Contract,
    *,
    run_id: str,
    clock: Clock,
    begin_new_epoch: bool = False,
    accept_gap: bool = False,
    wait: float = 600.0,
    on_landed: OnLanded = lambda landed: None,
    limits: Limits = DEFAULT,
) -> DrainResult:
    """Land all events up to the topic's end as of now.

    Where another process consumes the stream, wait until what it stores has passed that end, or until it
    stops and this one can go on; after `wait` seconds BusyError names it.
    Raises BrokerError and LandingError; TooManyRejects once all has landed.
    """
    began = time.monotonic()
    tally = _Tally()
    with open_source(settings, contract, limits) as source:
        asked_at = clock()
        request = DrainRequest(contract, source.end_offsets(), asked_at, run_id, begin_new_epoch, accept_gap)
        while True:
            try:
                with stream_lock(settings, contract, what="drain"):
                    complete_until = _drain_alone(source, request, clock, tally, on_landed, wait)
                return tally.result(contract.stream, complete_until, time.monotonic() - began)
            except BusyError:
                if has_passed(stored_offsets(settings, contract, source.topic.topic_id), request.target):
                    return tally.result(contract.stream, None, time.monotonic() - began, by_another=True)
                if time.monotonic() - began > wait:
                    raise
            time.sleep(_PAUSE)


def _drain_alone(
    source: Source, request: DrainRequest, clock: Clock, tally: _Tally, on_landed: OnLanded, wait: float
) -> dt.datetime:
    with open_landing(source.settings, request.contract, wait=min(wait, _WAIT_FOR_FILE)) as landing:
        epoch = source.epoch(landing, clock=clock, begin_new=request.begin_new_epoch)
        arrived = False
        while not arrived:
            try:
                arrived = _drain_in_one_go(source, landing, epoch, request, clock, tally, on_landed)
            except OffsetsGone as gone:
                source.explain(gone, landing, clock=clock)
        complete_until = landing.complete_until(request.asked_at)
        if tally.rejected:
            tally.sudden = sudden_rejects(landing.connection, request.run_id)
        check_rejects(
            landing.connection, request.contract.stream, request.contract.reject_limit, request.run_id
        )
        return complete_until


def _drain_in_one_go(
    source: Source,
    landing: LandingFile,
    epoch: int,
    request: DrainRequest,
    clock: Clock,
    tally: _Tally,
    on_landed: OnLanded,
) -> bool:
    """Land batch after batch up to the target; False when another consumer came between.
    Raises OffsetsGone."""
    tally.gaps += source.settle_gaps(
        landing,
        epoch,
        accept=request.accept_gap,
        command=f"penstock ingest drain {request.contract.stream}",
        run_id=request.run_id,
        clock=clock,
    )
    fetch = source.fetch_from(landing, epoch)
    with fetched_ahead(
        fetch, landing.compiled, source.topic_by_now, data=source.settings.data, until=request.target
    ) as batches:
        for batch in batches:
            landed = land_batch(
                source, landing, fetch, batch, epoch=epoch, run_id=request.run_id, clock=clock
            )
            del batch  # its memory is for the next one
            if landed is None:
                return False
            tally.add(landed)
            on_landed(landed)
            if landed.commit is not None and tally.commits % source.limits.commits_per_open == 0:
                landing.file.reopen(wait=_WAIT_FOR_FILE)
    return True


class _Tally:
    def __init__(self) -> None:
        self.landed = self.rejected = self.commits = 0
        self.gaps: tuple[Gap, ...] = ()
        self.sudden: tuple[SuddenRejects, ...] = ()
        self.reasons: Counter[tuple[str | None, str]] = Counter()

    def add(self, landed: Landed) -> None:
        self.landed += landed.landed
        self.rejected += landed.rejected
        self.commits += landed.commit is not None
        self.reasons.update(landed.reasons)

    def result(
        self, stream: str, complete_until: dt.datetime | None, seconds: float, *, by_another: bool = False
    ) -> DrainResult:
        return DrainResult(
            stream=stream,
            landed=self.landed,
            rejected=self.rejected,
            reasons=tuple(
                ReasonCount(field, rule, count) for (field, rule), count in self.reasons.most_common()
            ),
            commits=self.commits,
            complete_until=complete_until,
            seconds=round(seconds, 3),
            by_another=by_another,
            gaps=self.gaps,
            sudden=self.sudden,
        )


def wait_until_landed(settings: Settings, contract: Contract, *, clock: Clock, wait: float) -> DrainResult:
    """Consume nothing; wait until the stream's own consumer has landed all up to the topic's end as of now.

    Raises BusyError after `wait` seconds without that, and BrokerError.
    """
    began = time.monotonic()
    with open_source(settings, contract) as source:
        asked_at = clock()
        target = source.end_offsets()
        while True:
            stored = stored_offsets(settings, contract, source.topic.topic_id)
            if has_passed(stored, target):
                return _Tally().result(contract.stream, asked_at, time.monotonic() - began, by_another=True)
            if time.monotonic() - began > wait:
                raise BusyError(
                    f"stream {contract.stream}: after {wait:g} s the landing file is at {stored}, "
                    f"the topic at {target}",
                    fix=f"is `penstock ingest follow {contract.stream}` running?",
                )
            time.sleep(_PAUSE)
