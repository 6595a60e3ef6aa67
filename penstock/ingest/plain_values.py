"""Typed values of many JSON tokens at once, in NumPy: a token that does not read at a glance is left out.

Each function takes the bytes, where each token begins and how long it is, and gives the values and which of
them hold. What does not hold may still be good (a number of 19 digits): the contract's SQL decides that.

Eight digits in a word are read as in https://lemire.me/blog/2022/01/21/swar-explained-parsing-eight-digits/
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penstock.ingest.octets import Bytes, Flags, Ints, Words, word_of, words
from penstock.ingest.texts import Texts

_ZERO, _PLUS, _MINUS, _POINT = b"0+-."
MOST_DIGITS = 18  # of an int64, whatever the digits are
_POWERS = 10 ** np.arange(MOST_DIGITS + 1, dtype=np.int64)


_ZEROS = word_of(b"00000000")
_ONES, _HIGH_BITS, _POINTS = word_of(b"\x01" * 8), word_of(b"\x80" * 8), word_of(b"." * 8)
_ONE, _FOUR, _FIVE = np.uint64(0xFF), np.uint64(0xFFFF_FFFF), np.uint64(0xFF_FFFF_FFFF)  # the first bytes
# Of hexadecimal digits: a letter's bit of lower case, what stands before "a"; what sets the high bit of a
# byte from 1, from 7 on; the halves of bytes that hold a digit's last bits.
_LOWER_CASE, _BEFORE_A = word_of(b"\x20" * 8), word_of(b"\x60" * 8)
_FROM_ONE, _FROM_SEVEN, _LOW_HALVES = word_of(b"\x7f" * 8), word_of(b"\x79" * 8), word_of(b"\x0f" * 8)
_TO_HIGH_BIT = word_of(b"\x76" * 8)  # added to a byte over 9, it sets the high bit


def booleans(texts: Texts) -> tuple[Flags, Flags]:
    """true and false."""
    first = texts.word(0)
    is_true = (first & _FOUR == word_of(b"true")) & (texts.length == 4)
    is_false = (first & _FIVE == word_of(b"false")) & (texts.length == 5)
    return is_true, is_true | is_false


def integers(texts: Texts, lowest: int, highest: int) -> tuple[Ints, Flags]:
    """Whole numbers of up to 18 digits, between two bounds."""
    number = _unsigned(texts)
    value, holds = _digits(texts.octets, number.at, number.length, number.first)
    holds &= _has_no_leading_zero(number.first, number.length)
    if number.negative is not None:
        holds &= ~number.negative | (value != 0)  # -0 is not what a whole number gives back
        value = np.where(number.negative, -value, value)
    if highest < 2**62:
        holds &= (value >= lowest) & (value <= highest)
    return value, holds


def decimals(texts: Texts, precision: int, scale: int) -> tuple[Ints, Flags]:
    """Numbers without exponent as whole numbers of their last decimal, of up to 18 digits."""
    if scale >= MOST_DIGITS:
        return np.zeros(len(texts.at), np.int64), np.zeros(len(texts.at), bool)
    number = _unsigned(texts)
    whole_length = _point(texts.octets, number)
    decimals_sent = number.length - whole_length - 1  # -1: there is no point
    value, holds = _digits(texts.octets, number.at, whole_length, number.first)
    holds &= _has_no_leading_zero(number.first, whole_length)
    holds &= value < 10 ** (min(precision, MOST_DIGITS) - scale)
    value *= 10**scale
    has_point = decimals_sent >= 0
    if has_point.any():
        begin = whole_length + 1
        behind = number.first >> (begin << 3).view(np.uint64)  # the decimals, if they are of the first word
        rows = np.flatnonzero(number.length > 8)
        behind[rows] = words(texts.octets, number.at[rows] + begin[rows], 1).ravel()
        places = np.minimum(np.maximum(decimals_sent, 1), 8)
        part, part_holds = _up_to_eight(behind, places)
        part_holds &= (decimals_sent == places) & (places <= scale)
        value += np.where(has_point, part * _POWERS[np.maximum(scale - places, 0)], 0)
        holds &= part_holds | ~has_point
    if number.negative is not None:
        value = np.where(number.negative, -value, value)
    return value, holds


@dataclass(frozen=True)
class _Unsigned:
    """Numbers behind their signs; `first`: the first eight bytes; `negative`: None where none is."""

    at: Ints
    length: Ints
    first: Words
    negative: Flags | None


def _unsigned(texts: Texts) -> _Unsigned:
    negative = texts.byte(0) == _MINUS
    if not negative.any():
        return _Unsigned(texts.at, texts.length, texts.word(0), None)
    first = np.where(negative, texts.word(1), texts.word(0))
    return _Unsigned(texts.at + negative, texts.length - negative, first, negative)


def _has_no_leading_zero(first: Words, length: Ints) -> Flags:
    has_none: Flags = (first & _ONE != _ZERO) | (length == 1)
    return has_none


def _point(octets: Bytes, number: _Unsigned) -> Ints:
    """Where the point is; the length, where there is none."""
    place = _first_point(number.first)
    for begin in (8, 16):  # a number of 18 digits and a point has 19 bytes
        rows = np.flatnonzero((place == begin) & (number.length > begin))
        place[rows] += _first_point(words(octets, number.at[rows] + begin, 1).ravel())
    return np.minimum(place, number.length)


def _first_point(word: Words) -> Ints:
    """The first byte that is a point, 8: none. Found as in
    https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord"""
    other = word ^ _POINTS
    found = (other - _ONES) & ~other & _HIGH_BITS
    return np.bitwise_count(~found & (found - np.uint64(1))).astype(np.int64) >> 3


def _digits(octets: Bytes, at: Ints, length: Ints, first: Words) -> tuple[Ints, Flags]:
    """Numbers of 1 to 18 digits, of which `first` are the first eight bytes."""
    holds = (length >= 1) & (length <= MOST_DIGITS)
    left = np.minimum(np.maximum(length, 1), MOST_DIGITS) - 1
    size = (left & 7) + 1
    value, are_digits = _up_to_eight(first, size)
    holds &= are_digits
    rows = np.flatnonzero(left > 7)
    at, left = (at + size)[rows], left[rows] >> 3
    while rows.size:
        more, are_digits = _up_to_eight(words(octets, at, 1).ravel(), 8)
        value[rows] = value[rows] * 100_000_000 + more
        holds[rows] &= are_digits
        goes_on = np.flatnonzero(left > 1)
        rows, at, left = rows[goes_on], at[goes_on] + 8, left[goes_on] - 1
    return value, holds


def _up_to_eight(word: Words, length: Ints | int) -> tuple[Ints, Flags]:
    """Numbers of 1 to 8 digits: shifted, so that zeros stand in front, then pairs, fours, all eight."""
    digits = (word ^ _ZEROS) << np.asarray((8 - length) << 3).view(np.uint64)
    are_digits = _are_digits(digits)
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))) & np.uint64(0x00FF_00FF_00FF_00FF)
    fours = (pairs * np.uint64(100) + (pairs >> np.uint64(16))) & np.uint64(0x0000_FFFF_0000_FFFF)
    value = (fours * np.uint64(10_000) + (fours >> np.uint64(32))) & np.uint64(0xFFFF_FFFF)
    return value.view(np.int64), are_digits


def _are_digits(digits: Words) -> Flags:
    found: Flags = (((digits + _TO_HIGH_BIT) | digits) & _HIGH_BITS) == 0
    return found


# Days since 1970 of the first of each month; by year and month from year 0 on, to the first of year 10000.
_MONTHS = np.arange("0000-01", "10000-02", dtype="M8[M]").astype("M8[D]").astype(np.int64)
_DATE, _TIME = word_of(b"0000-00-"), word_of(b"\0\0\x0000:00")  # behind the day, "T"
_DATE_MARKS, _TIME_MARKS = word_of(b"\0\0\0\0\xff\0\0\xff"), word_of(b"\0\0\0\0\0\xff\0\0")
_DAY = 86_400


def dates(texts: Texts) -> tuple[Ints, Flags]:
    """YYYY-MM-DD as days since 1970, from year 1 on."""
    days, holds = _days(texts.word(0), texts.word(8))
    return days, holds & (texts.length == 10)


def _days(year_month: Words, day: Words) -> tuple[Ints, Flags]:
    """Of `YYYY-MM-` and `DD…`."""
    date = year_month ^ _DATE
    holds = _are_digits(date) & (date & _DATE_MARKS == 0)
    year = _two(date, 0) * 100 + _two(date, 2)
    month = _two(date, 5)
    months = np.minimum(np.maximum(year * 12 + month - 1, 0), len(_MONTHS) - 2)
    number = day ^ _ZEROS
    day_of_month = _two(number, 0)
    holds &= _are_digits(number & np.uint64(0xFFFF))
    holds &= (year >= 1) & (month >= 1) & (month <= 12) & (day_of_month >= 1)
    first = _MONTHS.take(months)
    holds &= day_of_month <= _MONTHS.take(months + 1) - first
    return first + day_of_month - 1, holds


def _two(digits: Words, byte: int) -> Ints:
    """The number of two digits from this byte on."""
    tens = (digits >> np.uint64(8 * byte)) & np.uint64(15)
    ones = (digits >> np.uint64(8 * byte + 8)) & np.uint64(15)
    found: Ints = (tens * np.uint64(10) + ones).view(np.int64)
    return found


def instants(texts: Texts) -> tuple[Ints, Flags, Flags]:
    """RFC 3339 with at most microseconds, as microseconds since 1970, and which of them have a zone. Of those
    without one, the microseconds are as of UTC."""
    middle = texts.word(8)
    days, holds = _days(texts.word(0), middle)
    separator = (middle >> np.uint64(16)) & _ONE
    holds &= (separator | np.uint64(0x20) == ord("t")) | (separator == ord(" "))
    time = (middle >> np.uint64(24) << np.uint64(24)) ^ _TIME
    holds &= _are_digits(time >> np.uint64(24)) & (time & _TIME_MARKS == 0)
    rest = texts.word(16) ^ word_of(b":00")
    holds &= _are_digits(rest & np.uint64(0xFF_FFFF)) & (rest & _ONE == 0)
    hour, minute, second = _two(time, 3), _two(time, 6), _two(rest, 1)
    holds &= (hour < 24) & (minute < 60) & (second < 60)
    micros = (days * _DAY + hour * 3600 + minute * 60 + second) * 1_000_000

    zone_length, east, zone_holds = _zones(texts.octets, texts.at + texts.length)
    if east is not None:
        micros -= east * 1_000_000
        holds &= zone_holds

    fraction = texts.length - 19 - zone_length
    if fraction.any():
        has_any = fraction != 0
        places = fraction - 1
        part, part_holds = _up_to_eight(texts.word(20), np.minimum(np.maximum(places, 1), 8))
        holds &= ~has_any | (part_holds & (texts.byte(19) == _POINT) & (places >= 1) & (places <= 6))
        micros += np.where(has_any, part * _POWERS[np.minimum(np.maximum(6 - places, 0), 6)], 0)
    holds &= (micros >= _FIRST_INSTANT) & (micros <= _LAST_INSTANT)
    return micros, holds, zone_length > 0


_FIRST_INSTANT = int(_MONTHS[12]) * _DAY * 1_000_000
_LAST_INSTANT = int(_MONTHS[120_000]) * _DAY * 1_000_000 - 1


def _zones(octets: Bytes, end: Ints) -> tuple[Ints, Ints | None, Flags]:
    """Of the zones before each end, Z or ±HH:MM: their length (0: none), seconds east of UTC (None: all are
    0), and which of them hold, which is up to 14 hours."""
    is_utc = (octets.take(end - 1, mode="clip") | 0x20) == ord("z")
    if is_utc.all():
        return np.ones(len(end), np.int64), None, is_utc
    at = end - 6
    sign = octets.take(at, mode="clip")
    is_west = sign == _MINUS
    is_offset = ~is_utc & (is_west | (sign == _PLUS))
    found = (words(octets, at + 1, 1).ravel() & np.uint64(0xFF_FFFF_FFFF)) ^ word_of(b"00:00")
    hour, minute = _two(found, 0), _two(found, 3)
    holds = _are_digits(found) & (found & np.uint64(0xFF_0000) == 0) & (hour <= 14) & (minute < 60)
    east = np.where(is_offset, np.where(is_west, -1, 1) * (hour * 3600 + minute * 60), 0)
    return is_utc + 6 * is_offset.astype(np.int64), east, holds | ~is_offset


UUID_LENGTH = 36
_TWO_HYPHENS, _TWO_MARKS = word_of(b"-\0\0\0\0-"), word_of(b"\xff\0\0\0\0\xff")


def uuids(texts: Texts) -> tuple[Words, Flags]:
    """The 16 bytes of each UUID as RFC 9562 writes it, as two words: shape (texts, 2)."""
    digits = np.empty((4, len(texts.at)), np.uint64)
    digits[0], digits[3] = texts.word(0), texts.word(28)
    for n, place in ((1, 9), (2, 19)):  # xxxx-xxxx
        digits[n] = (texts.word(place) & _FOUR) | texts.word(place + 5) << np.uint64(32)
    octets, are_hexadecimal = _octets_of(digits)
    holds = (texts.length == UUID_LENGTH) & are_hexadecimal.all(axis=0)
    for place in (8, 18):
        holds &= texts.word(place) & _TWO_MARKS == _TWO_HYPHENS
    found = np.empty((len(texts.at), 2), np.uint64)
    for n in (0, 1):
        found[:, n] = octets[2 * n] | octets[2 * n + 1] << np.uint64(32)
    return found, holds


def _octets_of(digits: Words) -> tuple[Words, Flags]:
    """Of each eight hexadecimal digits the four bytes, and whether they are such digits."""
    low = digits & ~_HIGH_BITS
    not_decimal = ((low ^ _ZEROS) + _TO_HIGH_BIT) & _HIGH_BITS
    letter = (low | _LOWER_CASE) ^ _BEFORE_A  # a to f: 1 to 6
    no_letter = ~(letter + _FROM_ONE) | (letter + _FROM_SEVEN)
    are_digits: Flags = ((not_decimal & no_letter) | digits) & _HIGH_BITS == 0
    is_letter = (digits >> np.uint64(6)) & _ONES
    values = (digits & _LOW_HALVES) + is_letter * np.uint64(9)
    pairs = (values << np.uint64(4) | values >> np.uint64(8)) & np.uint64(0x00FF_00FF_00FF_00FF)
    pairs = (pairs | pairs >> np.uint64(8)) & np.uint64(0x0000_FFFF_0000_FFFF)
    return (pairs | pairs >> np.uint64(16)) & _FOUR, are_digits
