"""Typed values of many tokens against Python's own readers of each."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest.octets import PADDING
from penstock.ingest.plain_values import booleans, dates, decimals, instants, integers, uuids
from penstock.ingest.texts import Texts, heads_at

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
EXACT = Context(prec=60)
ANY = st.text("0123456789-+.:TZtz eEatrufls", max_size=36)


def read(reader: Callable[..., Any], tokens: list[str], *rest: int) -> list[Any]:
    """What the reader makes of each token; None where it does not hold."""
    lengths = np.array([len(token) for token in tokens])
    octets = np.frombuffer(":,".join(tokens).encode() + PADDING, np.uint8)
    places = np.cumsum(lengths + 2) - lengths - 2
    values, holds, *_ = reader(Texts(octets, places, lengths, heads_at(octets, places), 0), *rest)
    return [value if held else None for value, held in zip(values.tolist(), holds.tolist(), strict=True)]


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1))
def test_whole_numbers_of_18_digits_are_read(numbers: list[int]) -> None:
    assert read(integers, [str(number) for number in numbers], -(2**63), 2**63 - 1) == numbers


@given(st.lists(st.integers(-(2**33), 2**33), min_size=1))
def test_whole_numbers_keep_their_bounds(numbers: list[int]) -> None:
    inside = [number if -(2**31) <= number < 2**31 else None for number in numbers]
    assert read(integers, [str(number) for number in numbers], -(2**31), 2**31 - 1) == inside


@given(st.lists(st.decimals(-(10**10) + 1, 10**10 - 1, places=2), min_size=1))
def test_decimals_are_read_as_whole_numbers_of_their_last_place(numbers: list[Decimal]) -> None:
    expected = [int(number * 10_000) for number in numbers]
    assert read(decimals, [f"{number:f}" for number in numbers], 14, 4) == expected


def test_decimals_of_more_digits_than_fit_are_left_out() -> None:
    tokens = ["99999999.99", "100000000", "1.234", "0.5", "1.", ".5", "-1.5", "1.5e0", "00.5", "1.2.3"]
    expected = [9999999999, None, None, 50, None, None, -150, None, None, None]
    assert read(decimals, tokens, 10, 2) == expected


@given(
    st.lists(st.from_regex(r"-?[0-9]{1,18}(\.[0-9]{0,18})?", fullmatch=True), min_size=1),
    st.sampled_from([(18, 0), (18, 2), (18, 17), (38, 4), (3, 3)]),
)
def test_a_decimal_is_read_as_it_is_or_not_at_all(tokens: list[str], kind: tuple[int, int]) -> None:
    precision, scale = kind
    for token, value in zip(tokens, read(decimals, tokens, precision, scale), strict=True):
        if value is not None:
            assert Decimal(value).scaleb(-scale, EXACT) == Decimal(token)
            assert abs(value) < 10**precision


def test_a_long_whole_number_has_no_point() -> None:
    assert read(decimals, ["123456789012345678", "12345678901234567"], 18, 2) == [None, None]
    assert read(decimals, ["123456789012345678", "12345678901234567"], 18, 0) == [
        123456789012345678,
        12345678901234567,
    ]


def test_the_point_of_one_decimal_is_not_taken_for_that_of_the_next() -> None:
    assert read(decimals, ["1.5", "2"], 14, 4) == [15_000, 20_000]


def test_zones_of_more_than_14_hours_are_left_out() -> None:
    tokens = [f"1970-01-01T00:00:00{zone}" for zone in ("-14:00", "+15:00", "-23:00", "*01:00")]
    assert read(instants, tokens) == [14 * 3_600_000_000, None, None, None]


def test_a_uuid_has_36_letters() -> None:
    assert read(uuids, ["72d76fde-8bb3-4e00-8c23-a032dfed738c0", "72d76fde-8bb3-4e00-8c23-a032dfed738"]) == [
        None,
        None,
    ]


@given(st.lists(st.dates(), min_size=1))
def test_dates_are_read_as_days(days: list[dt.date]) -> None:
    assert read(dates, [day.isoformat() for day in days]) == [(day - EPOCH.date()).days for day in days]


times = st.datetimes().filter(lambda moment: 1 < moment.toordinal() < dt.date.max.toordinal())
zones = st.none() | st.integers(-14 * 60, 14 * 60)


@given(st.lists(st.tuples(times, zones, st.sampled_from("Tt ")), min_size=1))
def test_instants_are_read_as_microseconds(sent: list[tuple[dt.datetime, int | None, str]]) -> None:
    tokens, expected = [], []
    for moment, minutes, separator in sent:
        zone = dt.UTC if minutes is None else dt.timezone(dt.timedelta(minutes=minutes))
        text = moment.replace(tzinfo=zone).isoformat(separator)
        tokens.append(text if minutes is not None else text.removesuffix("+00:00") + "Z")
        expected.append((moment.replace(tzinfo=zone) - EPOCH) // dt.timedelta(microseconds=1))
    assert read(instants, tokens) == expected


@given(st.lists(st.tuples(st.uuids(), st.booleans()), min_size=1))
def test_uuids_are_read_as_their_bytes(sent: list[tuple[uuid.UUID, bool]]) -> None:
    tokens = [str(one).upper() if upper else str(one) for one, upper in sent]
    read_bytes = [np.array(words, np.uint64).tobytes() for words in read(uuids, tokens)]
    assert read_bytes == [one.bytes for one, _ in sent]


def test_booleans_are_true_and_false_only() -> None:
    tokens = ["true", "false", "True", "tru", "truee", "falsee", "null", "1"]
    assert read(booleans, tokens) == [True, False] + [None] * 6


@given(st.lists(ANY, min_size=1))
def test_what_is_read_is_what_python_reads(tokens: list[str]) -> None:
    for token, number in zip(tokens, read(integers, tokens, -(2**63), 2**63 - 1), strict=True):
        assert number is None or str(number) == token
    for token, hundredths in zip(tokens, read(decimals, tokens, 12, 2), strict=True):
        assert hundredths is None or Decimal(token) == Decimal(hundredths) / 100
    for token, days in zip(tokens, read(dates, tokens), strict=True):
        assert days is None or str(EPOCH.date() + dt.timedelta(days)) == token
    for token, micros in zip(tokens, read(instants, tokens), strict=True):
        if micros is not None:
            moment = dt.datetime.fromisoformat(token.upper())
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
            assert zoned == EPOCH + dt.timedelta(microseconds=micros)
    assert not any(read(uuids, tokens))
