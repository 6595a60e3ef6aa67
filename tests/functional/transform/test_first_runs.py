"""All stages after ingest, as users meet them: an empty topic, only rejects, then events of any kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import duckdb
import pytest


@pytest.fixture(scope="module")
def empty(make_shop: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A shop whose topic holds nothing yet, built."""
    shop = make_shop(tmp_path_factory.mktemp("first") / "data")
    shop.landing.land_nothing()
    shop.built = chain(shop, "transform")["transform"]
    return shop


@pytest.fixture(scope="module")
def rejects_only(empty: Any) -> Any:
    """Then the topic held three events, which all broke the contract."""
    empty.landing.land([], rejects=3)
    empty.said = chain(empty, "transform", "validate", "publish")
    empty.served = served(empty)
    return empty


@pytest.fixture(scope="module")
def events(rejects_only: Any, make_event: Callable[..., Any]) -> dict[str, Any]:
    """Then came good events of any kind. What the stages said, and what is served."""
    rejects_only.landing.land(events_of_any_kind(make_event))
    said = chain(rejects_only, "transform", "validate", "publish")
    return said | {"shop": rejects_only, "served": served(rejects_only)}


def chain(shop: Any, *stages: str) -> dict[str, Any]:
    said = {}
    for stage in stages:
        done = shop.run(*stage.split())
        assert done.returncode == 0, f"{stage}: {done.stdout} {done.stderr}"
        said[stage] = json.loads(done.stdout)
    return said


def served(shop: Any) -> dict[str, tuple[Any, ...]]:
    with duckdb.connect(shop.settings.marts_link("customer_events"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT mart, version, complete_until IS NOT NULL, row_count, rejected_events, rejected_share, "
            "newest_event_at "
            "FROM mart_status"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def events_of_any_kind(make_event: Callable[..., Any]) -> list[dict[str, Any]]:
    """What broke, or might break, a build or the gate: times to the microsecond and from all years, copies,
    ids of 19 digits, free and the dearest products, texts that another language would read."""
    texts = [
        "", " ", "$HOME", "${x}", "<script>alert(1)</script>", ":name", "a'b", 'a"b', "a\\b", "a\nb", "\0",
        "{batch}", "{{ x }}", "%s", "; drop table x; --", "İI", "x" * 100_000, None,
    ]  # fmt: skip
    times = [
        "2026-11-01T23:59:59.9Z", "2026-11-02T00:00:00.1Z", "2026-11-02T01:30:00.000001+02:00",
        "2026-11-02T12:00:00.500000-11:30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.999999Z", "2026-11-02T12:00:01.499999Z",
    ]  # fmt: skip
    ids = [0, 1, -1, 2**63 - 1, -(2**63), 1_234_567_890_123_456_789]
    types = ["view", "cart", "remove_from_cart", "purchase", "purchase"]
    return [
        make_event(
            f"{texts[n % len(texts)]}-{n % 350}", event_time=times[n % len(times)], event_type=types[n % 5],
            product_id=ids[n % 6], category_id=ids[n % 5], category_code=texts[n % 18], brand=texts[n % 17],
            price=["0", "0.01", "9.99", "9999999999.99"][n % 4], user_id=ids[n % 6],
            user_session=texts[n % 7],
        )
        for n in range(400)
    ]  # fmt: skip


def test_an_empty_topic_is_built(empty: Any) -> None:
    assert empty.built["new_commits"] == 0
    assert set(map(len, empty.marts().values())) == {0}


def test_nothing_to_publish_yet_is_published_as_empty_marts(rejects_only: Any) -> None:
    assert rejects_only.said["validate"]["outcome"] == "passed"
    assert rejects_only.said["validate"]["checks"]["warned"] == 0
    assert len(rejects_only.served) == 6
    assert set(rejects_only.served.values()) == {(1, True, 0, 3, 1.0, None)}


def test_events_of_any_kind_pass_the_gate_and_are_published(events: dict[str, Any]) -> None:
    assert events["validate"]["checks"]["failed"] == 0
    assert events["publish"]["version"] == 2
    rows = {mart: row[2] for mart, row in events["served"].items()}
    assert rows["customers"] == rows["products"] == 6
    assert all(rows.values())
    assert events["served"]["sessions"][-1].isoformat() == "9999-12-31T23:59:59.999999"


def test_marts_that_become_empty_again_are_refused(events: dict[str, Any]) -> None:
    shop = events["shop"]
    shop.landing.path.unlink()
    shop.landing = type(shop.landing)(shop.data)
    shop.landing.land_nothing()
    chain(shop, "transform --full-refresh")
    done = shop.run("validate")
    assert done.returncode == 1
    assert "Sessions are not a tenth fewer than in the last published version" in done.stdout + done.stderr
    assert served(shop) == events["served"]
