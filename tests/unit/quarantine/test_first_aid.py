"""The order of first aid, with a gate and a build that say what the test wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from penstock.core.errors import BusyError, GateRefused, PenstockError, TransformError
from penstock.core.quarantine import Move, add_moves, in_quarantine, read_moves
from penstock.core.settings import Settings
from penstock.core.verdict import NewInput, Problem, Verdict
from penstock.monitor.outbox import Outbox
from penstock.quarantine import first_aid
from tests.records import a_verdict

NEW = (NewInput("orders", 2, 3, []),)
BAD = Problem(
    "sales", "expect_x", None, "critical", "5 is odd", None, "marts.sales: expect_x failed: 5 is odd"
)
TOO_FEW = replace(BAD, findings=[{"text": "rows are 0", "stops": True, "lacks": True}])
REFUSED = a_verdict("shop", "b", outcome="refused", problems=(BAD,), new_inputs=NEW)
PASSED = a_verdict("shop", "b")
ERROR = a_verdict("shop", "b", outcome="error", problems=(BAD,), new_inputs=NEW)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(tmp_path / "project", tmp_path / "data", "local", None)
    declare(settings, "quarantine")
    settings.landing_file("orders").parent.mkdir(parents=True)
    with duckdb.connect(settings.landing_file("orders")) as landing:
        landing.execute("create schema raw")
        landing.execute(
            'create table raw.commits as select n as "commit", '
            "timestamptz '2026-01-01 00:00:00Z' + interval (n) hour as \"at\" from range(1, 4) as t (n)"
        )
    return settings


def declare(settings: Settings, on_anomaly: str) -> None:
    file = settings.pipeline_file("shop")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"name: shop\ndescription: A shop.\nowner: sales\nstreams: [orders]\non_anomaly: {on_anomaly}\n"
    )


Judge = Callable[..., tuple[Verdict, list[str]]]


@pytest.fixture
def judge(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """What first aid makes of verdicts, one for each time that the gate is asked; and what was done."""

    def run(*verdicts: Verdict, build: BaseException | None = None) -> tuple[Verdict, list[str]]:
        done: list[str] = []
        said = iter(verdicts)

        def validate(*words: Any) -> Verdict:
            done.append("judge")
            return next(said)

        def transform(*words: Any, **more: Any) -> None:
            inside = in_quarantine(read_moves(settings.quarantine_file("shop")))
            done.append(f"build without {sorted(inside.get('orders', []))}")
            if build:
                raise build

        monkeypatch.setattr(first_aid, "validate", validate)
        monkeypatch.setattr(first_aid, "transform", transform)
        return first_aid.judge(settings, "shop", "run"), done

    return run


def moves(settings: Settings) -> list[tuple[str, int, int, str]]:
    return [
        (one.action, one.first_commit, one.last_commit, one.landed_at)
        for one in read_moves(settings.quarantine_file("shop"))
    ]


IN = ("quarantine", 2, 3, "2026-01-01T03:00:00+00:00")
OUT = ("release", 2, 3, "2026-01-01T03:00:00+00:00")


def test_what_passes_without_what_is_new_is_the_verdict(settings: Settings, judge: Judge) -> None:
    assert judge(REFUSED, PASSED) == (PASSED, ["judge", "build without [2, 3]", "judge"])
    assert moves(settings) == [IN]
    (told,) = Outbox(settings.outbox_file).entries()
    assert "orders commits 2 to 3" in told.text
    assert "5 is odd" in told.text


def test_what_is_refused_without_it_too_is_built_and_judged_as_before(
    settings: Settings, judge: Judge
) -> None:
    done = ["judge", "build without [2, 3]", "judge", "build without []", "judge"]
    assert judge(REFUSED, REFUSED, REFUSED) == (REFUSED, done)
    assert moves(settings) == [IN, OUT]
    assert Outbox(settings.outbox_file).entries() == []


@pytest.mark.parametrize(
    ("verdict", "on_anomaly"),
    [
        (PASSED, "quarantine"),
        (ERROR, "quarantine"),
        (a_verdict("shop", "b", outcome="refused", problems=(BAD,)), "quarantine"),
        (REFUSED, "hold"),
        (REFUSED, "warn"),
        (a_verdict("shop", "b", outcome="refused", problems=(BAD, TOO_FEW), new_inputs=NEW), "quarantine"),
    ],
    ids=["passed", "an error", "nothing new", "hold", "warn", "rows are missing"],
)
def test_else_nothing_is_moved(settings: Settings, judge: Judge, verdict: Verdict, on_anomaly: str) -> None:
    declare(settings, on_anomaly)
    assert judge(verdict) == (verdict, ["judge"])
    assert moves(settings) == []


def test_a_build_that_fails_is_told_with_the_refusal_and_moves_nothing(
    settings: Settings, judge: Judge
) -> None:
    with pytest.raises(GateRefused) as caught:
        judge(REFUSED, build=TransformError("it keeps its rows", fix="take it out"))
    assert "expect_x failed: 5 is odd; and without what is new in them" in caught.value.message
    assert "it keeps its rows" in caught.value.message
    assert caught.value.fix == "take it out"
    assert moves(settings) == [IN, OUT]


def test_what_a_killed_run_left_is_gone_on_with(settings: Settings, judge: Judge) -> None:
    with pytest.raises(KeyboardInterrupt):
        judge(REFUSED, build=KeyboardInterrupt())
    assert moves(settings) == [IN]
    assert judge(REFUSED, PASSED)[0] == PASSED
    assert moves(settings) == [IN]
    assert len(Outbox(settings.outbox_file).entries()) == 1


def test_the_same_run_again_tells_of_other_commits(settings: Settings, judge: Judge) -> None:
    judge(REFUSED, PASSED)
    more = replace(REFUSED, new_inputs=(NewInput("orders", 1, 1, []),))
    earlier = read_moves(settings.quarantine_file("shop"))[0]
    settings.quarantine_file("shop").unlink()
    add_moves(settings.quarantine_file("shop"), [replace(earlier, at="2026-01-01T00:00:00+00:00")])
    judge(more, PASSED)
    texts = [one.text for one in Outbox(settings.outbox_file).entries()]
    assert sum("orders commit 1\n" in text for text in texts) == 1


def test_what_a_person_has_put_there_stays_when_penstocks_own_is_taken_back(
    settings: Settings, judge: Judge
) -> None:
    by_anna = Move(
        action="quarantine", stream="orders", first_commit=3, last_commit=3,
        landed_at="2026-01-01T03:00:00+00:00", by="anna", at="2026-01-01T04:00:00+00:00", why="x", run_id="r",
        automatic=False,
    )  # fmt: skip
    add_moves(settings.quarantine_file("shop"), [by_anna])
    judge(REFUSED, REFUSED, REFUSED)
    assert in_quarantine(read_moves(settings.quarantine_file("shop"))) == {"orders": {3}}


def test_a_lock_that_is_held_hides_no_refusal(
    settings: Settings, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*words: Any) -> None:
        raise BusyError("held by anna")

    monkeypatch.setattr(first_aid, "_take_back", held)
    with pytest.raises(GateRefused) as caught:
        judge(REFUSED, build=TransformError("no disk"))
    assert "5 is odd" in caught.value.message
    assert "no disk" in caught.value.message
    assert "orders commits 2 to 3 could not be released: held by anna" in caught.value.message


def test_that_nobody_can_be_told_stops_no_publication(settings: Settings, judge: Judge) -> None:
    settings.outbox_file.mkdir(parents=True)
    assert judge(REFUSED, PASSED)[0] == PASSED
    settings.outbox_file.rmdir()
    assert judge(PASSED)[0] == PASSED
    assert len(Outbox(settings.outbox_file).entries()) == 1, "the next run says it"


def test_a_landing_file_that_cannot_be_read_is_told_with_the_refusal(
    settings: Settings, judge: Judge
) -> None:
    settings.landing_file("orders").unlink()
    with pytest.raises(PenstockError) as caught:
        judge(REFUSED)
    assert "5 is odd" in caught.value.message
    assert str(settings.landing_file("orders")) in caught.value.message
    assert moves(settings) == []
