"""Plain events read by machine code: one walk over each event, from key to key, writes its typed values.

The optional extra `compiled` (numba). What is plain, and what a value is, is said in `plain_events` and
`plain_values`; here, too, what does not read at a glance is left to the contract's SQL. All functions are in
one file, because numba's cache on disk looks at the file of the outermost only.

Eight bytes in a word: https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord, and as in
`plain_values`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from penstock.ingest.compiled_memory import byte_at, bytes_before, word_at
from penstock.ingest.octets import Flags, Ints, Words, word_of

STRING, UUID, INTEGER, DECIMAL, BOOLEAN, TIMESTAMP, DATE = range(7)

_U = np.uint64
_ONES, _HIGH = _U(0x0101_0101_0101_0101), _U(0x8080_8080_8080_8080)
_QUOTES, _BACKSLASHES, _SPACES = word_of(b'"' * 8), word_of(b"\\" * 8), word_of(b" " * 8)
_FOUR, _FIVE = _U(0xFFFF_FFFF), _U(0xFF_FFFF_FFFF)
_TRUE, _FALSE, _NULL = word_of(b"true"), word_of(b"false"), word_of(b"null")
_QUOTE, _POINT, _PLUS, _MINUS, _ZERO, _CLOSING = b'".+-0}'
_ZEROS, _TO_HIGH_BIT = word_of(b"0" * 8), word_of(b"\x76" * 8)  # added to a byte over 9, it sets the high bit
_DATE, _DATE_MARKS = word_of(b"0000-00-"), word_of(b"\0\0\0\0\xff\0\0\xff")
_TIME, _TIME_MARKS = word_of(b"00\x0000:00"), word_of(b"\0\0\0\0\0\xff\0\0")  # behind the day, "T"
_SECOND, _ZONE = word_of(b":00"), word_of(b"00:00")
_POWERS = 10 ** np.arange(19, dtype=np.int64)
_MOST_DIGITS = 18  # of an int64, whatever the digits are
_INLINE = 12  # bytes: a text that is no longer lies in its view
_NO_DAY = -(2**40)
_FIRST_INSTANT, _LAST_INSTANT = -62_135_596_800_000_000, 253_402_300_799_999_999  # of years 1 and 9999


class Fields(NamedTuple):
    """What to read, by field: `kind`; whether it must be there; the bounds of its whole part; its decimals;
    whether a time may have no zone; the key with all that stands before the value, in `keys` from `key_at`
    on, `key_size` bytes. `order`: the fields as they come."""

    kind: Ints
    required: Flags
    lowest: Ints
    highest: Ints
    scale: Ints
    may_be_local: Flags
    keys: Words
    key_at: Ints
    key_size: Ints
    order: Ints


class Columns(NamedTuple):
    """What is read: the values of a field are in `words` from `starts[field]` on, one word for each event or
    two. By field and event: is it missing, is a time without a zone. By event: is it plain, is it beyond
    ASCII, so that UTF-8 is still to be checked."""

    words: Words
    starts: Ints
    missing: npt.NDArray[np.bool_]
    is_local: npt.NDArray[np.bool_]
    is_plain: Flags
    beyond_ascii: Flags


@njit(nogil=True, cache=True)
def read_events(
    octets: Any, at: Any, length: Any, rows: Any, longest: int, fields: Any, columns: Any
) -> None:
    """Read the events of these rows, each of them at `octets[at : at + length]`, into the columns; `octets`
    end with PADDING. One of more than `longest` bytes is not plain. In rows that are not, each column holds a
    value that fits it."""
    begin, keys = octets.ctypes.data, fields.keys.ctypes.data
    words, starts = columns.words, columns.starts
    for row in rows:
        here = begin + at[row]
        last = here + length[row] - 1
        fits = 2 <= length[row] <= longest
        high = _U(0)
        for field in fields.order:
            if not fits:
                break
            is_there = _reads(here, keys + 8 * fields.key_at[field], fields.key_size[field])
            required = fields.required[field]
            columns.missing[field, row] = not is_there
            if not is_there:
                fits = not required
                continue
            here += fields.key_size[field]
            first = word_at(here)
            if not required and first & _FOUR == _NULL:
                columns.missing[field, row] = True
                here += 4
                continue
            kind, start = fields.kind[field], starts[field]
            if kind == STRING:
                close, bits = _close(here + 1, last)
                fits = first & _U(0xFF) == _U(_QUOTE) and close >= 0
                if fits:
                    high |= bits
                    _view(here + 1, close - here - 1, here + 1 - begin, words, start + 2 * row)
                here = close + 1
            elif kind == UUID:
                one, two, fits = _uuid(here + 1)
                fits = fits and first & _U(0xFF) == _U(_QUOTE) and byte_at(here + 37) == _QUOTE
                words[start + 2 * row], words[start + 2 * row + 1] = one, two
                here += 38
            elif kind == INTEGER:
                value, here, fits = _integer(here)
                fits = fits and fields.lowest[field] <= value <= fields.highest[field]
                words[start + row] = _U(value)
            elif kind == DECIMAL:
                value, here, fits = _decimal(here, fields.highest[field], fields.scale[field])
                if fits:
                    words[start + 2 * row], words[start + 2 * row + 1] = _U(value), _U(value >> 63)
            elif kind == BOOLEAN:
                is_true = first & _FOUR == _TRUE
                fits = is_true or first & _FIVE == _FALSE
                words[start + row] = _U(is_true)
                here += 4 if is_true else 5
            elif kind == TIMESTAMP:
                value, behind, has_zone, fits = _instant(here + 1)
                fits = fits and first & _U(0xFF) == _U(_QUOTE) and byte_at(behind) == _QUOTE
                fits = fits and (has_zone or fields.may_be_local[field])
                columns.is_local[field, row] = not has_zone
                if fits:
                    words[start + row] = _U(value)
                here = behind + 1
            else:
                day = _day(word_at(here + 1), word_at(here + 9))
                fits = day != _NO_DAY and first & _U(0xFF) == _U(_QUOTE) and byte_at(here + 11) == _QUOTE
                if fits:
                    words[start + row] = _U(day)
                here += 12
        columns.is_plain[row] = fits and here == last and byte_at(last) == _CLOSING
        columns.beyond_ascii[row] |= high != _U(0)  # also of a layout that was tried before


@njit(nogil=True, cache=True)
def _reads(at: int, key: int, size: int) -> bool:
    """Does the key at this address stand here, too? Behind a key, zeros fill its last word."""
    for n in range(0, size - 7, 8):
        if word_at(at + n) != word_at(key + n):
            return False
    rest = _U(8 * (size & 7))
    mask = (_U(1) << rest) - _U(1)
    return bool(rest == _U(0) or word_at(at + (size & ~7)) & mask == word_at(key + (size & ~7)))


@njit(nogil=True, cache=True)
def _zero_bytes(word: Any) -> Any:
    """The high bit of each zero byte; bytes above the first one may be marked, too."""
    return (word - _ONES) & ~word & _HIGH


@njit(nogil=True, cache=True)
def _close(at: int, last: int) -> Any:
    """Where the text from here on ends, which is before `last`, and whether it is beyond ASCII (high bits);
    -1 where a backslash or a control character is met."""
    high = _U(0)
    while at < last:
        word = word_at(at)
        quotes = _zero_bytes(word ^ _QUOTES)
        others = ((word - _SPACES) & ~word & _HIGH) | _zero_bytes(word ^ _BACKSLASHES)
        if quotes | others:
            count = bytes_before(quotes)
            if bytes_before(others) < count or at + count >= last:
                break
            return at + count, high | (word & _HIGH & ((_U(1) << _U(8 * count)) - _U(1)))
        high |= word & _HIGH
        at += 8
    return -1, high


@njit(nogil=True, cache=True)
def _view(at: int, size: int, offset: int, columns: Any, to: int) -> None:
    """The text as an Arrow view (as `octets.views`); `offset`: where it begins in the column's buffer."""
    first = word_at(at)
    if size > _INLINE:
        columns[to] = _U(size) | (first << _U(32))
        columns[to + 1] = _U(offset) << _U(32)
        return
    second = (first >> _U(32)) | (word_at(at + 8) << _U(32))
    if size < 4:
        first &= (_U(1) << _U(8 * size)) - _U(1)
    if size <= 4:
        second = _U(0)
    elif size < _INLINE:
        second &= (_U(1) << _U(8 * (size - 4))) - _U(1)
    columns[to] = _U(size) | (first << _U(32))
    columns[to + 1] = second


