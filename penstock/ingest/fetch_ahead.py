"""While one batch lands, the next is read to typed columns, and the one after it is fetched and decoded.

Threads can share this work, for NumPy and DuckDB do most of theirs without Python's lock.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pyarrow as pa

from penstock.ingest.consume import has_passed
from penstock.ingest.fetch import Fetch
from penstock.ingest.judgement import Judgement
from penstock.ingest.landing import Batch
from penstock.ingest.readers import Readers, readers_for

_READERS = 2  # threads: one alone takes longer over a batch than DuckDB
_KEPT = 31 * 2**20  # bytes


@contextmanager
def fetched_ahead(
    fetch: Fetch, judgement: Judgement, *, linger: float, until: Mapping[int, int]
) -> Iterator[Iterator[Batch]]:
    """All batches up to `until`, their plain events read; no more than the next two come meanwhile.

    An error of the fetch is raised when its batch is asked for. Leaving the block ends the fetch.
    """
    _keep_freed_memory()
    readers = readers_for(sum(until.values()) - sum(fetch.positions().values()))
    with (
        ThreadPoolExecutor(1, "fetch") as fetching,
        ThreadPoolExecutor(_READERS, "read") as reading,
        ThreadPoolExecutor(1, "next") as following,
    ):

        def fetched() -> Future[Batch]:
            return fetching.submit(fetch.batch, linger=linger, until=until, read=readers.records)

        read = functools.partial(read_plain, judgement, readers)

        def follow(coming: Future[Batch]) -> tuple[Batch, Future[Batch] | None]:
            """The batch that comes, read, and the one after it, if there is one."""
            batch = coming.result()
            after = None if has_passed(fetch.fetched(), until) else fetched()
            if batch.events.num_rows:
                plain = list(reading.map(read, batch.events.to_batches()))
                batch = replace(batch, plain=pa.concat_tables(plain))
            return batch, after

        def batches() -> Iterator[Batch]:
            coming = following.submit(follow, fetched())
            while True:
                batch, after = coming.result()
                if after is not None:
                    coming = following.submit(follow, after)
                yield batch
                if after is None:
                    return

        try:
            yield batches()
        finally:
            fetch.stop()


def read_plain(judgement: Judgement, readers: Readers, chunk: pa.RecordBatch) -> pa.Table:
    """The plain events of a chunk as typed columns."""
    return judgement.read_plain(pa.Table.from_batches([chunk]), readers.events).read_all()


def _keep_freed_memory() -> None:
    """Let this process use again what it has freed. glibc gives large blocks back to the system, which makes
    each page of the next one anew, until a block of this size has been freed; then it keeps twice as much
    (mallopt(3), "dynamic mmap threshold"). Elsewhere nothing happens."""
    np.empty(_KEPT, np.uint8)
