"""One consumer of a stream at a time, on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.core.pipeline_lock import file_lock
from penstock.core.settings import Settings
from penstock.ingest.contract.model import Contract


@contextmanager
def stream_lock(settings: Settings, contract: Contract, *, what: str, wait: float = 0) -> Iterator[None]:
    """Be the stream's only consumer on this machine. Raises BusyError. (Across machines, the compare-and-set
    of the landing file decides.)"""
    path = settings.ingest_lock_file(contract.stream)
    with file_lock(path, what=f"{what} of stream {contract.stream}", wait=wait):
        yield