@njit(nogil=True, cache=True)
def _digits(at: int) -> Any:
    """The number of up to eight digits that stand here, and how many they are."""
    digits = word_at(at) ^ _ZEROS
    count = bytes_before(((digits + _TO_HIGH_BIT) | digits) & _HIGH)
    if count == 0:
        return 0, 0
    digits <<= _U(8 * (8 - count))  # zeros stand in front, then pairs, fours, all eight
    digits = (digits * _U(10) + (digits >> _U(8))) & _U(0x00FF_00FF_00FF_00FF)
    digits = (digits * _U(100) + (digits >> _U(16))) & _U(0x0000_FFFF_0000_FFFF)
    return np.int64((digits * _U(10_000) + (digits >> _U(32))) & _FOUR), count


@njit(nogil=True, cache=True)
def _number(at: int) -> Any:
    """The digits from here on as a number, and the place behind them; of more than 18, any number."""
    value, count = _digits(at)
    behind = at + count
    while count == 8 and behind - at <= _MOST_DIGITS:
        more, count = _digits(behind)
        value = value * _POWERS[count] + more
        behind += count
    return value, behind


@njit(nogil=True, cache=True)
def _whole(at: int) -> Any:
    """A number of 1 to 18 digits without zeros in front, the place behind it, and whether it is one."""
    value, behind = _number(at)
    return value, behind, 1 <= behind - at <= _MOST_DIGITS and (byte_at(at) != _ZERO or behind == at + 1)


