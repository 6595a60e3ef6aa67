"""The keys of an event: which field one is of, and whether one comes twice. Compiled by numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ingest.decode.compiled import compiled
from penstock.ingest.decode.memory import byte_at, int_at, put_word, word_at
from penstock.ingest.parse.field_plan import KEY, KEY_SIZE, MOST_KEYS, ROW, SLOTS, STAMPS, USED
from penstock.ingest.parse.words import QUOTE, U, low_bytes

MIX = U(0x9E37_79B9_7F4A_7C15)


@compiled
def fill_slots(plan: Any, slots: Any) -> None:
    """Put each field of `plan` into the slot of its key, or the next one that is free."""
    for field in range(1, len(plan)):
        slot = np.int64(hash_of(plan[field, KEY], plan[field, KEY_SIZE]) & U(SLOTS - 1))
        while slots[slot] != 0:
            slot = (slot + 1) & (SLOTS - 1)
        slots[slot] = field


@compiled
def field_of(at: int, size: int, plan: int, slots: int) -> Any:
    """The field (its row's address) of the key from here on; 0: the contract does not name it."""
    slot = np.int64(hash_of(at, size) & U(SLOTS - 1))
    while int_at(slots + 8 * slot) != 0:
        field = plan + ROW * int_at(slots + 8 * slot)
        if int_at(field + 8 * KEY_SIZE) == size and is_key(field, at):
            return field
        slot = (slot + 1) & (SLOTS - 1)
    return 0


@compiled
def is_key(field: int, at: int) -> Any:
    """Is the key from here on this field's?"""
    size = int_at(field + 8 * KEY_SIZE)
    return byte_at(at + size) == QUOTE and _is_same(at, int_at(field + 8 * KEY), size)


@compiled
def _is_same(at: int, key: int, size: int) -> bool:
    """Are these the same bytes? Behind a key of the contract, zeros fill its last word."""
    for n in range(0, size - 7, 8):
        if word_at(at + n) != word_at(key + n):
            return False
    rest = size & 7
    return bool(rest == 0 or word_at(at + size - rest) & low_bytes(rest) == word_at(key + size - rest))


@compiled
def is_new(hashed: Any, stamp: int, noted: int) -> bool:
    """Note a key of an event. False where it was there before, or the event has too many."""
    count = int_at(noted + USED) + 1
    if count > MOST_KEYS:
        return False
    put_word(noted + USED, U(count))
    slot = np.int64(hashed & U(SLOTS - 1))
    while int_at(noted + STAMPS + 8 * slot) == stamp:
        if word_at(noted + 8 * slot) == hashed:
            return False
        slot = (slot + 1) & (SLOTS - 1)
    put_word(noted + 8 * slot, hashed)
    put_word(noted + STAMPS + 8 * slot, U(stamp))
    return True


@compiled
def hash_of(at: int, size: int) -> Any:
    """A number that equal keys share."""
    mixed = U(size) * MIX
    for n in range(0, size - 7, 8):
        mixed = (mixed ^ word_at(at + n)) * MIX
        mixed ^= mixed >> U(32)
    rest = size & 7
    if rest:
        mixed = (mixed ^ (word_at(at + size - rest) & low_bytes(rest))) * MIX
        mixed ^= mixed >> U(32)
    return mixed
