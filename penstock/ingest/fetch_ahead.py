"""The next batch is fetched and decoded while this one lands: DuckDB works without Python's lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from penstock.ingest.consume import has_passed
from penstock.ingest.fetch import Fetch
from penstock.ingest.landing import Batch


@contextmanager
def fetched_ahead(fetch: Fetch, *, linger: float, until: Mapping[int, int]) -> Iterator[Iterator[Batch]]:
    """All batches up to `until`; while one is used, the next one comes, and no more than that one.

    An error of the fetch is raised when its batch is asked for. Leaving the block ends the fetch.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="fetch") as thread:

        def batches() -> Iterator[Batch]:
            there = False
            coming = thread.submit(fetch.batch, linger=linger, until=until)
            while not there:
                batch = coming.result()
                there = has_passed(fetch.fetched(), until)
                if not there:
                    coming = thread.submit(fetch.batch, linger=linger, until=until)
                yield batch

        try:
            yield batches()
        finally:
            fetch.stop()
