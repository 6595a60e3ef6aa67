"""While one batch lands, the next is fetched, decoded, and its plain events are read to typed columns.

Threads can share this work, for NumPy and DuckDB do most of theirs without Python's lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from penstock.ingest.consume import has_passed
from penstock.ingest.fetch import Fetch
from penstock.ingest.gathered import Reading
from penstock.ingest.judgement import Judgement
from penstock.ingest.landing import Batch

_READERS = 2  # threads: one alone takes longer over a batch than DuckDB
_KEPT = 31 * 2**20  # bytes


@contextmanager
def fetched_ahead(
    fetch: Fetch, judgement: Judgement, *, linger: float, until: Mapping[int, int]
) -> Iterator[Iterator[Batch]]:
    """All batches up to `until`; while one is used, the next one comes, and no more than that one.

    An error of the fetch is raised when its batch is asked for. Leaving the block ends the fetch.
    """
    _keep_freed_memory()
    with (
        ThreadPoolExecutor(_READERS, "read") as readers,
        ThreadPoolExecutor(1, "fetch") as thread,
    ):
        reading = Reading(readers, judgement)

        def batches() -> Iterator[Batch]:
            there = False
            coming = thread.submit(fetch.batch, linger=linger, until=until, reading=reading)
            while not there:
                batch = coming.result()
                there = has_passed(fetch.fetched(), until)
                if not there:
                    coming = thread.submit(fetch.batch, linger=linger, until=until, reading=reading)
                yield batch

        try:
            yield batches()
        finally:
            fetch.stop()


def _keep_freed_memory() -> None:
    """Let this process use again what it has freed. glibc gives large blocks back to the system, which makes
    each page of the next one anew, until a block of this size has been freed; then it keeps twice as much
    (mallopt(3), "dynamic mmap threshold"). Elsewhere nothing happens."""
    np.empty(_KEPT, np.uint8)
