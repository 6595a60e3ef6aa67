"""The summary's figures: read from landing by place, and refused where they do not add up."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import Any

import pytest

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import PenstockError
from penstock.core.settings import Settings
from penstock.local.produce import Produced
from penstock.local.summary import Landed, compare, landed_of

PLACES = {0: (10, 13), 1: (5, 7)}  # five events
PRODUCED = Produced(5, PLACES, {"broken JSON": 1, "price as text": 1}, 1, 0.1)
LANDED = Landed(landed=3, rejected=2, copies=1, reasons=[], from_before=0)


@pytest.fixture
def landing(settings: Settings) -> Settings:
    """Of the five: three landed, one of them a copy; two were rejected, one of them for two reasons. Around
    them lie events of before, and the same offsets of a topic that was deleted."""
    with closing(open_duckdb(settings.landing_file("customer_events"))) as connection:
        connection.execute("""
            CREATE SCHEMA raw;
            CREATE TABLE raw.topics (epoch INTEGER);
            INSERT INTO raw.topics VALUES (1), (2);
            CREATE TABLE raw.customer_events
                (event_id VARCHAR, _epoch INTEGER, _kafka_partition INTEGER, _offset BIGINT, _commit BIGINT);
            INSERT INTO raw.customer_events VALUES
                ('old', 1, 0, 10, 1), ('x', 2, 0, 9, 2),
                ('a', 2, 0, 10, 3), ('x', 2, 0, 11, 3), ('b', 2, 1, 5, 3);
            CREATE TABLE raw.rejects (epoch INTEGER, "partition" INTEGER, "offset" BIGINT,
                reasons STRUCT(field VARCHAR, rule VARCHAR, found VARCHAR)[]);
            INSERT INTO raw.rejects VALUES
                (1, 0, 12, [{'field': 'price', 'rule': 'type', 'found': 'text'}]),
                (2, 0, 12, [{'field': 'price', 'rule': 'type', 'found': 'text'},
                            {'field': 'user_id', 'rule': 'required', 'found': 'nothing'}]),
                (2, 1, 6, [{'field': 'price', 'rule': 'type', 'found': 'text'}]),
                (2, 1, 7, [{'field': 'brand', 'rule': 'type', 'found': '1'}]);
            CREATE TABLE raw.commits (run_id VARCHAR, landed BIGINT, rejected BIGINT);
            INSERT INTO raw.commits VALUES ('before', 2, 0), ('this', 2, 1), ('this', 1, 2);
        """)
    return settings


def test_landing_is_counted_by_place(landing: Settings) -> None:
    assert landed_of(landing, "customer_events", "this", PLACES) == Landed(
        landed=3,
        rejected=2,
        copies=1,
        reasons=[
            {"field": "price", "rule": "type", "count": 2},
            {"field": "user_id", "rule": "required", "count": 1},
        ],
        from_before=1,  # the reject beyond the places was in this run's commits, too
    )


def test_nothing_produced_is_nothing_landed(landing: Settings) -> None:
    assert landed_of(landing, "customer_events", "another", {}) == Landed(0, 0, 0, [], 0)


def test_figures_that_add_up_pass() -> None:
    compare(PRODUCED, LANDED)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"landed": 2}, "5 events were produced, but 4 found"),
        ({"landed": 4}, "5 events were produced, but 6 found"),
        ({"landed": 4, "rejected": 1}, "2 events were spoilt on purpose, but 1 were rejected"),
        ({"landed": 2, "rejected": 3}, "2 events were spoilt on purpose, but 3 were rejected"),
        ({"copies": 0}, "1 events were sent twice, but only 0 copies landed"),
    ],
)
def test_figures_that_do_not_add_up_are_an_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(PenstockError, match=message):
        compare(PRODUCED, dataclasses.replace(LANDED, **wrong))


def test_of_a_real_file_nobody_knows_the_dirt_beforehand() -> None:
    compare(dataclasses.replace(PRODUCED, dirt=None, duplicates=None), LANDED)
