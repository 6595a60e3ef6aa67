"""A required text that says nothing is a reject, unless the contract allows it."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.functional.ingest.things import HEADER, Checker

CONTRACT = (
    HEADER
    + """\
      - {name: thing_id, logicalType: string, primaryKey: true, required: true}
      - {name: session, logicalType: string, required: true}
      - {name: note, logicalType: string}
      - {name: free, logicalType: string, required: true, logicalTypeOptions: {minLength: 0}}
      - {name: visit, logicalType: string, physicalType: UUID}
      - name: kind
        logicalType: string
        required: true
        quality: [{metric: invalidValues, arguments: {validValues: ["", a]}, mustBe: 0}]
"""
)
GOOD = {"thing_id": "t", "session": "s", "note": "n", "free": "f", "kind": "a"}


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return Checker(tmp_path_factory.mktemp("blank"), CONTRACT)


def event(**changed: str) -> bytes:
    return json.dumps(GOOD | changed).encode()


@pytest.mark.parametrize("field", ["thing_id", "session"])
@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u00a0", "\u3000 \u200b", "\ufeff", "\x00"])
def test_a_required_text_that_says_nothing_is_rejected_as_blank(
    checker: Checker, field: str, text: str
) -> None:
    ((named, rule, found),) = checker.reasons(event(**{field: text}))
    assert (named, rule, json.loads(found)) == (field, "blank", text)


def test_what_may_be_left_out_or_is_allowed_may_be_blank(checker: Checker) -> None:
    assert checker.reasons(event(note="", free=" ", kind="")) == []


def test_of_events_on_the_fast_path_the_good_ones_stay_there(checker: Checker) -> None:
    values = [json.dumps(GOOD, separators=(",", ":")).encode()] * 3
    checker(values[0], event(session=" "), values[1], values[2])
    assert checker.fast == {0, 2, 3}


@given(st.text(max_size=4))
@example("\u2028")
@example("\xad")  # a soft hyphen
@example("\U0001f600")
@settings(max_examples=200)
def test_blank_is_what_has_no_visible_character(checker: Checker, text: str) -> None:
    shows = any(
        not letter.isspace() and unicodedata.category(letter) not in ("Cc", "Cf", "Zs", "Zl", "Zp")
        for letter in text
    )
    rules = [rule for _, rule, _ in checker.reasons(event(session=text))]
    assert rules == ([] if shows else ["blank"])
