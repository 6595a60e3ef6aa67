"""While one batch lands, the next is checked, and the one after it is fetched and read.

Threads can share this work, for they do most of theirs without Python's lock. One reads what it has fetched,
while that is in its processor's cache: with another thread for the reading, both wait for the lock again and
again, and land no sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from penstock.ingest.check.checker import open_checker
from penstock.ingest.check.compiler import CompiledContract
from penstock.ingest.consume.fetch import Fetch
from penstock.ingest.consume.source import has_passed
from penstock.ingest.kafka.topic import Topic
from penstock.ingest.landing.batch import Batch
from penstock.ingest.parse.fast_path import load

_KEPT = 31 * 2**20  # bytes


@contextmanager
def fetched_ahead(
    fetch: Fetch,
    compiled: CompiledContract,
    topic_by_now: Callable[[], Topic],
    *,
    data: Path,
    until: Mapping[int, int],
) -> Iterator[Iterator[Batch]]:
    """All batches up to `until`, checked, each with the topic as of then; no more than the next two come
    meanwhile.

    An error of the fetch is raised when its batch is asked for. Leaving the block ends the fetch.
    """
    _keep_freed_memory()
    fast = sum(until.values()) - sum(fetch.positions().values()) >= fetch.limits.fast_drain_events
    if fast:
        load(data)
        fetch.whole_batches()
    with (
        open_checker(compiled, fast=fast) as checker,
        ThreadPoolExecutor(1, "fetch") as fetching,
        ThreadPoolExecutor(1, "check") as checking,
    ):

        def fetched() -> Future[Batch]:
            """The next batch, read; as it is checked."""
            parsed: list[pa.RecordBatch] = []
            batch = fetch.batch(
                linger_s=fetch.limits.drain_linger_s,
                until=until,
                on_chunk=lambda chunk: parsed.append(checker.read(chunk)),
            )
            return checking.submit(lambda: replace(batch.checked_by(checker, parsed), topic=topic_by_now()))

        def batches() -> Iterator[Batch]:
            coming: Future[Future[Batch]] | None = fetching.submit(fetched)
            while coming is not None:
                checked = coming.result()
                coming = None if has_passed(fetch.fetched(), until) else fetching.submit(fetched)
                yield checked.result()
                del checked  # a batch that has landed gives its memory to the one that comes

        try:
            yield batches()
        finally:
            fetch.stop()


def _keep_freed_memory() -> None:
    """Let this process use again what it has freed. glibc gives large blocks back to the system, which makes
    each page of the next one anew, until a block of this size has been freed; then it keeps twice as much
    (mallopt(3), "dynamic mmap threshold"). Elsewhere nothing happens."""
    np.empty(_KEPT, np.uint8)
