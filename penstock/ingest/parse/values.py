"""Typed values from their JSON text: numbers, times, UUIDs, many bytes at a time. Compiled by numba.

Each says whether the text is such a value, and one that nothing is lost of; what it does not take at a
glance is left to the contract's SQL. Eight digits at once:
https://johnnylee-sde.github.io/Fast-numeric-string-to-int/
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ingest.decode.arrow_bytes import word_of
from penstock.ingest.decode.compiled import compiled
from penstock.ingest.decode.memory import byte_at, bytes_before, word_at
from penstock.ingest.parse.words import FOUR, HIGH, ONES, SPACES, U, zero_bytes

MOST_DIGITS = 18  # of an int64, whatever the digits are
NO_DAY = -(2**40)

_POINT, _PLUS, _MINUS, _ZERO, _EXPONENT = b".+-0e"
_ZEROS, _TO_HIGH_BIT = word_of(b"0" * 8), word_of(b"\x76" * 8)  # added to a byte over 9, it sets the high bit
_DATE, _DATE_MARKS = word_of(b"0000-00-"), word_of(b"\0\0\0\0\xff\0\0\xff")
_TIME, _TIME_MARKS = word_of(b"00\x0000:00"), word_of(b"\0\0\0\0\0\xff\0\0")  # behind the day, "T"
_SECOND, _ZONE = word_of(b":00"), word_of(b"00:00")
_FIVE = U(0xFF_FFFF_FFFF)
_POWERS = 10 ** np.arange(19, dtype=np.int64)
_UNSIGNED_POWERS = _POWERS.astype(np.uint64)
_HIGHEST = U(2**63 - 1)
_FIRST_INSTANT, _LAST_INSTANT = -62_135_596_800_000_000, 253_402_300_799_999_999  # of years 1 and 9999


@compiled
def digits(at: int) -> Any:
    """The number of up to eight digits that stand here (uint64), and how many they are."""
    word = word_at(at) ^ _ZEROS
    count = bytes_before(((word + _TO_HIGH_BIT) | word) & HIGH)
    if count == 0:
        return U(0), 0
    word <<= U(8 * (8 - count))  # zeros stand in front, then pairs, fours, all eight
    word = (word * U(10) + (word >> U(8))) & U(0x00FF_00FF_00FF_00FF)
    word = (word * U(100) + (word >> U(16))) & U(0x0000_FFFF_0000_FFFF)
    return (word * U(10_000) + (word >> U(32))) & FOUR, count


@compiled
def number(at: int) -> Any:
    """The digits from here on as a number (uint64), and the place behind them; of more than 19, any."""
    value, count = digits(at)
    behind = at + count
    while count == 8 and behind - at <= 16:
        more, count = digits(behind)
        value = value * _UNSIGNED_POWERS[count] + more
        behind += count
    return value, behind


@compiled
def is_digit(byte: int) -> bool:
    """Is it one of 0 to 9?"""
    return 48 <= byte < 58


@compiled
def integer(at: int) -> Any:
    """A whole number of an int64, the place behind it, and whether it is one that its digits give back: -0 is
    not."""
    negative = byte_at(at) == _MINUS
    first = at + negative
    value, behind = number(first)
    count = behind - first
    fits = 1 <= count <= 19 and (byte_at(first) != _ZERO or count == 1)
    if negative:
        fits = fits and U(0) < value <= _HIGHEST + U(1)
        return -np.int64(value - U(1)) - 1, behind, fits
    return np.int64(value & _HIGHEST), behind, fits and value <= _HIGHEST


@compiled
def decimal(at: int, highest: int, scale: int) -> Any:
    """A number in units of its last decimal, the place behind it, and whether the type holds it exactly.
    `highest`: of the whole part; -1: none fits. More than 18 digits never do."""
    negative = byte_at(at) == _MINUS
    first = at + negative
    unsigned, here = number(first)
    count = here - first
    if not 1 <= count <= MOST_DIGITS or (byte_at(first) == _ZERO and count > 1):
        return 0, here, False
    whole = np.int64(unsigned)
    part, places = np.int64(0), 0
    if byte_at(here) == _POINT:
        found, behind = number(here + 1)
        places = behind - here - 1
        if not 1 <= places <= MOST_DIGITS:
            return 0, here, False
        part, here = np.int64(found), behind
    if byte_at(here) | 32 == _EXPONENT:
        value, here, fits = _with_exponent(whole, part, places, here, highest, scale)
        return (-value if negative else value), here, fits
    if whole > highest:
        return 0, here, False
    if places > scale:
        cut = _POWERS[places - scale]
        if part % cut:
            return 0, here, False
        part, places = part // cut, scale
    value = whole * _POWERS[scale] + part * _POWERS[scale - places]
    return (-value if negative else value), here, True


@compiled
def _with_exponent(whole: int, part: int, places: int, at: int, highest: int, scale: int) -> Any:
    """As `decimal`, without sign; `at` the letter of the exponent."""
    sign = byte_at(at + 1)
    begin = at + 1 + (sign in (_PLUS, _MINUS))
    unsigned, behind = digits(begin)
    most = (highest + 1) * _POWERS[scale] - 1 if highest >= 0 else -1
    if not 1 <= behind <= 3 or whole > _POWERS[MOST_DIGITS - places] - 1:
        return 0, begin, False
    exponent = np.int64(unsigned)
    behind += begin
    value = whole * _POWERS[places] + part
    shift = scale - places + (-exponent if sign == _MINUS else exponent)
    if value == 0:
        return 0, behind, most >= 0
    if not -MOST_DIGITS <= shift <= MOST_DIGITS:
        return 0, behind, False
    if shift < 0:
        return (
            value // _POWERS[-shift],
            behind,
            value % _POWERS[-shift] == 0 and value // _POWERS[-shift] <= most,
        )
    fits = most >= 0 and value <= most // _POWERS[shift]
    return (value * _POWERS[shift] if fits else 0), behind, fits


@compiled
def _two(word: Any, byte: int) -> Any:
    """The number of two digits from this byte on."""
    pair = word >> U(8 * byte)
    return np.int64((pair & U(15)) * U(10) + ((pair >> U(8)) & U(15)))


@compiled
def _are_digits(word: Any) -> bool:
    return bool((((word + _TO_HIGH_BIT) | word) & HIGH) == U(0))


@compiled
def day(first: Any, second: Any) -> Any:
    """Days since 1970 of a date in 10 bytes, or NO_DAY. https://howardhinnant.github.io/date_algorithms.html"""
    date, ones = first ^ _DATE, (second ^ _ZEROS) & U(0xFFFF)
    if not (_are_digits(date) and _are_digits(ones) and date & _DATE_MARKS == U(0)):
        return NO_DAY
    year, month, of_month = _two(date, 0) * 100 + _two(date, 2), _two(date, 5), _two(ones, 0)
    if year < 1 or not 1 <= month <= 12 or of_month < 1:
        return NO_DAY
    if month == 2:
        longest = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    else:
        longest = 30 + ((month + (month >> 3)) & 1)
    if of_month > longest:
        return NO_DAY
    year -= month <= 2  # a year that begins in March ends with the leap day
    month = month + 9 if month <= 2 else month - 3
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + of_month - 719_469


