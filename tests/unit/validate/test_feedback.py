"""Decisions on findings: the file that keeps them, and for which check they count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from penstock.core.yaml_file import YamlFile
from penstock.validate.feedback import Decision, add_decisions, feedback_of, in_force, read_feedback
from penstock.validate.suites import Check

HISTORY = "expect_new_periods_to_resemble_history"
REJECTED = Decision(
    decision="reject", finding="1234567", by="anna", at="2026-01-14T10:00:00+00:00", why="x", text="rows …",
    mart="purchases", check=HISTORY, measure="rows", period_column="bought_at", period="day",
    periods=("2026-01-12",), level=1.5,
)  # fmt: skip
HOUR = replace(REJECTED, period="hour", periods=("2026-01-12 14:00",))


def check(**kwargs: Any) -> Check:
    kwargs = {"period_column": "bought_at"} | kwargs
    return Check(HISTORY, kwargs, "critical", None, None, None, YamlFile(Path("a.yaml"), {}, {}), ())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    finding=st.from_regex("[0-9a-f]{7}", fullmatch=True),
    words=st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=3, max_size=3),
    level=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
@example(finding="0000000", words=["\x85", "a\u2028b", "\u2029 \n c"], level=None)
def test_what_was_decided_reads_as_it_was_written(
    tmp_path: Path, finding: str, words: list[str], level: float | None
) -> None:
    file = tmp_path / "feedback" / "shop.yaml"
    file.unlink(missing_ok=True)
    by, why, text = words
    first = replace(REJECTED, finding=finding, by=by, why=why, text=text, level=level)
    add_decisions(file, [first])
    add_decisions(file, [HOUR])
    assert read_feedback(file) == [first, HOUR]


def test_of_a_finding_the_last_decision_counts() -> None:
    other = replace(REJECTED, finding="7654321")
    accepted, undone = (replace(REJECTED, decision=kind) for kind in ("accept", "undo"))
    assert in_force([REJECTED, other, accepted]) == [accepted, other]
    assert in_force([REJECTED, other, undone]) == [other]


@pytest.mark.parametrize(
    ("decision", "asked", "rejected"),
    [
        (REJECTED, check(), ["2026-01-12 00:00:00"]),
        (REJECTED, check(period="hour"), [f"2026-01-12 {hour:02}:00:00" for hour in range(24)]),
        (HOUR, check(), ["2026-01-12 00:00:00"]),
        (HOUR, check(period="hour"), ["2026-01-12 14:00:00"]),
        (REJECTED, check(period_column="paid_at"), []),
    ],
)
def test_rejected_is_a_time_of_the_mart_as_one_column_says_it(
    decision: Decision, asked: Check, rejected: list[str]
) -> None:
    assert feedback_of("purchases", asked, [decision]) == {"accepted": [], "rejected": rejected}
    assert feedback_of("customers", asked, [decision]) == {"accepted": [], "rejected": []}


def test_accepted_is_a_value_of_one_check() -> None:
    accepted = replace(REJECTED, decision="accept")
    value = {"measure": "rows", "periods": ["2026-01-12"], "level": 1.5}
    assert feedback_of("purchases", check(), [accepted])["accepted"] == [value]
    assert feedback_of("purchases", check(period="hour"), [accepted])["accepted"] == []
