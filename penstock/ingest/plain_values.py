"""Typed values of many JSON tokens at once, in NumPy: a token that does not read at a glance is left out.

Each function takes the bytes, where each token begins and how long it is, and gives the values and which of
them hold. What does not hold may still be good (a number of 19 digits): the contract's SQL decides that.

Eight digits in a word are read as in https://lemire.me/blog/2022/01/21/swar-explained-parsing-eight-digits/
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from penstock.ingest.octets import Bytes, Flags, Ints, Words, word_of, words

_ZERO, _PLUS, _MINUS, _POINT = b"0+-."
MOST_DIGITS = 18  # of an int64, whatever the digits are
_POWERS = 10 ** np.arange(MOST_DIGITS + 1, dtype=np.int64)


_ZEROS = word_of(b"00000000")
_HIGH_BITS = word_of(b"\x80" * 8)
_TO_HIGH_BIT = word_of(b"\x76" * 8)  # added to a byte over 9, it sets the high bit


def booleans(octets: Bytes, at: Ints, length: Ints) -> tuple[Flags, Flags]:
    """true and false."""
    first = words(octets, at, 1).ravel()
    four = first & np.uint64(0xFFFF_FFFF)
    is_true = (four == word_of(b"true")) & (length == 4)
    is_false = (first & np.uint64(0xFF_FFFF_FFFF) == word_of(b"false")) & (length == 5)
    return is_true, is_true | is_false


def integers(octets: Bytes, at: Ints, length: Ints, lowest: int, highest: int) -> tuple[Ints, Flags]:
    """Whole numbers of up to 18 digits, between two bounds."""
    negative, at, length = _sign(octets, at, length)
    value, holds = _digits(octets, at, length)
    holds &= _has_no_leading_zero(octets, at, length)
    if negative.any():
        holds &= ~negative | (value != 0)  # -0 is not what a whole number gives back
        value = np.where(negative, -value, value)
    if highest < 2**62:
        holds &= (value >= lowest) & (value <= highest)
    return value, holds


def decimals(octets: Bytes, at: Ints, length: Ints, precision: int, scale: int) -> tuple[Ints, Flags]:
    """Numbers without exponent as whole numbers of their last decimal, of up to 18 digits."""
    if scale >= MOST_DIGITS:
        return np.zeros(len(at), np.int64), np.zeros(len(at), bool)
    negative, at, length = _sign(octets, at, length)
    decimals_sent = np.zeros(len(at), np.int64)
    end = at + length
    for places in range(1, scale + 1):
        is_point = octets.take(end - 1 - places, mode="clip") == _POINT
        decimals_sent[is_point & (length > places + 1)] = places
    has_point = decimals_sent > 0
    whole_length = length - decimals_sent - has_point
    value, holds = _digits(octets, at, whole_length)
    holds &= _has_no_leading_zero(octets, at, whole_length)
    holds &= value < 10 ** (min(precision, MOST_DIGITS) - scale)
    value *= 10**scale
    if has_point.any():
        part, part_holds = _digits(octets, end - decimals_sent, decimals_sent)
        value += np.where(has_point, part * _POWERS[scale - decimals_sent], 0)
        holds &= part_holds | ~has_point
    if negative.any():
        value = np.where(negative, -value, value)
    return value, holds


def _sign(octets: Bytes, at: Ints, length: Ints) -> tuple[Flags, Ints, Ints]:
    negative = octets.take(at, mode="clip") == _MINUS
    return negative, at + negative, length - negative


def _has_no_leading_zero(octets: Bytes, at: Ints, length: Ints) -> Flags:
    has_none: Flags = (octets.take(at, mode="clip") != _ZERO) | (length == 1)
    return has_none


def _digits(octets: Bytes, at: Ints, length: Ints) -> tuple[Ints, Flags]:
    """Numbers of 1 to 18 digits."""
    holds = (length >= 1) & (length <= MOST_DIGITS)
    left = np.minimum(np.maximum(length, 1), MOST_DIGITS) - 1
    first = (left & 7) + 1
    value, are_digits = _up_to_eight(octets, at, first)
    holds &= are_digits
    at, left = at + first, left >> 3
    while left.any():
        rows = np.flatnonzero(left)
        more, are_digits = _up_to_eight(octets, at[rows], np.full(len(rows), 8))
        value[rows] = value[rows] * 100_000_000 + more
        holds[rows] &= are_digits
        at, left = at + 8, np.maximum(left - 1, 0)
    return value, holds


def _up_to_eight(octets: Bytes, at: Ints, length: Ints) -> tuple[Ints, Flags]:
    """Numbers of 1 to 8 digits: shifted, so that zeros stand in front, then pairs, fours, all eight."""
    digits = (words(octets, at, 1).ravel() ^ _ZEROS) << ((8 - length) << 3).view(np.uint64)
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


def dates(octets: Bytes, at: Ints, length: Ints) -> tuple[Ints, Flags]:
    """YYYY-MM-DD as days since 1970, from year 1 on."""
    found = words(octets, at, 2)
    days, holds = _days(found[:, 0], found[:, 1])
    return days, holds & (length == 10)


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


def instants(octets: Bytes, at: Ints, length: Ints) -> tuple[Ints, Flags, Flags]:
    """RFC 3339 with at most microseconds, as microseconds since 1970, and which of them have a zone. Of those
    without one, the microseconds are as of UTC."""
    found = words(octets, at, 3)
    days, holds = _days(found[:, 0], found[:, 1])
    separator = (found[:, 1] >> np.uint64(16)) & np.uint64(0xFF)
    holds &= (separator | np.uint64(0x20) == ord("t")) | (separator == ord(" "))
    time = (found[:, 1] >> np.uint64(24) << np.uint64(24)) ^ _TIME
    holds &= _are_digits(time >> np.uint64(24)) & (time & _TIME_MARKS == 0)
    rest = found[:, 2] ^ word_of(b":00")
    holds &= _are_digits(rest & np.uint64(0xFF_FFFF)) & (rest & np.uint64(0xFF) == 0)
    hour, minute, second = _two(time, 3), _two(time, 6), _two(rest, 1)
    holds &= (hour < 24) & (minute < 60) & (second < 60)
    micros = (days * _DAY + hour * 3600 + minute * 60 + second) * 1_000_000

    end = at + length
    zone_length, east, zone_holds = _zones(octets, end)
    if east is not None:
        micros -= east * 1_000_000
        holds &= zone_holds

    fraction = length - 19 - zone_length
    if fraction.any():
        has_any = fraction != 0
        places = fraction - 1
        part, part_holds = _up_to_eight(octets, at + 20, np.minimum(np.maximum(places, 1), 8))
        point = octets.take(at + 19, mode="clip") == _POINT
        holds &= ~has_any | (part_holds & point & (places >= 1) & (places <= 6))
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


_HYPHENS = np.array([8, 13, 18, 23])
_BETWEEN_HYPHENS = ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36))
_NO_OCTET = 256


def _octets_of_pairs() -> npt.NDArray[np.uint16]:
    """By two letters as a number, the byte that they are in hexadecimal digits."""
    found = np.full(1 << 16, _NO_OCTET, np.uint16)
    for octet in range(256):
        for first in {f"{octet:02x}"[0], f"{octet:02X}"[0]}:
            for second in {f"{octet:02x}"[1], f"{octet:02X}"[1]}:
                found[int.from_bytes((first + second).encode(), "little")] = octet
    return found


_OCTETS = _octets_of_pairs()


def uuids(octets: Bytes, at: Ints, length: Ints) -> tuple[Bytes, Flags]:
    """The 16 bytes of each UUID as RFC 9562 writes it: shape (tokens, 16)."""
    text = words(octets, at, 5).view(np.uint8)
    digits = np.concatenate([text[:, begin:end] for begin, end in _BETWEEN_HYPHENS], axis=1)
    found = _OCTETS.take(digits.view("<u2"))
    holds = (length == 36) & (text[:, _HYPHENS] == _MINUS).all(axis=1) & (found < _NO_OCTET).all(axis=1)
    return found.astype(np.uint8), holds