@compiled
def instant(at: int) -> Any:
    """RFC 3339 with at most microseconds: the microseconds since 1970 (as of UTC where there is no zone), the
    place behind it, whether it has a zone, and whether it is one. More decimals may stand there if they are
    zeros."""
    middle = word_at(at + 8)
    of_day = day(word_at(at), middle)
    separator = (middle >> U(16)) & U(0xFF)
    time = ((middle >> U(24)) << U(24)) ^ _TIME
    second = (word_at(at + 16) & U(0xFF_FFFF)) ^ _SECOND
    hour, minute, seconds = _two(time, 3), _two(time, 6), _two(second, 1)
    here = at + 19
    if not (
        of_day != NO_DAY and (separator | U(0x20) == U(ord("t")) or separator == U(ord(" ")))
        and _are_digits(time >> U(24)) and time & _TIME_MARKS == U(0)
        and _are_digits(second) and second & U(0xFF) == U(0)
        and hour < 24 and minute < 60 and seconds < 60
    ):  # fmt: skip
        return 0, here, False, False
    micros = (((of_day * 24 + hour) * 60 + minute) * 60 + seconds) * 1_000_000
    if byte_at(here) == _POINT:
        found, places = digits(here + 1)
        part = np.int64(found)
        here += 1 + places
        if places > 6:
            cut = _POWERS[places - 6]
            if part % cut:
                return 0, here, False, False
            part, places = part // cut, 6
            while byte_at(here) == _ZERO:
                here += 1
        if places == 0 or is_digit(byte_at(here)):
            return 0, here, False, False
        micros += part * _POWERS[6 - places]
    sign = byte_at(here)
    if sign | 0x20 == ord("z"):
        here += 1
        has_zone = True
    elif sign in (_PLUS, _MINUS):
        zone = (word_at(here + 1) & _FIVE) ^ _ZONE
        hours, minutes = _two(zone, 0), _two(zone, 3)
        if not (_are_digits(zone) and zone & U(0xFF_0000) == U(0) and hours <= 14 and minutes < 60):
            return 0, here, False, False
        east = (hours * 60 + minutes) * 60_000_000
        micros -= east if sign == _PLUS else -east
        here += 6
        has_zone = True
    else:
        has_zone = False
    return micros, here, has_zone, _FIRST_INSTANT <= micros <= _LAST_INSTANT