@njit(nogil=True, cache=True)
def _integer(at: int) -> Any:
    """A number without decimals, the place behind it, and whether it is one that a whole number gives back:
    -0 is not."""
    negative = byte_at(at) == _MINUS
    value, behind, fits = _whole(at + negative)
    return (-value if negative else value), behind, fits and not (negative and value == 0)


@njit(nogil=True, cache=True)
def _decimal(at: int, highest: int, scale: int) -> Any:
    """A number as one of its last decimal, the place behind it, and whether it fits."""
    negative = byte_at(at) == _MINUS
    value, here, fits = _whole(at + negative)
    if not fits or value > highest:
        return 0, here, False
    value *= _POWERS[scale]
    if byte_at(here) == _POINT:
        part, behind = _number(here + 1)
        places = behind - here - 1
        if not 1 <= places <= scale:
            return 0, here, False
        value += part * _POWERS[scale - places]
        here = behind
    return (-value if negative else value), here, True


@njit(nogil=True, cache=True)
def _two(digits: Any, byte: int) -> Any:
    """The number of two digits from this byte on."""
    pair = digits >> _U(8 * byte)
    return np.int64((pair & _U(15)) * _U(10) + ((pair >> _U(8)) & _U(15)))


@njit(nogil=True, cache=True)
def _are_digits(digits: Any) -> bool:
    return bool((((digits + _TO_HIGH_BIT) | digits) & _HIGH) == _U(0))


@njit(nogil=True, cache=True)
def _day(first: Any, second: Any) -> Any:
    """Days since 1970 of a date in 10 bytes, or _NO_DAY. https://howardhinnant.github.io/date_algorithms.html"""
    date, ones = first ^ _DATE, (second ^ _ZEROS) & _U(0xFFFF)
    if not (_are_digits(date) and _are_digits(ones) and date & _DATE_MARKS == _U(0)):
        return _NO_DAY
    year, month, day = _two(date, 0) * 100 + _two(date, 2), _two(date, 5), _two(ones, 0)
    if year < 1 or not 1 <= month <= 12 or day < 1:
        return _NO_DAY
    if month == 2:
        longest = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    else:
        longest = 30 + ((month + (month >> 3)) & 1)
    if day > longest:
        return _NO_DAY
    year -= month <= 2  # a year that begins in March ends with the leap day
    month = month + 9 if month <= 2 else month - 3
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719_469


