"""What an event brings is text, wherever a person sees it: in Data Docs, in the verdict, on a terminal."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from penstock.cli import main
from penstock.core.printable import on_one_line, printable

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)>",
    "$column $PARAMETER ${HOME} $$ $styling",
    "&lt;i&gt; &#60;u&#62;",
    '{{section_id}} {% set a = 1 %} {"a": 1}',
    "back\\slash 'single' \"double\" `tick`",
    "[link](javascript:alert(1)) **bold**",
    "\x1b[31mred\x1b[0m \x9b2J \x07 \u202egnp.exe",
    "one\nError: forged\n  Fix: none",
    "ünïcode 漢字 🙂",
)
KEPT = "a quiet value"


class Page(HTMLParser):
    """Tags with their attributes, and the text that a person sees."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text: list[str] = []
        self._script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag in ("script", "style")
        self.tags.append(" ".join([tag, *sorted(name for name, _ in attrs)]))

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.text.append(data)


def checks() -> list[dict[str, Any]]:
    """One of each way in which Great Expectations shows a value."""
    column = {"column": "brand"}
    return [
        {"type": kind, "kwargs": kwargs, "severity": "critical", "description": kind}
        for kind, kwargs in (
            ("expect_column_values_to_be_in_set", {**column, "value_set": ["acme"]}),
            ("expect_column_distinct_values_to_be_in_set", {**column, "value_set": ["acme"]}),
            ("expect_column_distinct_values_to_contain_set", {**column, "value_set": ["acme"]}),
            ("expect_column_distinct_values_to_equal_set", {**column, "value_set": ["acme"]}),
            ("expect_column_most_common_value_to_be_in_set", {**column, "value_set": ["acme"]}),
            ("expect_column_max_to_be_between", {**column, "max_value": 0}),
            ("expect_column_value_lengths_to_be_between", {**column, "max_value": 0}),
            ("expect_column_values_to_match_regex", {**column, "regex": "^(?:<b>|:x)$"}),
            ("expect_column_values_to_be_unique", column),
            ("expect_column_pair_values_to_be_equal", {"column_A": "brand", "column_B": "event_id"}),
            ("expect_compound_columns_to_be_unique", {"column_list": ["brand", "user_id"]}),
            ("expect_multicolumn_values_to_be_equal", {"column_list": ["brand", "event_id"]}),
            ("unexpected_rows_expectation", {"unexpected_rows_query": "select brand from {batch}"}),
            (
                "unexpected_rows_expectation",
                {"unexpected_rows_query": "select cast(brand as integer) as number from {batch}"},
            ),
        )
    ]


@pytest.fixture
def judged(shop: Any) -> Any:
    """Judge a shop whose brands are `values`, each twice; returns the command's result and the page."""

    def judge(values: tuple[str, ...]) -> tuple[Any, str]:
        with duckdb.connect(shop.warehouse) as connection:
            connection.execute("delete from marts.purchases")
            connection.executemany(
                "insert into marts.purchases values (?, 1, 1, ?)",
                [[f"{v} ", v] for v in values for _ in (1, 2)],
            )
        shop.suite("purchases", *checks())
        result = CliRunner().invoke(main, ["validate", "shop", "--run-id", "run-1"])
        assert result.exit_code == 1, result.exception
        assert "could not be judged" in result.stderr, result.stderr
        (page,) = (shop.settings.docs_dir / "shop").glob("validations/purchases/**/*.html")
        return result, page.read_text(encoding="utf-8")

    return judge


def test_data_docs_show_values_as_text(judged: Any) -> None:
    _, harmless = judged(tuple(f"{KEPT} {number}" for number, _ in enumerate(HOSTILE)))
    _, html = judged(HOSTILE)

    page, other = Page(html), Page(harmless)
    assert page.tags == other.tags  # no value has become an element or an attribute
    seen = re.sub(r"\s+", " ", "".join(page.text))
    for value in HOSTILE:
        assert re.sub(r"\s+", " ", printable(value)) in seen, value
    assert "The values" not in seen
    for element in re.findall(r"<script.*?</script>", html, re.DOTALL):
        assert "alert(1)" not in element


def test_a_value_is_one_line_of_the_verdict_and_steers_no_terminal(shop: Any, judged: Any) -> None:
    result, _ = judged(HOSTILE)

    for text in (
        result.stdout,
        result.stderr,
        shop.settings.verdict_file("shop").read_text(encoding="utf-8"),
    ):
        assert printable(text) == text
    assert [line for line in result.stderr.splitlines() if line.startswith("Error: ")] == [
        result.stderr.splitlines()[-2]
    ]
    problems = json.loads(shop.settings.verdict_file("shop").read_text(encoding="utf-8"))["problems"]
    assert len(problems) == len(checks())
    assert all("\n" not in problem["message"] for problem in problems)


@given(st.text())
def test_whatever_the_text_it_stays_on_its_line(text: str) -> None:
    assert len(f"a{on_one_line(text)}b".splitlines()) == 1
    assert on_one_line(text).isascii() or on_one_line(text).encode("utf-8")
    assert printable(printable(text)) == printable(text)


@given(st.text())
def test_whatever_the_text_json_says_the_same(text: str) -> None:
    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


def test_the_name_of_a_run_is_a_folder_of_data_docs(shop: Any) -> None:
    for run_id in ("..", ".", "x" * 5000, "ü" * 300, "a/../../b", "<b>&'\"\n"):
        result = CliRunner().invoke(main, ["validate", "shop", "--run-id", run_id])
        assert result.exit_code == 0, result.exception
        docs = Path(shop.verdict()["docs"]).parent
        assert docs == shop.settings.docs_dir / "shop"
        assert len(list(docs.glob("validations/*/*/*/*.html"))) == 2
        assert shop.verdict()["run_id"] == run_id
