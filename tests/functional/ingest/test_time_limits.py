"""A time too far from the timestamp that Kafka keeps is a reject: ahead of it, or behind."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from tests.functional.ingest.things import HEADER, Checker

CONTRACT = (
    HEADER
    + """\
      - {name: thing_id, logicalType: integer, primaryKey: true, required: true}
      - name: happened
        logicalType: timestamp
        customProperties:
          - {property: penstock.maxAhead, value: 90 s}
          - {property: penstock.maxBehind, value: 2 d}
      - name: local
        logicalType: timestamp
        logicalTypeOptions: {defaultTimezone: Europe/Berlin}
        customProperties:
          - {property: penstock.maxAhead, value: 15 min}
"""
)
SENT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
ZERO = dt.timedelta()


@pytest.fixture
def checker(tmp_path: Path) -> Checker:
    checker = Checker(tmp_path, CONTRACT)
    checker.kafka_timestamp = int(SENT.timestamp() * 1000)
    return checker


def event(**fields: str) -> bytes:
    return json.dumps({"thing_id": 1} | fields, separators=(",", ":")).encode()


def happened(away: dt.timedelta) -> bytes:
    return event(happened=(SENT + away).isoformat())


@pytest.mark.parametrize(
    "away", [ZERO, dt.timedelta(seconds=90), dt.timedelta(days=-2), dt.timedelta(days=-1, microseconds=1)]
)
def test_up_to_the_limit_it_is_good_also_on_the_fast_path(checker: Checker, away: dt.timedelta) -> None:
    assert checker.reasons(happened(away)) == []
    assert checker.fast == {0}


@pytest.mark.parametrize(
    ("away", "rule"),
    [
        (dt.timedelta(seconds=90, microseconds=1), "maxAhead"),
        (dt.timedelta(days=365), "maxAhead"),
        (dt.timedelta(days=-2, microseconds=-1), "maxBehind"),
        (dt.timedelta(days=-20_000), "maxBehind"),
    ],
)
def test_past_it_both_times_are_named(checker: Checker, away: dt.timedelta, rule: str) -> None:
    ((field, found_rule, found),) = checker.reasons(happened(away))
    assert (field, found_rule) == ("happened", rule)
    assert found == f'"{(SENT + away).isoformat()}" (Kafka\'s timestamp: 2026-03-01 12:00:00+00)'


def test_the_first_and_last_instant_are_rejected_and_stop_nothing(checker: Checker) -> None:
    rows = checker(
        event(happened="0001-01-01T00:00:00Z"), event(happened="9999-12-31T23:59:59.999999Z"), happened(ZERO)
    )
    assert [[r["rule"] for r in row["reasons"] or []] for row in rows] == [["maxBehind"], ["maxAhead"], []]


def test_a_local_time_is_compared_as_the_instant_that_it_is(checker: Checker) -> None:
    assert checker.reasons(event(local="2026-03-01T13:15:00")) == []  # an hour ahead of UTC
    assert [rule for _, rule, _ in checker.reasons(event(local="2026-03-01T13:15:01"))] == ["maxAhead"]


def test_a_missing_time_and_one_of_no_kafka_timestamp_are_not_asked(checker: Checker) -> None:
    assert checker.reasons(event()) == []
    checker.kafka_timestamp = -1  # Kafka's word for none
    assert checker.fetched([event()]).column("kafka_timestamp").to_pylist() == [None]
    assert checker.reasons(happened(dt.timedelta(days=9999))) == []