@njit(nogil=True, cache=True)
def _instant(at: int) -> Any:
    """RFC 3339 with at most microseconds: the microseconds since 1970 (as of UTC where there is no zone), the
    place behind it, whether it has a zone, and whether it is one."""
    middle = word_at(at + 8)
    day = _day(word_at(at), middle)
    separator = (middle >> _U(16)) & _U(0xFF)
    time = ((middle >> _U(24)) << _U(24)) ^ _TIME
    second = (word_at(at + 16) & _U(0xFF_FFFF)) ^ _SECOND
    hour, minute, seconds = _two(time, 3), _two(time, 6), _two(second, 1)
    here = at + 19
    if not (
        day != _NO_DAY and (separator | _U(0x20) == _U(ord("t")) or separator == _U(ord(" ")))
        and _are_digits(time >> _U(24)) and time & _TIME_MARKS == _U(0)
        and _are_digits(second) and second & _U(0xFF) == _U(0)
        and hour < 24 and minute < 60 and seconds < 60
    ):  # fmt: skip
        return 0, here, False, False
    micros = (((day * 24 + hour) * 60 + minute) * 60 + seconds) * 1_000_000
    if byte_at(here) == _POINT:
        part, places = _digits(here + 1)
        if not 1 <= places <= 6:
            return 0, here, False, False
        micros += part * _POWERS[6 - places]
        here += 1 + places
    sign = byte_at(here)
    if sign | 0x20 == ord("z"):
        here += 1
        has_zone = True
    elif sign in (_PLUS, _MINUS):
        zone = (word_at(here + 1) & _FIVE) ^ _ZONE
        hours, minutes = _two(zone, 0), _two(zone, 3)
        if not (_are_digits(zone) and zone & _U(0xFF_0000) == _U(0) and hours <= 14 and minutes < 60):
            return 0, here, False, False
        east = (hours * 60 + minutes) * 60_000_000
        micros -= east if sign == _PLUS else -east
        here += 6
        has_zone = True
    else:
        has_zone = False
    return micros, here, has_zone, _FIRST_INSTANT <= micros <= _LAST_INSTANT


@njit(nogil=True, cache=True)
def _uuid(at: int) -> Any:
    """The 16 bytes of a UUID as RFC 9562 writes it, as two words, and whether it is one."""
    second, third = word_at(at + 9), word_at(at + 14)
    fourth, fifth = word_at(at + 19), word_at(at + 24)
    one, holds_1 = _hexadecimal(word_at(at))
    two, holds_2 = _hexadecimal((second & _FOUR) | (third << _U(32)))
    three, holds_3 = _hexadecimal((fourth & _FOUR) | (fifth << _U(32)))
    four, holds_4 = _hexadecimal(word_at(at + 28))
    hyphens = byte_at(at + 8) == byte_at(at + 13) == byte_at(at + 18) == byte_at(at + 23) == _MINUS
    holds = hyphens and holds_1 and holds_2 and holds_3 and holds_4
    return one | (two << _U(32)), three | (four << _U(32)), holds


@njit(nogil=True, cache=True)
def _hexadecimal(letters: Any) -> Any:
    """The four bytes that eight hexadecimal digits are, and whether they are."""
    lower = letters | _SPACES
    is_letter = (lower >> _U(6)) & _ONES
    low, high = lower & _U(0x0F0F_0F0F_0F0F_0F0F), (lower >> _U(4)) & _U(0x0F0F_0F0F_0F0F_0F0F)
    wrong = high ^ (_ONES * _U(3) + is_letter * _U(3))  # 0x30 to 0x39, or 0x61 to 0x66
    wrong |= (low + _ONES * _U(6) + is_letter * _U(3)) & (_ONES * _U(16))
    wrong |= _zero_bytes(low | (_ONES - is_letter))
    wrong |= ~letters & ((_ONES - is_letter) * _U(0x20))  # 0x10 is no digit, though it is 0x30 in lower case
    values = low + is_letter * _U(9)
    values = ((values << _U(4)) | (values >> _U(8))) & _U(0x00FF_00FF_00FF_00FF)
    values = (values | (values >> _U(8))) & _U(0x0000_FFFF_0000_FFFF)
    return (values | (values >> _U(16))) & _FOUR, wrong == _U(0)
