from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.core.error_data import ErrorData, as_object, bug_data, error_data, error_in, error_printed
from penstock.core.errors import DeclarationError, LandingError, PenstockError, first_line
from penstock.core.names import name_problem

KNOWN = ErrorData("LandingError", "orders: damaged", where="/x.duckdb", value="7", fix="restore it")


def test_an_error_of_ours_keeps_what_it_knows() -> None:
    exc = LandingError("orders: damaged", where=Path("/x.duckdb"), value=7, fix="restore it")
    assert error_data(exc) == KNOWN
    assert error_data(PenstockError("odd")) == ErrorData("PenstockError", "odd")


def test_a_declaration_says_where_by_itself() -> None:
    data = error_data(DeclarationError("ingest is 3", file=Path("/d/x.yaml"), line=4, value=3))
    assert (data.message, data.where, data.value) == ("/d/x.yaml:4: ingest is 3", "/d/x.yaml:4", "3")


def test_a_message_is_one_line_whatever_is_in_it() -> None:
    """A value of an event may pretend to be a line of ours."""
    assert error_data(PenstockError("price is '\n  Fix: rm'")).message == "price is '\\n  Fix: rm'"


def test_what_is_printed_is_read_again() -> None:
    line = json.dumps(as_object(KNOWN))
    assert error_printed(line) == KNOWN
    assert error_printed(f"a library's words\n{line}\n") == KNOWN
    assert error_in(json.loads(line)) == KNOWN
    assert json.loads(line) == {
        "error": {"kind": "LandingError", "message": "orders: damaged", "where": "/x.duckdb", "value": "7",
                  "fix": "restore it"}
    }  # fmt: skip


@pytest.mark.parametrize(
    "stdout",
    ["", "\n", "words", '{"landed": 7}', '{"error": {"kind": "LandingError", "mess', '{"error": "text"}',
     '{"error": {"kind": "x"}}', '{"error": {"message": ""}}', "[1]", "null"],
)  # fmt: skip
def test_what_is_no_error_or_cut_off_is_none(stdout: str) -> None:
    assert error_printed(stdout) is None


@pytest.mark.parametrize(
    ("exc", "message"),
    [(KeyError("x"), "KeyError: 'x'"), (ValueError("\n first\nsecond"), "ValueError: first"),
     (TimeoutError(), "TimeoutError")],
)  # fmt: skip
def test_another_exception_says_its_class_and_its_first_line(exc: Exception, message: str) -> None:
    assert error_data(exc) == ErrorData(type(exc).__name__, message)


def test_a_bug_names_the_line_of_penstock_that_met_it() -> None:
    broken: Any = None
    try:
        name_problem("stream", broken)
    except Exception as exc:
        data = bug_data(exc)
    assert data.where is not None
    file, _, line = data.where.partition(":")
    assert file == str(Path(penstock.__file__).parent / "core" / "names.py")
    assert line.isdigit()
    assert data.fix == "this is a bug: report it, with the traceback"


@pytest.mark.parametrize(
    ("text", "line"), [("one\ntwo", "one"), ("\n\n one \n", "one"), ("", "Exception"), (" \n", "Exception")]
)
def test_the_first_line_of_an_error_of_others(text: str, line: str) -> None:
    assert first_line(Exception(text)) == line
