"""Records of decompressed batches found by machine code: one walk from record to record.

The optional extra `compiled` (numba). `record_batches` says what a record is made of, and reads what this
refuses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def walk_records(octets: Any, batch_ends: Any, counts: Any, found: Any) -> bool:
    """Write to `found`, shape (9, records), what `record_batches.Records` holds, in its order: False where
    the records of a batch do not fill it, or one is broken."""
    at = row = 0
    for batch in range(len(counts)):
        for _ in range(counts[batch]):
            length, begin = _varint(octets, at, batch_ends[batch])
            end = begin + length
            if begin < 0 or length < 0 or end > batch_ends[batch]:
                return False
            _, at = _varint(octets, begin, end)  # attributes, which are not used
            found[0, row], at = _varint(octets, at, end)
            found[1, row], at = _varint(octets, at, end)
            for n in (2, 4):
                size, at = _varint(octets, at, end)
                if at < 0 or size > end - at:
                    return False
                found[n, row], found[n + 1, row] = size, at
                at += max(size, 0)
            found[6, row], at = _varint(octets, at, end)
            if at < 0 or (found[6, row] == 0 and at != end):
                return False
            found[7, row], found[8, row] = at, end
            at = end
            row += 1
        if at != batch_ends[batch]:
            return False
    return True


@njit(nogil=True, cache=True)
def _varint(octets: Any, at: int, end: int) -> Any:
    """The zigzag varint at a place, and the place behind it; -1 where none of 64 bits ends before `end`, or
    the place is -1."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while 0 <= at < end and shift < 64:
        octet = np.uint64(octets[at])
        at += 1
        value |= (octet & np.uint64(0x7F)) << shift
        if octet < 0x80:
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at
        shift += np.uint64(7)
    return 0, -1
