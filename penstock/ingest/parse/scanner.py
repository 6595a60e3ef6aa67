"""One walk over each event, whatever its shape: typed values of the contract's fields, the rest as text.

Compiled by numba. Keys may come in any order, with any white space, escapes, and fields that the contract
does not name. What the walk does not take (a wrong type, a key twice, a number of too many digits) it leaves
to the contract's SQL, which knows why: of an event, all or nothing is taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from penstock.ingest.decode.arrow_bytes import INLINE, Flags, Words
from penstock.ingest.decode.compiled import compiled
from penstock.ingest.decode.memory import byte_at, int_at, put_byte, put_word, word_at
from penstock.ingest.parse.field_plan import (
    AFTER,
    BOOLEAN,
    DECIMAL,
    HIGHEST,
    INTEGER,
    IS_LOCAL,
    KEY_SIZE,
    KIND,
    LOWEST,
    MAY_BE_LOCAL,
    MISSING,
    NOTED,
    REQUIRED,
    ROW,
    SCALE,
    SEEN,
    SLACK,
    STRING,
    TIMESTAMP,
    USED,
    UUID,
    VALUES,
)
from penstock.ingest.parse.keys import field_of, hash_of, is_key, is_new
from penstock.ingest.parse.strings import close_of, copy_string, is_utf8
from penstock.ingest.parse.tokens import CLOSE, COLON, COMMA, FALSE, FIVE, NULL, OPEN, TRUE, skip_space
from penstock.ingest.parse.unknown import copy_key, copy_value
from penstock.ingest.parse.values import NO_DAY, day, decimal, instant, integer, uuid
from penstock.ingest.parse.words import FOUR, QUOTE, U, low_bytes


class Columns(NamedTuple):
    """By event: was it taken, and the view of its other fields' text (`has_unknown`: has it any)."""

    is_taken: Flags
    unknown: Words
    has_unknown: Flags


@compiled
def scan(
    raw: Any, at: Any, length: Any, longest: int, plan: Any, slots: Any, columns: Any, scratch: Any
) -> None:
    """Read events, each of them at `raw[at : at + length]`, into columns; `raw` end with PADDING. One
    of more than `longest` bytes is not taken.

    `plan`: shape (1 + fields, PLANNED); row 0 stands for the begin of an event. `slots`: the field of a key
    (its row in `plan`), at the key's hash or behind; 0: none. `scratch` takes texts that are not as they were
    sent, twice what all events have and twice SLACK for each. In rows that are not taken, each column holds a
    value that fits it.
    """
    begin, out, its_plan = raw.ctypes.data, scratch.ctypes.data, plan.ctypes.data
    noted = np.zeros(NOTED, np.int64)
    used = 0
    for row in range(len(at)):
        taken = -1
        if 2 <= length[row] <= longest:
            taken = _event(
                row, begin, begin + at[row], length[row], out, used, its_plan, len(plan),
                slots.ctypes.data, noted.ctypes.data, columns.unknown.ctypes.data,
            )  # fmt: skip
        columns.is_taken[row] = taken >= 0
        columns.has_unknown[row] = taken >= 0 and int_at(noted.ctypes.data + USED) > 0
        if taken >= 0:
            used = taken
        else:
            _clear(row, its_plan, len(plan))


@compiled
def _clear(row: int, plan: int, rows: int) -> None:
    """Let each column hold something that is valid."""
    for field in range(1, rows):
        known = plan + ROW * field
        to = int_at(known + 8 * VALUES)
        if is_wide(int_at(known + 8 * KIND)):
            put_word(to + 16 * row, U(0))
            put_word(to + 16 * row + 8, U(0))
        else:
            put_word(to + 8 * row, U(0))


@compiled
def is_wide(kind: int) -> bool:
    """Does a value of this kind take two words?"""
    return kind in (STRING, UUID, DECIMAL)


@compiled
def _event(
    row: int, begin: int, start: int, length: int, out: int, used: int,
    plan: int, rows: int, slots: int, noted: int, unknowns: int,
) -> int:  # fmt: skip
    """Read one event; how many bytes of `out` are used then, or -1 where it is not taken."""
    stamp, end = row + 1, start + length
    put_word(noted + USED, U(0))
    here = skip_space(start, end)
    if byte_at(here) != OPEN:
        return -1
    here = skip_space(here + 1, end)
    previous, found = plan, 0
    # Where the next text goes, and where that of other fields does: behind all that the event's texts can be.
    text, unknown = out + used, out + used + length + SLACK
    unknown_from = unknown
    if byte_at(here) == CLOSE:
        here += 1
    else:
        while True:
            if byte_at(here) != QUOTE or here >= end:
                return -1
            key = here + 1
            field = int_at(previous + 8 * AFTER)
            if field != 0 and key + int_at(field + 8 * KEY_SIZE) < end and is_key(field, key):
                here = key + int_at(field + 8 * KEY_SIZE)
            else:
                here, high = close_of(key, end)
                if here < 0 or (high != U(0) and not is_utf8(key, here)):
                    return -1
                field = field_of(key, here - key, plan, slots)
                if field != 0:
                    put_word(previous + 8 * AFTER, U(field))
            size = here - key
            here = skip_space(here + 1, end)
            if byte_at(here) != COLON:
                return -1
            here = skip_space(here + 1, end)
            if field != 0:
                if int_at(field + 8 * SEEN) == stamp:
                    return -1
                put_word(field + 8 * SEEN, U(stamp))
                previous = field
                found += 1
                here, text = _value(here, end, field, row, begin, out, text)
            else:
                if not is_new(hash_of(key, size), stamp, noted):
                    return -1
                put_byte(unknown, OPEN if unknown == unknown_from else COMMA)
                unknown = copy_key(key, size, unknown + 1)
                here, unknown = copy_value(here, end, unknown, stamp, noted)
            if here < 0:
                return -1
            here = skip_space(here, end)
            byte = byte_at(here)
            here += 1
            if byte == CLOSE:
                break
            if byte != COMMA:
                return -1
            here = skip_space(here, end)
    if skip_space(here, end) != end:
        return -1
    if found < rows - 1 and not _may_miss(row, stamp, plan, rows):
        return -1
    if unknown == unknown_from:
        return text - out
    put_byte(unknown, CLOSE)
    _view(unknown_from, unknown + 1 - unknown_from, unknown_from - out, 0, unknowns + 16 * row)
    return unknown + 1 - out


