"""The example's checks of history against spoilt days, on marts that its compiled SQL makes in memory.

The same defects as in tests/trust, which lets real processes land, build and judge them: only those are here
that events by themselves do not show, for the contract refuses the others.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from penstock.validate.history.comparison import compare
from penstock.validate.history.keys import KeyQuestion, moved
from penstock.validate.history.norm import Weight
from penstock.validate.history.question import HISTORY_CHECK, KEYS_CHECK, question_of
from tests.functional.transform.compiled_marts import CompiledMarts
from tests.trust.defects import DEFECTS, Defect
from tests.trust.real_events import Event, split, two_weeks

SUITES = Path(__file__).resolve().parents[3] / "expectations" / "customer_events"
LANDED_AT = ["2026-06-12 00:00:00Z", "2026-06-15 00:00:00Z"]
OF_MARTS = [defect for defect in DEFECTS if not any(": " in name for name in defect.named)]
Found = list[tuple[Weight, str]]
Days = tuple[list[Event], list[Event]]


@pytest.fixture(scope="module")
def days() -> Days:
    """The events of the good days, and of those after them."""
    return split(two_weeks())


def landed(events: Iterable[Event], commit: int, first_offset: int) -> list[dict[str, Any]]:
    rows = []
    for number, event in enumerate(events):
        row = dataclasses.asdict(event) | {
            "event_time": event.at.isoformat(), "_epoch": 1, "_kafka_partition": 0, "_commit": commit,
            "_offset": first_offset + number, "_kafka_timestamp": event.sent.isoformat(),
            "_contract_version": "1",
        }  # fmt: skip
        del row["at"], row["sent"]
        rows.append(row)
    return rows


def found(compiled_marts: CompiledMarts, good: Sequence[Event], last: Sequence[Event]) -> Found:
    """What the checks of history find when `last` comes after the published `good` days."""
    connection = compiled_marts.build(landed(good, 1, 0), LANDED_AT)
    compiled_marts.build_with(connection, landed(last, 2, len(good)))
    findings = findings_of(connection)
    connection.close()
    return findings


def findings_of(connection: duckdb.DuckDBPyConnection) -> Found:
    """What the example's checks of history find in the candidates, against what is published."""
    findings: Found = []
    for file in sorted(SUITES.glob("*.yaml")):
        suite = yaml.safe_load(file.read_text())
        for check in suite["expectations"]:
            findings += _found(connection, suite["name"], check["type"], check["kwargs"])
    return findings


def _found(connection: duckdb.DuckDBPyConnection, mart: str, kind: str, kwargs: dict[str, Any]) -> Found:
    candidate, published = f"marts.{mart}", f"published.{mart}"
    if kind == HISTORY_CHECK:
        question = question_of(kwargs, {})
        compared = compare(connection, candidate, published, question)
        assert compared.learning is None
        return [(one.weight, one.text(question.period)) for one in compared.findings]
    if kind == KEYS_CHECK:
        _, others = moved(connection, mart, published, KeyQuestion(**kwargs))
        return [(one.weight, one.text()) for one in others]
    return []


def test_the_days_unspoilt_are_usual(compiled_marts: CompiledMarts, days: Days) -> None:
    assert found(compiled_marts, *days) == []


@pytest.mark.parametrize("defect", OF_MARTS, ids=[str(defect.number) for defect in OF_MARTS])
def test_a_strong_defect_stops_the_run_and_is_named(
    compiled_marts: CompiledMarts, days: Days, defect: Defect
) -> None:
    good, last = days
    spoil = defect.strong[1]
    findings = found(compiled_marts, good, spoil(last, random.Random(1)))
    stops = [text for weight, text in findings if weight is Weight.IMPOSSIBLE]
    assert any(name in text for text in stops for name in defect.named), findings
