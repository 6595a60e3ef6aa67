"""Who reads the bytes of records and events: NumPy, or machine code, which is the extra `compiled`."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from penstock.ingest.record_batches import ReadRecords, read_records
from penstock.ingest.short_way import ReadEvents, read_events

_WORTH_IT = 2_000_000  # events: fewer are read by NumPy in the time in which numba is loaded


@dataclass(frozen=True)
class Readers:
    """Both give the same rows; one is faster."""

    name: str
    records: ReadRecords
    events: ReadEvents


BY_NUMPY = Readers("NumPy", read_records, read_events)


def readers_for(events: int) -> Readers:
    """Who should read so many events."""
    if events < _WORTH_IT or importlib.util.find_spec("numba") is None:
        return BY_NUMPY
    return compiled_readers()


def compiled_readers() -> Readers:
    """Machine code, made by numba when it is first called; it is kept on disk. Raises ImportError where the
    extra `compiled` is not installed."""
    from penstock.ingest.compiled import load, read_events_compiled, read_records_compiled

    load()
    return Readers("numba", read_records_compiled, read_events_compiled)