@compiled
def _may_miss(row: int, stamp: int, plan: int, rows: int) -> bool:
    """Note the fields that an event does not have. False where it must have one of them."""
    for field in range(plan + ROW, plan + ROW * rows, ROW):
        if int_at(field + 8 * SEEN) != stamp:
            if int_at(field + 8 * REQUIRED):
                return False
            put_byte(int_at(field + 8 * MISSING) + row, 1)
    return True


@compiled
def _value(here: int, end: int, field: int, row: int, begin: int, out: int, text: int) -> Any:
    """Read a field's value; the place behind it (-1: it is not taken), and where the next text goes."""
    kind, values = int_at(field + 8 * KIND), int_at(field + 8 * VALUES)
    first = word_at(here)
    if first & FOUR == NULL:
        put_byte(int_at(field + 8 * MISSING) + row, 1)
        return (-1 if int_at(field + 8 * REQUIRED) else here + 4), text
    if kind == STRING:
        if first & U(0xFF) != U(QUOTE):
            return -1, text
        close, high = close_of(here + 1, end)
        if close >= 0:
            if high != U(0) and not is_utf8(here + 1, close):
                return -1, text
            _view(here + 1, close - here - 1, here + 1 - begin, 0, values + 16 * row)
            return close + 1, text
        here, to = copy_string(here + 1, end, text, False)
        if here >= 0:
            _view(text, to - text, text - out, 1, values + 16 * row)
        return here, to
    if kind == UUID:
        one, two, fits = uuid(here + 1)
        put_word(values + 16 * row, one)
        put_word(values + 16 * row + 8, two)
        fits = fits and first & U(0xFF) == U(QUOTE) and byte_at(here + 37) == QUOTE
        return (here + 38 if fits else -1), text
    if kind == INTEGER:
        whole, here, fits = integer(here)
        put_word(values + 8 * row, U(whole))
        fits = fits and int_at(field + 8 * LOWEST) <= whole <= int_at(field + 8 * HIGHEST)
        return (here if fits else -1), text
    if kind == DECIMAL:
        exact, here, fits = decimal(here, int_at(field + 8 * HIGHEST), int_at(field + 8 * SCALE))
        put_word(values + 16 * row, U(exact))
        put_word(values + 16 * row + 8, U(exact >> 63))
        return (here if fits else -1), text
    if kind == BOOLEAN:
        is_true = first & FOUR == TRUE
        put_word(values + 8 * row, U(is_true))
        if is_true:
            return here + 4, text
        return (here + 5 if first & FIVE == FALSE else -1), text
    if first & U(0xFF) != U(QUOTE):
        return -1, text
    if kind == TIMESTAMP:
        moment, behind, has_zone, fits = instant(here + 1)
        put_word(values + 8 * row, U(moment))
        put_byte(int_at(field + 8 * IS_LOCAL) + row, np.int64(not has_zone))
        fits = fits and byte_at(behind) == QUOTE and (has_zone or int_at(field + 8 * MAY_BE_LOCAL) != 0)
        return (behind + 1 if fits else -1), text
    of_day = day(word_at(here + 1), word_at(here + 9))
    put_word(values + 8 * row, U(of_day))
    return (here + 12 if of_day != NO_DAY and byte_at(here + 11) == QUOTE else -1), text


@compiled
def _view(at: int, size: int, offset: int, buffer: int, to: int) -> None:
    """Write the text as an Arrow view (as `raw.views`); it lies `offset` bytes into one of its buffers."""
    first = word_at(at)
    if size > INLINE:
        put_word(to, U(size) | (first << U(32)))
        put_word(to + 8, U(buffer) | (U(offset) << U(32)))
        return
    second = (first >> U(32)) | (word_at(at + 8) << U(32))
    if size < 4:
        first &= low_bytes(size)
    if size <= 4:
        second = U(0)
    elif size < INLINE:
        second &= low_bytes(size - 4)
    put_word(to, U(size) | (first << U(32)))
    put_word(to + 8, second)