@compiled
def uuid(at: int) -> Any:
    """The 16 bytes of a UUID as RFC 9562 writes it, as two words, and whether it is one."""
    second, third = word_at(at + 9), word_at(at + 14)
    fourth, fifth = word_at(at + 19), word_at(at + 24)
    one, holds_1 = _hexadecimal(word_at(at))
    two, holds_2 = _hexadecimal((second & FOUR) | (third << U(32)))
    three, holds_3 = _hexadecimal((fourth & FOUR) | (fifth << U(32)))
    four, holds_4 = _hexadecimal(word_at(at + 28))
    hyphens = byte_at(at + 8) == byte_at(at + 13) == byte_at(at + 18) == byte_at(at + 23) == _MINUS
    holds = hyphens and holds_1 and holds_2 and holds_3 and holds_4
    return one | (two << U(32)), three | (four << U(32)), holds


@compiled
def _hexadecimal(letters: Any) -> Any:
    """The four bytes that eight hexadecimal digits are, and whether they are."""
    lower = letters | SPACES
    is_letter = (lower >> U(6)) & ONES
    low, high = lower & U(0x0F0F_0F0F_0F0F_0F0F), (lower >> U(4)) & U(0x0F0F_0F0F_0F0F_0F0F)
    wrong = high ^ (ONES * U(3) + is_letter * U(3))  # 0x30 to 0x39, or 0x61 to 0x66
    wrong |= (low + ONES * U(6) + is_letter * U(3)) & (ONES * U(16))
    wrong |= zero_bytes(low | (ONES - is_letter))
    wrong |= ~letters & ((ONES - is_letter) * U(0x20))  # 0x10 is no digit, though it is 0x30 in lower case
    values = low + is_letter * U(9)
    values = ((values << U(4)) | (values >> U(8))) & U(0x00FF_00FF_00FF_00FF)
    values = (values | (values >> U(8))) & U(0x0000_FFFF_0000_FFFF)
    return (values | (values >> U(16))) & FOUR, wrong == U(0)
