"""The limit: our SQL and settings on the same bytes, in Arrow already. Fetching is not on the clock."""

from __future__ import annotations

import time

from bench.json_in_sql import open_landing_in_sql
from bench.turn import Task, Timed
from penstock.core.settings import Settings
from penstock.ingest.consume.source import open_source, utc_now
from penstock.ingest.contract.model import Contract
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing

_LINGER = 5.0  # seconds, as a drain has it


def run(task: Task) -> Timed:
    """Fetch all by our own fetch, in the batches that `drain` would land, then land them."""
    settings, contract = task.settings(), task.contract()
    batches = fetched(settings, contract)
    with open_landing_in_sql(settings, contract) as landing:
        epoch = landing.epoch("bench", "bench", now=utc_now())
        began = time.perf_counter()
        for batch in batches:
            landing.land(batch, epoch=epoch, run_id="bench", now=utc_now())
        committed = time.perf_counter()
    closed = time.perf_counter()
    return Timed(
        seconds=committed - began,
        checkpointed=closed - began,
        database=settings.landing_file(contract.stream),
        table=f"raw.{contract.stream}",
    )


def fetched(settings: Settings, contract: Contract) -> list[Batch]:
    """All of the topic, as `drain` batches it."""
    with open_source(settings, contract) as source, open_landing(settings, contract) as landing:
        epoch = landing.epoch("bench", "bench", now=utc_now())
        target = source.end_offsets()
        fetch = source.fetch_from(landing, epoch)
        batches: list[Batch] = []
        while any(fetch.fetched().get(partition, 0) < end for partition, end in target.items()):
            batches.append(fetch.batch(linger_s=_LINGER, until=target))
        return batches
