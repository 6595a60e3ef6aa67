"""One walk over each event, whatever its shape: typed values of the contract's fields, the rest as text.

Compiled by numba. Keys may come in any order, with any white space, escapes, and fields that the contract
does not name. What the walk does not take (a wrong type, a key twice, a number of too many digits) it leaves
to the contract's SQL, which knows why: of an event, all or nothing is taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from penstock.ingest.decode.arrow_bytes import Flags, Words, word_of
from penstock.ingest.decode.compiled import compiled, inlined
from penstock.ingest.decode.memory import byte_at, int_at, put_byte, put_word, word_at
from penstock.ingest.parse.strings import close_of, copy_string, is_utf8
from penstock.ingest.parse.values import (
    NO_DAY,
    day,
    decimal,
    instant,
    integer,
    is_digit,
    uuid,
)
from penstock.ingest.parse.words import FOUR, QUOTE, SPACE, U, low_bytes

STRING, UUID, INTEGER, DECIMAL, BOOLEAN, TIMESTAMP, DATE = range(7)
SLOTS = 1024  # of the table of the contract's keys, and of that of an event's other keys
MOST_KEYS = SLOTS // 2  # that the contract does not name, in one event
DEEPEST = 60  # objects and arrays within one another
SLACK = 16  # bytes behind what is written

_COLON, _COMMA, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = b":,{}[]"
_MINUS, _PLUS, _POINT, _ZERO, _EXPONENT = b"-+.0e"
_T, _F, _N = b"tfn"
_TRUE, _FALSE, _NULL = word_of(b"true"), word_of(b"false"), word_of(b"null")
_FIVE = U(0xFF_FFFF_FFFF)
_INLINE = 12  # bytes: a text that is no longer lies in its view
_MIX = U(0x9E37_79B9_7F4A_7C15)
_LONGEST_NUMBER = 40  # bytes, where nothing asks for its value: DuckDB's JSON reads longer ones its own way


# What the walk knows of each field: a row of `plan`, one number a column. Arrays are handed on as addresses.
(
    KIND, REQUIRED, LOWEST, HIGHEST, SCALE, MAY_BE_LOCAL,
    KEY, KEY_SIZE,  # the address of its key, zeros behind it to a whole word; bytes of the key
    VALUES, MISSING, IS_LOCAL,  # addresses: its values, a word for each event or two; its flags, a byte each
    SEEN, AFTER,  # the newest event that has it; the field that came behind it last time (in row 0: first)
    PLANNED,
) = range(14)  # fmt: skip
_ROW = 8 * PLANNED

# Where an event's other keys are noted: by slot a hash, and the event that it is of; how many; by depth, the
# number of the object that is open there.
_STAMPS, _USED = 8 * SLOTS, 16 * SLOTS
_IDS = _USED + 8
_NOTED = 2 * SLOTS + 2 + DEEPEST


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
    noted = np.zeros(_NOTED, np.int64)
    used = 0
    for row in range(len(at)):
        taken = -1
        if 2 <= length[row] <= longest:
            taken = _event(
                row, begin, begin + at[row], length[row], out, used, its_plan, len(plan),
                slots.ctypes.data, noted.ctypes.data, columns.unknown.ctypes.data,
            )  # fmt: skip
        columns.is_taken[row] = taken >= 0
        columns.has_unknown[row] = taken >= 0 and int_at(noted.ctypes.data + _USED) > 0
        if taken >= 0:
            used = taken
        else:
            _clear(row, its_plan, len(plan))


@compiled
def _clear(row: int, plan: int, rows: int) -> None:
    """Let each column hold something that is valid."""
    for field in range(1, rows):
        known = plan + _ROW * field
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
    put_word(noted + _USED, U(0))
    here = _skip(start, end)
    if byte_at(here) != _OPEN:
        return -1
    here = _skip(here + 1, end)
    previous, found = plan, 0
    # Where the next text goes, and where that of other fields does: behind all that the event's texts can be.
    text, unknown = out + used, out + used + length + SLACK
    unknown_from = unknown
    if byte_at(here) == _CLOSE:
        here += 1
    else:
        while True:
            if byte_at(here) != QUOTE or here >= end:
                return -1
            key = here + 1
            field = int_at(previous + 8 * AFTER)
            if field != 0 and key + int_at(field + 8 * KEY_SIZE) < end and _is_key(field, key):
                here = key + int_at(field + 8 * KEY_SIZE)
            else:
                here, high = close_of(key, end)
                if here < 0 or (high != U(0) and not is_utf8(key, here)):
                    return -1
                field = _field_of(key, here - key, plan, slots)
                if field != 0:
                    put_word(previous + 8 * AFTER, U(field))
            size = here - key
            here = _skip(here + 1, end)
            if byte_at(here) != _COLON:
                return -1
            here = _skip(here + 1, end)
            if field != 0:
                if int_at(field + 8 * SEEN) == stamp:
                    return -1
                put_word(field + 8 * SEEN, U(stamp))
                previous = field
                found += 1
                here, text = _value(here, end, field, row, begin, out, text)
            else:
                if not _is_new(_hash(key, size), stamp, noted):
                    return -1
                put_byte(unknown, _OPEN if unknown == unknown_from else _COMMA)
                unknown = _copy_key(key, size, unknown + 1)
                here, unknown = _copy_value(here, end, unknown, stamp, noted)
            if here < 0:
                return -1
            here = _skip(here, end)
            byte = byte_at(here)
            here += 1
            if byte == _CLOSE:
                break
            if byte != _COMMA:
                return -1
            here = _skip(here, end)
    if _skip(here, end) != end:
        return -1
    if found < rows - 1 and not _may_miss(row, stamp, plan, rows):
        return -1
    if unknown == unknown_from:
        return text - out
    put_byte(unknown, _CLOSE)
    _view(unknown_from, unknown + 1 - unknown_from, unknown_from - out, 0, unknowns + 16 * row)
    return unknown + 1 - out


@compiled
def _may_miss(row: int, stamp: int, plan: int, rows: int) -> bool:
    """Note the fields that an event does not have. False where it must have one of them."""
    for field in range(plan + _ROW, plan + _ROW * rows, _ROW):
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
    if first & FOUR == _NULL:
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
        is_true = first & FOUR == _TRUE
        put_word(values + 8 * row, U(is_true))
        if is_true:
            return here + 4, text
        return (here + 5 if first & _FIVE == _FALSE else -1), text
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


@inlined
def _skip(at: int, end: int) -> int:
    """The first place from here on that is no white space, or `end`."""
    while at < end:
        byte = byte_at(at)
        if byte > SPACE or not (byte == SPACE or byte == 10 or byte == 13 or byte == 9):
            break
        at += 1
    return at


@compiled
def _is_key(field: int, at: int) -> Any:
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
def _hash(at: int, size: int) -> Any:
    """A number that equal keys share."""
    mixed = U(size) * _MIX
    for n in range(0, size - 7, 8):
        mixed = (mixed ^ word_at(at + n)) * _MIX
        mixed ^= mixed >> U(32)
    rest = size & 7
    if rest:
        mixed = (mixed ^ (word_at(at + size - rest) & low_bytes(rest))) * _MIX
        mixed ^= mixed >> U(32)
    return mixed


@compiled
def fill_slots(plan: Any, slots: Any) -> None:
    """Put each field of `plan` into the slot of its key, or the next one that is free."""
    for field in range(1, len(plan)):
        slot = np.int64(_hash(plan[field, KEY], plan[field, KEY_SIZE]) & U(SLOTS - 1))
        while slots[slot] != 0:
            slot = (slot + 1) & (SLOTS - 1)
        slots[slot] = field


@compiled
def _field_of(at: int, size: int, plan: int, slots: int) -> Any:
    """The field (its row's address) of the key from here on; 0: the contract does not name it."""
    slot = np.int64(_hash(at, size) & U(SLOTS - 1))
    while int_at(slots + 8 * slot) != 0:
        field = plan + _ROW * int_at(slots + 8 * slot)
        if int_at(field + 8 * KEY_SIZE) == size and _is_key(field, at):
            return field
        slot = (slot + 1) & (SLOTS - 1)
    return 0


@compiled
def _is_new(hashed: Any, stamp: int, noted: int) -> bool:
    """Note a key of an event. False where it was there before, or the event has too many."""
    count = int_at(noted + _USED) + 1
    if count > MOST_KEYS:
        return False
    put_word(noted + _USED, U(count))
    slot = np.int64(hashed & U(SLOTS - 1))
    while int_at(noted + _STAMPS + 8 * slot) == stamp:
        if word_at(noted + 8 * slot) == hashed:
            return False
        slot = (slot + 1) & (SLOTS - 1)
    put_word(noted + 8 * slot, hashed)
    put_word(noted + _STAMPS + 8 * slot, U(stamp))
    return True


@compiled
def _copy_key(key: int, size: int, to: int) -> int:
    """Write a key with its quotes and colon; the place behind it."""
    put_byte(to, QUOTE)
    to = _copy(key, size, to + 1)
    put_byte(to, QUOTE)
    put_byte(to + 1, _COLON)
    return to + 2


@compiled
def _copy(at: int, size: int, to: int) -> int:
    """Copy bytes (up to 7 more are written); the place behind them."""
    for n in range(0, size, 8):
        put_word(to + n, word_at(at + n))
    return to + size


@compiled
def _copy_value(at: int, end: int, to: int, stamp: int, noted: int) -> Any:
    """Write a JSON value without white space, its numbers as they were sent; the places behind it in the
    event (-1: it is not taken) and in what was written."""
    depth, are_objects = 0, U(0)  # one bit for each open object or array, the innermost lowest
    while True:
        at = _skip(at, end)
        if at >= end:
            return -1, to
        byte = byte_at(at)
        opened = False
        if byte == QUOTE:
            close, high = close_of(at + 1, end)
            if close >= 0:
                if high != U(0) and not is_utf8(at + 1, close):
                    return -1, to
                to = _copy(at, close + 1 - at, to)
                at = close + 1
            else:
                put_byte(to, QUOTE)
                at, to = copy_string(at + 1, end, to + 1, True)
                if at < 0:
                    return -1, to
                put_byte(to, QUOTE)
                to += 1
        elif byte in (_OPEN, _OPEN_LIST):
            depth += 1
            if depth > DEEPEST:
                return -1, to
            are_objects = (are_objects << U(1)) | U(byte == _OPEN)
            # Each object that has keys has a number of its own.
            put_word(noted + _IDS + 8 * depth, U(int_at(noted + _USED) + 1))
            put_byte(to, byte)
            at, to = _skip(at + 1, end), to + 1
            opened = True
        elif byte == _MINUS or is_digit(byte):
            behind = _number_end(at)
            if behind < 0 or behind - at > _LONGEST_NUMBER:
                return -1, to
            to = _copy(at, behind - at, to)
            at = behind
        else:
            word = word_at(at)
            if word & FOUR == _TRUE or word & FOUR == _NULL:
                size = 4
            elif word & _FIVE == _FALSE:
                size = 5
            else:
                return -1, to
            to = _copy(at, size, to)
            at += size
        # Behind a value, or an opening bracket: close what ends here, until another value must come.
        while True:
            if depth == 0:
                return at, to
            if not opened:
                at = _skip(at, end)
            is_object = are_objects & U(1) != U(0)
            byte = byte_at(at)
            if byte == (_CLOSE if is_object else _CLOSE_LIST):
                put_byte(to, byte)
                at, to = at + 1, to + 1
                depth, are_objects = depth - 1, are_objects >> U(1)
                opened = False
                continue
            if not opened:
                if byte != _COMMA:
                    return -1, to
                put_byte(to, _COMMA)
                at, to = _skip(at + 1, end), to + 1
            opened = False
            if is_object:
                if byte_at(at) != QUOTE or at >= end:
                    return -1, to
                close, high = close_of(at + 1, end)
                if close < 0 or (high != U(0) and not is_utf8(at + 1, close)):
                    return -1, to
                size = close - at - 1
                if not _is_new(_hash(at + 1, size) ^ word_at(noted + _IDS + 8 * depth) * _MIX, stamp, noted):
                    return -1, to
                to = _copy_key(at + 1, size, to)
                at = _skip(close + 1, end)
                if byte_at(at) != _COLON:
                    return -1, to
                at += 1
            break


@compiled
def _number_end(at: int) -> int:
    """The place behind a JSON number; -1 where it is none, or has an exponent of more than two digits."""
    if byte_at(at) == _MINUS:
        at += 1
    if not is_digit(byte_at(at)):
        return -1
    if byte_at(at) == _ZERO:
        at += 1
    else:
        at = _digits_end(at)
    if byte_at(at) == _POINT:
        if not is_digit(byte_at(at + 1)):
            return -1
        at = _digits_end(at + 1)
    if byte_at(at) | 32 == _EXPONENT:
        at += 1
        if byte_at(at) in (_PLUS, _MINUS):
            at += 1
        behind = _digits_end(at)
        if not 1 <= behind - at <= 2:
            return -1
        at = behind
    return at


@compiled
def _digits_end(at: int) -> int:
    while is_digit(byte_at(at)):
        at += 1
    return at


@compiled
def _view(at: int, size: int, offset: int, buffer: int, to: int) -> None:
    """Write the text as an Arrow view (as `raw.views`); it lies `offset` bytes into one of its buffers."""
    first = word_at(at)
    if size > _INLINE:
        put_word(to, U(size) | (first << U(32)))
        put_word(to + 8, U(buffer) | (U(offset) << U(32)))
        return
    second = (first >> U(32)) | (word_at(at + 8) << U(32))
    if size < 4:
        first &= low_bytes(size)
    if size <= 4:
        second = U(0)
    elif size < _INLINE:
        second &= low_bytes(size - 4)
    put_word(to, U(size) | (first << U(32)))
    put_word(to + 8, second)
