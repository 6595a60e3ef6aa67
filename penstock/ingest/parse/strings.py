"""JSON strings: where one ends, whether it is UTF-8, what its escapes mean. Compiled by numba.

An address is an int64. A string "from here on" begins behind its quote. RFC 8259, section 7; RFC 3629.
"""

from __future__ import annotations

from typing import Any

from penstock.ingest.decode.compiled import compiled
from penstock.ingest.decode.memory import byte_at, bytes_before, put_byte, put_word, word_at
from penstock.ingest.parse.words import (
    BACKSLASH,
    BACKSLASHES,
    HIGH,
    QUOTE,
    QUOTES,
    SLASH,
    SPACE,
    SPACES,
    U,
    low_bytes,
    zero_bytes,
)

_B, _F, _N, _R, _T, _LITTLE_U, _ZERO = b"bfnrtu0"


@compiled
def close_of(at: int, last: int) -> Any:
    """Where the string from here on ends, which is before `last`, and whether it is beyond ASCII (high bits);
    -1 where a backslash or a control character is met before."""
    high = U(0)
    while at < last:
        word = word_at(at)
        quotes = zero_bytes(word ^ QUOTES)
        others = ((word - SPACES) & ~word & HIGH) | zero_bytes(word ^ BACKSLASHES)
        if quotes | others:
            count = bytes_before(quotes)
            if bytes_before(others) < count or at + count >= last:
                break
            return at + count, high | (word & HIGH & low_bytes(count))
        high |= word & HIGH
        at += 8
    return -1, high


@compiled
def is_utf8(at: int, end: int) -> bool:
    """Are these bytes UTF-8, without surrogates?"""
    while at < end:
        if end - at >= 8 and word_at(at) & HIGH == U(0):
            at += 8
            continue
        first = byte_at(at)
        if first < 0x80:
            at += 1
            continue
        if 0xC2 <= first < 0xE0:
            size = 2
        elif first < 0xF0:
            size = 3
        else:
            size = 4
        second = byte_at(at + 1)
        if (
            first < 0xC2 or first > 0xF4 or at + size > end or second & 0xC0 != 0x80
            or (first == 0xE0 and second < 0xA0) or (first == 0xED and second >= 0xA0)
            or (first == 0xF0 and second < 0x90) or (first == 0xF4 and second >= 0x90)
        ):  # fmt: skip
            return False
        for n in range(2, size):
            if byte_at(at + n) & 0xC0 != 0x80:
                return False
        at += size
    return True


@compiled
def copy_string(at: int, last: int, to: int, as_json: bool) -> Any:
    """Copy the string from here on, its escapes read, to `to`; with `as_json` those that JSON needs are
    written again. Returns the place behind its closing quote, and the place behind the copy.

    -1 where it does not end before `last`, is no UTF-8, or holds what is no text: a control character, an
    escape that does not exist, half a surrogate pair, U+0000. Up to 8 bytes behind the copy may be written.
    """
    begin, high = to, U(0)
    while at < last:
        word = word_at(at)
        put_word(to, word)
        stops = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES) | ((word - SPACES) & ~word & HIGH)
        count = bytes_before(stops)
        if count == 8:
            high |= word & HIGH
            at, to = at + 8, to + 8
            continue
        high |= word & HIGH & low_bytes(count)
        at, to = at + count, to + count
        if at >= last:
            break
        stop = byte_at(at)
        if stop == QUOTE:
            return (at + 1, to) if high == U(0) or is_utf8(begin, to) else (-1, to)
        if stop != BACKSLASH:
            break
        point, at = _escape(at + 1)
        if point <= 0:
            break
        to = _put_escaped(to, point) if as_json else _put_point(to, point)
    return -1, to


@compiled
def _escape(at: int) -> Any:
    """The code point of the escape behind a backslash, and the place behind it; -1 where it is none."""
    letter = byte_at(at)
    if letter == _LITTLE_U:
        point = _hexadecimal(at + 1)
        if not 0xD800 <= point < 0xE000:
            return point, at + 5
        if point < 0xDC00 and byte_at(at + 5) == BACKSLASH and byte_at(at + 6) == _LITTLE_U:
            low = _hexadecimal(at + 7)
            if 0xDC00 <= low < 0xE000:
                return 0x1_0000 + ((point - 0xD800) << 10) + (low - 0xDC00), at + 11
        return -1, at
    if letter in (QUOTE, BACKSLASH, SLASH):
        return letter, at + 1
    if letter == _N:
        return 10, at + 1
    if letter == _T:
        return 9, at + 1
    if letter == _R:
        return 13, at + 1
    if letter == _B:
        return 8, at + 1
    if letter == _F:
        return 12, at + 1
    return -1, at


@compiled
def _hexadecimal(at: int) -> int:
    """The number of four hexadecimal digits; -1 where they are none."""
    value = 0
    for n in range(4):
        digit = byte_at(at + n)
        if 48 <= digit < 58:
            digit -= 48
        elif 97 <= digit | 32 < 103:
            digit = (digit | 32) - 87
        else:
            return -1
        value = value * 16 + digit
    return value


@compiled
def _put_point(to: int, point: int) -> int:
    """Write a code point as UTF-8; the place behind it."""
    if point < 0x80:
        put_byte(to, point)
        return to + 1
    if point < 0x800:
        put_byte(to, 0xC0 | (point >> 6))
        put_byte(to + 1, 0x80 | (point & 63))
        return to + 2
    if point < 0x1_0000:
        put_byte(to, 0xE0 | (point >> 12))
        put_byte(to + 1, 0x80 | ((point >> 6) & 63))
        put_byte(to + 2, 0x80 | (point & 63))
        return to + 3
    put_byte(to, 0xF0 | (point >> 18))
    put_byte(to + 1, 0x80 | ((point >> 12) & 63))
    put_byte(to + 2, 0x80 | ((point >> 6) & 63))
    put_byte(to + 3, 0x80 | (point & 63))
    return to + 4


@compiled
def _put_escaped(to: int, point: int) -> Any:
    """Write a code point into a JSON string as DuckDB's JSON writer does: escaped only where it must be."""
    if point >= SPACE and point != QUOTE and point != BACKSLASH:
        return _put_point(to, point)
    short = 0
    if point in (QUOTE, BACKSLASH):
        short = point
    elif point == 10:
        short = _N
    elif point == 9:
        short = _T
    elif point == 13:
        short = _R
    elif point == 8:
        short = _B
    elif point == 12:
        short = _F
    put_byte(to, BACKSLASH)
    if short:
        put_byte(to + 1, short)
        return to + 2
    put_byte(to + 1, _LITTLE_U)
    put_byte(to + 2, _ZERO)
    put_byte(to + 3, _ZERO)
    put_byte(to + 4, _ZERO + (point >> 4))
    low = point & 15
    put_byte(to + 5, low + (_ZERO if low < 10 else 55))
    return to + 6
