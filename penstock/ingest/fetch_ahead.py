"""While one batch lands, the next is judged, and the one after it is fetched and read.

Threads can share this work, for NumPy and DuckDB do most of theirs without Python's lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from penstock.ingest.consume import has_passed
from penstock.ingest.fetch import Fetch
from penstock.ingest.judge import open_judge
from penstock.ingest.judgement import Judgement
from penstock.ingest.landing import Batch
from penstock.ingest.readers import readers_for

_READERS = 2  # threads: NumPy alone takes longer over a batch than DuckDB
_KEPT = 31 * 2**20  # bytes

Fetched = tuple[Batch, list[Future[pa.RecordBatch]]]  # with its plain events, as they are read


@contextmanager
def fetched_ahead(
    fetch: Fetch, judgement: Judgement, *, linger: float, until: Mapping[int, int]
) -> Iterator[Iterator[Batch]]:
    """All batches up to `until`, judged; no more than the next two come meanwhile.

    An error of the fetch is raised when its batch is asked for. Leaving the block ends the fetch.
    """
    _keep_freed_memory()
    readers = readers_for(sum(until.values()) - sum(fetch.positions().values()))
    with (
        open_judge(judgement, readers) as judge,
        ThreadPoolExecutor(1, "fetch") as fetching,
        ThreadPoolExecutor(_READERS, "read") as reading,
        ThreadPoolExecutor(1, "judge") as judging,
    ):

        def fetched() -> Fetched:
            batch = fetch.batch(linger=linger, until=until, read=readers.records)
            return batch, [reading.submit(judge.read, chunk) for chunk in batch.events.to_batches()]

        def judged(coming: Future[Fetched]) -> tuple[Batch, Future[Fetched] | None]:
            """The batch that comes, judged, and the one after it, if there is one."""
            batch, plain = coming.result()
            after = None if has_passed(fetch.fetched(), until) else fetching.submit(fetched)
            return batch.judged_by(judge, (chunk.result() for chunk in plain)), after

        def batches() -> Iterator[Batch]:
            coming = judging.submit(judged, fetching.submit(fetched))
            while True:
                batch, after = coming.result()
                if after is not None:
                    coming = judging.submit(judged, after)
                yield batch
                if after is None:
                    return

        try:
            yield batches()
        finally:
            fetch.stop()


def _keep_freed_memory() -> None:
    """Let this process use again what it has freed. glibc gives large blocks back to the system, which makes
    each page of the next one anew, until a block of this size has been freed; then it keeps twice as much
    (mallopt(3), "dynamic mmap threshold"). Elsewhere nothing happens."""
    np.empty(_KEPT, np.uint8)
