from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.names import RESERVED, name_problem

KINDS = sorted(RESERVED)


@given(name=st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True), kind=st.sampled_from(KINDS))
def test_lower_case_sql_names_are_taken_unless_they_are_ours(name: str, kind: str) -> None:
    assert (name_problem(kind, name) is None) == (name not in RESERVED[kind])


@given(name=st.text(max_size=70), kind=st.sampled_from(KINDS))
def test_nothing_else_is_taken_and_the_name_is_reported(name: str, kind: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name, re.ASCII):
        problem = name_problem(kind, name)
        assert problem is not None
        assert f"'{name}'" in problem


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("stream", "rejects", "Penstock uses that name itself"),
        ("mart", "mart_status", "Penstock uses that name itself"),
        ("pipeline", "rollback", "Penstock uses that name itself"),
        ("pipeline", "temp", "DuckDB keeps that name for itself"),
        ("column", "_offset", "kept for Penstock's own names"),
        ("stream", "Events", "lower-case letter"),
        ("stream", "é", "lower-case letter"),
        ("mart", "a\n", "lower-case letter"),
        ("mart", "", "lower-case letter"),
        ("mart", "a" * 64, "63 at most"),
    ],
)
def test_a_refused_name_says_why(kind: str, name: str, told: str) -> None:
    problem = name_problem(kind, name)
    assert problem is not None
    assert told in problem
