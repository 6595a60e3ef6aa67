from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from penstock.core.yaml_file import YamlFile
from penstock.validate.suites import Check
from penstock.validate.wording import observed_text, problem_message


def check(kind: str, description: str | None = None, **kwargs: Any) -> Check:
    return Check(kind, kwargs, "critical", description, None, None, YamlFile(Path("a.yaml"), {}, {}), ())


def values(*examples: Any, count: int = 3) -> dict[str, Any]:
    return {"element_count": 214, "unexpected_count": count, "partial_unexpected_list": list(examples)}


@pytest.mark.parametrize(
    ("declared", "result", "text"),
    [
        (
            check("expect_column_values_to_be_between", column="price", min_value=0),
            values(Decimal("-5.00"), Decimal("-5.00"), -1),
            "3 of 214 values outside [0, …], e.g. -5.00, -1",
        ),
        (
            check("expect_column_values_to_be_between", column="price", max_value=9, strict_max=True),
            values(10),
            "3 of 214 values outside […, 9), e.g. 10",
        ),
        (check("expect_column_values_to_not_be_null", column="price"), values(None), "3 of 214 values null"),
        (check("expect_column_values_to_be_unique", column="a"), values(), "3 of 214 values not unique"),
        (
            check("expect_column_values_to_be_in_set", column="type", value_set=["view", "cart"]),
            values("veiw"),
            "3 of 214 values not in [view, cart], e.g. veiw",
        ),
        (
            check("expect_column_values_to_not_be_in_set", column="type", value_set=["test"]),
            values("test"),
            "3 of 214 values in [test], e.g. test",
        ),
        (
            check("expect_table_row_count_to_be_between", min_value=1, max_value=10),
            {"observed_value": 0},
            "observed 0, expected [1, 10]",
        ),
        (check("expect_column_to_exist", column="a"), {"observed_value": False}, "observed false"),
        (check("expect_column_to_exist", column="a"), {}, "observed null"),
    ],
)  # fmt: skip
def test_what_was_found(declared: Check, result: dict[str, Any], text: str) -> None:
    assert observed_text(declared, result, []) == text


def test_rows_of_a_check_in_sql_are_shown() -> None:
    rows = [{"user_id": 3, "revenue": Decimal("1.00")}, {"user_id": 4, "revenue": None}]

    text = observed_text(check("unexpected_rows_expectation"), {"observed_value": 2}, rows)

    assert text == "2 unexpected rows, e.g. user_id=3, revenue=1.00; user_id=4, revenue=null"


def test_a_long_value_is_cut() -> None:
    text = observed_text(check("expect_column_values_to_be_unique"), values("x" * 1000), [])

    assert text == f"3 of 214 values not unique, e.g. {'x' * 59}…"


def test_a_description_tells_the_rule_and_an_error_is_no_failure() -> None:
    declared = check("unexpected_rows_expectation", "Revenue adds up")

    assert problem_message("customers", declared, None, observed="2 rows", error=None) == (
        "marts.customers: “Revenue adds up” (unexpected_rows_expectation) failed: 2 rows"
    )
    assert problem_message("customers", declared, "a, b", observed=None, error="no such function").endswith(
        "(unexpected_rows_expectation(a, b)) could not be judged: no such function"
    )


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"unexpected_count": 1, "partial_unexpected_list": [2]}, "1 distinct values not in [0], e.g. 2"),
        ({"missing_count": 1, "partial_missing_list": [0]}, "1 expected values are not there, e.g. 0"),
        (
            {
                "unexpected_count": 1, "partial_unexpected_list": ["a"], "missing_count": 1,
                "partial_missing_list": [0],
            },
            "1 distinct values not in [0], e.g. a; 1 expected values are not there, e.g. 0",
        ),
    ],
)  # fmt: skip
def test_what_was_found_of_a_set(result: dict[str, Any], text: str) -> None:
    declared = check("expect_column_distinct_values_to_equal_set", column="a", value_set=[0])

    assert observed_text(declared, {"observed_value": None, **result}, []) == text


def test_a_value_of_any_shape_is_one_line() -> None:
    found = {Decimal("1.5"): ["a\n\x1b[31m", {"b": "\u202e"}]}

    text = observed_text(check("expect_column_values_to_be_unique"), values(found), [])

    assert text == r"3 of 214 values not unique, e.g. {1.5: [a\n\u001b[31m, {b: \u202e}]}"
