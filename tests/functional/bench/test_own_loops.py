"""The loops that contenders write themselves, on a consumer that has the events already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from bench import tuned_loop, usual_loop
from bench.events import Kind, truth
from bench.run import Task
from tests.functional.bench.own_consumer import consumer_of

KIND = Kind(bad=0.5)
EVENTS = 2000


@pytest.fixture(params=[tuned_loop, usual_loop])
def landed(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[ModuleType, duckdb.DuckDBPyConnection]]:
    """The loop, and the database that it has filled."""
    monkeypatch.setattr(request.param, "KafkaConsumer", consumer_of(KIND, EVENTS))
    timed = request.param.run(Task("", "", "topic", str(KIND.contract), EVENTS, str(tmp_path)))
    with duckdb.connect(timed.database, read_only=True) as connection:
        yield request.param, connection


def test_uuids_land_as_uuids_and_a_text_that_is_none_is_a_reject(landed: Any) -> None:
    _, connection = landed
    types = connection.execute("SELECT DISTINCT typeof(event_id), typeof(session) FROM raw.events").fetchall()
    assert types == [("UUID", "UUID")]
    assert any(b'"session":"not-a-uuid"' in value for value in rejects(connection))
    assert connection.execute("SELECT * FROM raw.offsets").fetchall() == [(0, EVENTS)]


def test_the_tuned_loop_finds_the_very_bad_events_and_the_usual_one_fewer(landed: Any) -> None:
    loop, connection = landed
    found, known = len(rejects(connection)), truth(KIND, EVENTS).rejected
    assert found == known if loop is tuned_loop else 0 < found < known


def rejects(connection: duckdb.DuckDBPyConnection) -> list[bytes]:
    return [value for (value,) in connection.execute("SELECT value FROM raw.rejects").fetchall()]
