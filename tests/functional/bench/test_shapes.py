"""The shapes of the bench: written as they say, the same events in each, read alike by all that read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from bench import confluent_typed, tuned_loop
from bench.child import REPOSITORY
from bench.events import Kind, truth
from bench.own_database import TABLE, open_database
from bench.run import Task, found_in
from bench.shape_list import SHAPES, Shape
from penstock.core.settings import Settings
from penstock.ingest.contract.model import read_contract
from penstock.ingest.landing.file import open_landing
from tests.functional.bench.batches import Rows, batch, checked_fast, landed, values_of
from tests.functional.bench.own_consumer import consumer_of

EVENTS = 1000
BY_NAME = {shape.name: shape for shape in SHAPES}
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)

Is = Callable[[str], bool]


def has(pattern: str) -> Is:
    return lambda text: re.search(pattern, text) is not None


def keys(count: int) -> Is:
    return lambda text: len(json.loads(text)) == count


def as_python_writes_it(text: str) -> bool:
    return text == json.dumps(json.loads(text))


def as_python_prints_it(text: str) -> bool:
    return text == json.dumps(json.loads(text), indent=2, ensure_ascii=False)


def holds_its_row_again(text: str) -> bool:
    event = json.loads(text)
    return bool(event["after"].items() <= event.items())


# By shape: what is so of the text of its good events, and of which share of them.
WRITTEN: dict[str, list[tuple[Is, float]]] = {
    "compact": [(has(r"[\s\\]|[^ -~]"), 0), (has('"category":null'), 0.2), (keys(13), 1)],
    "habits": [
        (has(r'"price":\d+\.\d\d}$'), 1),
        (has(r'"price":\d+\.\d0}$'), 0.1),
        (has(r"\.\d{6}\+02:00"), 1),
        (has("null"), 0),
        (keys(12), 0.2),
        (has("[^ -~]"), 1),
    ],
    "python": [(as_python_writes_it, 1), (keys(13), 1)],
    "long-integers": [(has(r'"product_id":2\d{18},'), 1)],
    "unicode-escapes": [(has(r"\\u[0-9a-f]{4}"), 1), (has("[^ -~]"), 0)],
    "slash-escapes": [(has(r'"\\/p\\/\d+"'), 1)],
    "random-order": [(has('^{"event_id"'), 1 / 13), (has('^{"price"'), 1 / 13), (keys(13), 1)],
    "pretty": [(as_python_prints_it, 1), (keys(13), 1)],
    "producers": [(has(f'^{{"{first}'), 0.25) for first in ("event_id", "page", "user_id", 'brand": ')],
    "two-unknown": [(keys(15), 1), (has('"browser":"[a-z]+".*"score":'), 1)],
    "nested": [(keys(14), 1), (has(r'"device":{"os":.*"screen":{"width":\d+,"height":\d+}}'), 1)],
    "arrays": [(keys(16), 1), (has(r'"items":\[{"sku":\d+.*},{"sku":\d+.*}\].*"shown":\[\d+,\d+\]'), 1)],
    "debezium": [
        (keys(19), 1),
        (holds_its_row_again, 1),
        (has('"before":{"event_id"'), 1 / 3),
        (has(r'"source":{.*"sequence":"\[\\"\d+'), 1),
    ],
    "wide": [(keys(130), 1), (lambda text: 1800 < len(text) < 2200, 1)],
    "exponents": [(has(f'"price":{price},'), 0.25) for price in ("1E3", r"-0\.0", r"\d+e-2", r"\d+\.\d+")],
    "missing": [(keys(12), 0.25), (keys(13), 0.75), (has('"page"'), 31 / 32)],
    "customer": [(keys(10), 1), (has(r'"category_id":2\d{18},'), 1), (has('"category_code":null'), 1 / 3)],
    "customer-python": [(as_python_writes_it, 1), (keys(10), 1)],
    "customer-two-unknown": [(keys(12), 1)],
    "customer-nested": [(keys(11), 1)],
}

# By shape: the fields that do not say what those of the compact shape say.
OTHER_FIELDS = {
    "habits": {"brand"},
    "long-integers": {"product_id"},
    "unicode-escapes": {"brand"},
    "exponents": {"price"},
    "missing": {"session", "product_id", "category", "brand", "quantity", "mobile", "country", "page"},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_shape_is_written_as_it_says(name: str) -> None:
    texts = [value.decode() for value in values_of(replace(BY_NAME[name].kind, bad=0), EVENTS)]
    assert len(texts) == EVENTS
    for holds, share in WRITTEN[name]:
        assert sum(map(holds, texts)) / EVENTS == pytest.approx(share, abs=0.05 if 0 < share < 1 else 0)


def test_all_other_shapes_are_of_bad_events() -> None:
    assert {shape.name: shape.kind for shape in SHAPES if shape.name not in WRITTEN} == {
        "bad-1": Kind(bad=0.01),
        "bad-50": Kind(bad=0.5),
    }


@each_shape
def test_the_fast_path_takes_every_good_event_and_lands_what_sql_lands(
    shape: Shape, settings: Settings, by_sql: BySql
) -> None:
    kind = with_bad_ones(shape)
    events, known = batch(values_of(kind, EVENTS)), truth(kind, EVENTS)
    by_fast_path = checked_fast(kind, events)
    assert by_fast_path.good_parsed == known.landed
    assert landed(open_landing, settings, kind, events, by_fast_path) == by_sql.of(kind)
    stream = read_contract(kind.contract).stream
    assert found_in(settings.data / "open_landing" / "landing" / f"{stream}.duckdb", f"raw.{stream}") == known
    assert known.rejected > 0


@each_shape
def test_each_shape_tells_the_same_events(shape: Shape, by_sql: BySql) -> None:
    kind, compact = with_bad_ones(shape), with_bad_ones(BY_NAME[shape.compact])
    fields = [field.name for field in read_contract(kind.contract).fields]
    same = [n for n, name in enumerate(fields) if name not in OTHER_FIELDS.get(shape.name, set())]
    (rows, _), (usual, _) = by_sql.of(kind), by_sql.of(replace(compact, bad=kind.bad))
    assert [[row[n] for n in same] for row in rows] == [[row[n] for n in same] for row in usual]


@each_shape
def test_the_tuned_loop_reads_every_shape(
    shape: Shape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_sql: BySql
) -> None:
    kind = with_bad_ones(shape)
    monkeypatch.setattr(tuned_loop, "KafkaConsumer", consumer_of(kind, EVENTS))
    timed = tuned_loop.run(task(kind, tmp_path))
    assert found_in(timed.database, timed.table) == truth(kind, EVENTS)
    rows, _ = by_sql.of(kind)
    count = len(read_contract(kind.contract).fields)
    with duckdb.connect(timed.database, read_only=True) as connection:
        found = connection.execute(f"SELECT * FROM {timed.table} ORDER BY _offset").fetchall()
    assert [row[:count] for row in found] == [row[:count] for row in rows]
    assert [unknown_keys(row[count]) for row in found] == [unknown_keys(row[count]) for row in rows]


@pytest.mark.parametrize("name", [shape.name for shape in SHAPES if shape.typed_at_least])
def test_json_transform_lands_the_same_good_events(name: str, tmp_path: Path, by_sql: BySql) -> None:
    kind = replace(BY_NAME[name].kind, bad=0)
    cut = [b'{"event_id":"cut', b"\xff"]
    contract = read_contract(kind.contract)
    connection = open_database(task(kind, tmp_path), checked=False)
    events = batch([*values_of(kind, EVENTS), *cut])
    confluent_typed.land(connection, confluent_typed.insert_sql(contract), events)
    found = connection.execute(f"SELECT * FROM {TABLE} ORDER BY _offset").fetchall()
    rejects = connection.execute('SELECT value FROM raw.rejects ORDER BY "offset"').fetchall()
    connection.close()
    rows, _ = by_sql.of(kind)
    count = len(contract.fields)
    assert [row[:count] for row in found] == [row[:count] for row in rows]
    assert [value for (value,) in rejects] == cut


class BySql:
    """What SQL lands of a kind's events: each kind once for all tests."""

    def __init__(self, folder: Path) -> None:
        self._settings = Settings(REPOSITORY, folder, "local", None)
        self._landed: dict[Kind, tuple[Rows, Rows]] = {}

    def of(self, kind: Kind) -> tuple[Rows, Rows]:
        if kind not in self._landed:
            own = replace(self._settings, data=self._settings.data / f"{len(self._landed)}")
            self._landed[kind] = landed(open_landing, own, kind, batch(values_of(kind, EVENTS)))
        return self._landed[kind]


@pytest.fixture(scope="module")
def by_sql(tmp_path_factory: pytest.TempPathFactory) -> BySql:
    return BySql(tmp_path_factory.mktemp("by_sql"))


def with_bad_ones(shape: Shape) -> Kind:
    return replace(shape.kind, bad=max(shape.kind.bad, 0.05))


def task(kind: Kind, folder: Path) -> Task:
    return Task("", "", "topic", str(kind.contract), EVENTS, str(folder))


def unknown_keys(text: str | None) -> set[str]:
    return set(json.loads(text)) if text else set()


def test_every_shape_is_asked_for_by_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(SHAPES)
    assert {shape.compact for shape in SHAPES} <= set(BY_NAME)
