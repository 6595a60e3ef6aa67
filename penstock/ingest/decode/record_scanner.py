"""Records of decompressed batches: one walk from record to record. Compiled by numba.

`record_batches` says what a record is made of, and what becomes of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ingest.decode.compiled import compiled
from penstock.ingest.decode.memory import byte_at


def load() -> None:
    """Have the machine code loaded from disk, or made."""
    nothing = np.zeros(0, np.int64)
    scan_records(np.zeros(0, np.uint8), nothing, nothing, np.zeros((9, 0), np.int64))


@compiled
def scan_records(raw: Any, batch_ends: Any, counts: Any, found: Any) -> int:
    """Write to `found`, shape (9, records), what `record_batches.Records` holds, in its order. Returns the
    number of a batch whose records do not fill it, or of which one is broken; -1: none."""
    begin = here = raw.ctypes.data
    row = 0
    for batch in range(len(counts)):
        batch_end = begin + batch_ends[batch]
        for _ in range(counts[batch]):
            length, here = _varint(here, batch_end)
            end = here + length
            if here < 0 or length < 0 or end > batch_end:
                return batch
            _, here = _varint(here, end)  # attributes, which are not used
            found[0, row], here = _varint(here, end)
            found[1, row], here = _varint(here, end)
            for n in (2, 4):
                size, here = _varint(here, end)
                if here < 0 or size > end - here:
                    return batch
                found[n, row], found[n + 1, row] = size, here - begin
                here += max(size, 0)
            found[6, row], here = _varint(here, end)
            if here < 0 or (found[6, row] == 0 and here != end):
                return batch
            found[7, row], found[8, row] = here - begin, end - begin
            here = end
            row += 1
        if here != batch_end:
            return batch
    return -1


@compiled
def _varint(at: int, end: int) -> Any:
    """The zigzag varint at an address, and the address behind it; -1 where none of 64 bits ends before `end`,
    or the address is -1."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while 0 <= at < end and shift < 64:
        byte = np.uint64(byte_at(at))
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < 0x80:
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at
        shift += np.uint64(7)
    return 0, -1
