"""What of a model's code counts: all but remarks, and what only looks like one is none."""

from __future__ import annotations

import pytest

from penstock.transform.jinja_code import what_counts


@pytest.mark.parametrize(
    "sql",
    [
        "a $t$--{}$t$ b",
        "a $$/*{}*/$$ b",
        "a $ü$--{}$ü$",
        r"a e'\' --{}' b",
        r"a E'\\\'--{}'",
        "'--{}' || \"--{}\"",
    ],
)
def test_a_text_is_no_remark(sql: str) -> None:
    assert what_counts(sql.replace("{}", "x")).text != what_counts(sql.replace("{}", "y")).text


@pytest.mark.parametrize("sql", ["a -- {}", "a /* {} */ b", "a$b -- {}\n c$d", "a 'e' -- {}"])
def test_a_remark_does_not_count(sql: str) -> None:
    assert what_counts(sql.replace("{}", "x")).text == what_counts(sql.replace("{}", "y")).text
