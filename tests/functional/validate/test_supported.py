"""Every expectation that is installed works, or is refused with file and line and what to use instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from penstock.cli import main

PAGE = Path(__file__).parents[3] / "docs" / "expectations.md"
PRICES = {"quantiles": [0.1, 0.5, 0.9], "value_ranges": [[0, 3], [4, 7], [8, None]]}
FIFTHS = {"values": [0, 1, 2, 3, 4], "weights": [0.2] * 5}

# On ten purchases: event_id e0…e9, user_id 0…4, price 1…10, brand apple.
HOLDS: dict[str, dict[str, Any]] = {
    "expect_column_distinct_values_to_be_in_set": {"column": "user_id", "value_set": [0, 1, 2, 3, 4, 5]},
    "expect_column_distinct_values_to_contain_set": {"column": "user_id", "value_set": [0, 1]},
    "expect_column_distinct_values_to_equal_set": {"column": "user_id", "value_set": [0, 1, 2, 3, 4]},
    "expect_column_kl_divergence_to_be_less_than": {
        "column": "user_id", "partition_object": FIFTHS, "threshold": 0.1,
    },
    "expect_column_max_to_be_between": {"column": "price", "min_value": 10, "max_value": 10},
    "expect_column_mean_to_be_between": {"column": "price", "min_value": 5, "max_value": 6},
    "expect_column_median_to_be_between": {"column": "price", "min_value": 5, "max_value": 6},
    "expect_column_min_to_be_between": {"column": "price", "min_value": 1, "max_value": 1},
    "expect_column_most_common_value_to_be_in_set": {"column": "brand", "value_set": ["apple"]},
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "price", "column_B": "user_id"},
    "expect_column_pair_values_to_be_equal": {"column_A": "price", "column_B": "price"},
    "expect_column_pair_values_to_be_in_set": {
        "column_A": "brand", "column_B": "user_id", "value_pairs_set": [["apple", n] for n in range(5)],
    },
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": "price", "min_value": 1},
    "expect_column_proportion_of_unique_values_to_be_between": {"column": "user_id", "max_value": 0.5},
    "expect_column_quantile_values_to_be_between": {"column": "price", "quantile_ranges": PRICES},
    "expect_column_stdev_to_be_between": {"column": "price", "min_value": 3, "max_value": 3.1},
    "expect_column_sum_to_be_between": {"column": "price", "min_value": 55, "max_value": 55},
    "expect_column_to_exist": {"column": "price"},
    "expect_column_unique_value_count_to_be_between": {"column": "user_id", "min_value": 5, "max_value": 5},
    "expect_column_value_lengths_to_be_between": {"column": "brand", "min_value": 5, "max_value": 5},
    "expect_column_value_lengths_to_equal": {"column": "brand", "value": 5},
    "expect_column_value_z_scores_to_be_less_than": {"column": "price", "threshold": 2, "double_sided": True},
    "expect_column_values_to_be_between": {
        "column": "price", "min_value": 6, "row_condition": 'col("price") > 5',
        "condition_parser": "great_expectations",
    },
    "expect_column_values_to_be_in_set": {"column": "brand", "value_set": ["apple"]},
    "expect_column_values_to_be_null": {"column": "brand", "row_condition": 'col("price") > 99',
                                        "condition_parser": "great_expectations"},
    "expect_column_values_to_be_unique": {"column": "event_id"},
    "expect_column_values_to_match_like_pattern": {"column": "event_id", "like_pattern": "e%"},
    "expect_column_values_to_match_like_pattern_list": {
        "column": "event_id", "like_pattern_list": ["e%", "x%"], "match_on": "any",
    },
    "expect_column_values_to_match_regex": {"column": "event_id", "regex": "[0-9]"},  # anywhere in the text
    "expect_column_values_to_match_regex_list": {"column": "event_id", "regex_list": ["^e", "(?:[0-9]|:x)$"]},
    "expect_column_values_to_not_be_in_set": {"column": "brand", "value_set": ["acme"]},
    "expect_column_values_to_not_be_null": {"column": "brand"},
    "expect_column_values_to_not_be_outliers": {"column": "price", "method": "std", "multiplier": 3},
    "expect_column_values_to_not_match_like_pattern": {"column": "event_id", "like_pattern": "x%"},
    "expect_column_values_to_not_match_like_pattern_list": {"column": "brand", "like_pattern_list": ["x%"]},
    "expect_column_values_to_not_match_regex": {"column": "event_id", "regex": "^[0-9]"},
    "expect_column_values_to_not_match_regex_list": {"column": "brand", "regex_list": ["^x", "[0-9]"]},
    "expect_compound_columns_to_be_unique": {"column_list": ["event_id", "brand"]},
    "expect_multicolumn_sum_to_equal": {"column_list": ["user_id", "price"], "sum_total": 2},
    "expect_multicolumn_values_to_be_equal": {"column_list": ["price", "price"]},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": ["event_id", "brand"]},
    "expect_table_column_count_to_be_between": {"min_value": 4, "max_value": 4},
    "expect_table_column_count_to_equal": {"value": 4},
    "expect_table_columns_to_match_ordered_list": {"column_list": ["event_id", "user_id", "price", "brand"]},
    "expect_table_columns_to_match_set": {"column_set": ["brand", "price", "user_id", "event_id"]},
    "expect_table_row_count_to_be_between": {"min_value": 10, "max_value": 10},
    "expect_table_row_count_to_equal": {"value": 10},
    "expect_table_row_count_to_equal_other_table": {"other_table_name": "customers"},
    "unexpected_rows_expectation": {"unexpected_rows_query": "select * from {batch} where price < 0"},
}  # fmt: skip
# Penstock's own, which `test_history.py` tries on what is published.
HISTORY = ["expect_new_periods_to_resemble_history", "expect_values_of_keys_to_stay"]
# What the ten purchases break, though it can be judged.
BREAKS = {"expect_multicolumn_sum_to_equal", "expect_table_row_count_to_equal_other_table"}
REFUSED: dict[str, dict[str, Any]] = {
    "expect_column_type_to_be": {"column": "price", "type_": "DECIMAL"},
    "expect_column_values_to_be_of_type": {"column": "price", "type_": "DECIMAL"},
    "expect_column_values_to_be_in_type_list": {"column": "price", "type_list": ["DECIMAL"]},
    "expect_column_values_to_be_dateutil_parseable": {"column": "brand"},
    "expect_column_values_to_match_strftime_format": {"column": "brand", "strftime_format": "%Y"},
    "expect_column_values_to_be_json_parseable": {"column": "brand"},
    "expect_column_values_to_match_json_schema": {"column": "brand", "json_schema": {}},
    "expect_column_values_to_be_increasing": {"column": "price"},
    "expect_column_values_to_be_decreasing": {"column": "price"},
    "expect_query_results_to_match_comparison": {
        "base_query": "select 1", "comparison_data_source_name": "x", "comparison_query": "select 1",
    },
}  # fmt: skip


def judge(shop: Any, *checks: dict[str, Any]) -> tuple[Result, Path]:
    file = shop.suite("purchases", *checks)
    return CliRunner().invoke(main, ["validate", "shop", "--run-id", "run-1"]), file


def check(kind: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}


def test_what_is_installed_works_or_is_refused(shop: Any) -> None:
    result, _ = judge(shop, *(check(kind, kwargs) for kind, kwargs in HOLDS.items()))

    assert "  Fix: see " in result.stderr, (result.stderr, result.exception)
    verdict = shop.verdict()
    assert {problem["check"] for problem in verdict["problems"]} == BREAKS, verdict["problems"]
    assert verdict["checks"]["errored"] == 0
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    assert sorted([*HOLDS, *HISTORY, *REFUSED]) == sorted(list_registered_expectation_implementations())


def test_the_page_lists_what_works_and_what_does_not() -> None:
    works, _, rest = PAGE.read_text(encoding="utf-8").partition("## History")
    refused = rest.partition("## What does not")[2]
    names = r"`(expect_\w+|unexpected_rows_expectation)`"
    assert sorted(re.findall(names, works)) == sorted([*HOLDS, *HISTORY])
    table = refused.partition("## SQL")[0]
    cells = "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert set(re.findall(names, cells)) == {*REFUSED, "expect_column_values_to_not_be_outliers"}


OUTLIERS = "expect_column_values_to_not_be_outliers"
REGEX = "expect_column_values_to_match_regex"
BETWEEN = "expect_column_values_to_be_between"
QUANTILES = "expect_column_quantile_values_to_be_between"


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        *REFUSED.items(),
        (OUTLIERS, {"column": "price"}),
        (OUTLIERS, {"column": "price", "method": "iqr"}),
        (REGEX, {"column": "brand", "regex": "(?!x)a"}),
        ("expect_column_values_to_match_regex_list", {"column": "brand", "regex_list": ["a", r"(a)\1"]}),
        ("expect_table_row_count_to_equal_other_table", {"other_table_name": "customer"}),
        (BETWEEN, {"column": "price", "min_value": 0, "row_condition": "price > 5"}),
        (BETWEEN, {"column": "price", "row_condition": "price > 5", "condition_parser": "pandas"}),
        (BETWEEN, {"column": "price", "min_value": float("nan")}),
        (
            QUANTILES,
            {"column": "price", "quantile_ranges": {"quantiles": [0.1, 0.5], "value_ranges": [[0, 9]]}},
        ),
        (QUANTILES, {"column": "price", "quantile_ranges": {"quantiles": [], "value_ranges": []}}),
    ],
)
def test_what_cannot_work_is_refused_with_its_line_before_anything_runs(
    shop: Any, kind: str, kwargs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.validate.gate.quiet", None)  # nothing is asked of Great Expectations

    result, file = judge(
        shop, check("expect_column_values_to_be_unique", {"column": "brand"}), check(kind, kwargs)
    )

    assert result.exit_code == 1
    where = re.match(rf"Error: {re.escape(str(file))}:(\d+): ", result.stderr)
    assert where, (result.stderr, result.exception)
    line = file.read_text(encoding="utf-8").splitlines()[int(where[1]) - 1]
    assert any(word in line for word in (kind, "kwargs:", *kwargs))
    assert "\n  Fix: " in result.stderr
    assert not shop.settings.verdict_file("shop").exists()


def test_a_number_that_no_float_can_hold_is_refused_with_its_line(shop: Any) -> None:
    result, file = judge(shop, check(BETWEEN, {"column": "price", "max_value": 10**400}))

    assert re.match(rf"Error: {re.escape(str(file))}:\d+: {BETWEEN}: int too large", result.stderr), (
        result.stderr, result.exception,
    )  # fmt: skip


def test_an_interval_is_judged_and_reported(shop: Any) -> None:
    shop.sql(
        "alter table marts.purchases add column pause interval default (interval 90 seconds)",
        "alter table marts.purchases add column pauses struct(a interval[]) "
        "default ({'a': [interval 90 seconds]})",
        """update _penstock.build set marts = replace(marts::varchar, '[{"name": "event_id"',
           '[{"name": "pause", "data_type": "", "description": "", "not_null": false}, '
           || '{"name": "pauses", "data_type": "", "description": "", "not_null": false}, '
           || '{"name": "event_id"')::json""",
    )
    nulls = "expect_column_values_to_be_null"
    result, _ = judge(shop, check(nulls, {"column": "pause"}), check(nulls, {"column": "pauses"}))

    problems = shop.verdict()["problems"]
    assert [problem["error"] for problem in problems] == [None, None], result.output
    assert all("0:01:30" in problem["observed"] for problem in problems)


SQL = {
    "a slice": "select * from {batch} where brand[:1] <> 'a'",
    "a slice of both ends": "select * from {batch} where brand[1:2] <> 'ap'",
    "a colon in a regular expression": "select * from {batch} where regexp_matches(brand, '(?:x|:y)')",
    "a colon before a name": "select * from {batch} where brand = 'size :xl'",
    "a backslash before a colon": r"select * from {batch} where brand = 'a\:b'",
    "a cast": "select * from {batch} where price::double < 0",
    "a comment at the end": "select * from {batch} where price < 0 -- nobody is paid to buy",
    "a comment at the start": "-- :nobody is paid\nselect * from {batch} where price < 0",
    "a comment with a semicolon": "select * from {batch} where price < 0 -- a; b",
    "a semicolon": "select * from {batch} where price < 0;",
    "a semicolon, then a comment": "select * from {batch} where price < 0; -- nobody",
    "a semicolon in a text": "select * from {batch} where brand = ';'",
    "percent signs": "select * from {batch} where brand like '%%x%s%(name)s' or price % 2 = 7",
    "a struct": "select * from {batch} where {'a': price}.a < 0",
    "structs in a struct": "select * from {batch} where {'a': {'b': price}}.a.b < 0",
    "braces written twice": "select * from {batch} where {{'a': price}}.a < 0",
    "a map": "select * from {batch} where map {'x': price}['x'] < 0",
    "JSON": """select * from {batch} where '{"a": {"b": 1}}' ->> '$.a.b' <> '1'""",
    "a quantifier": "select * from {batch} where not regexp_full_match(brand, '[a-z]{5}')",
    "one brace": "select * from {batch} where brand = '{'",
    "dollars": "select * from {batch} where brand in ('$HOME', $$a;b$$, '${x}')",
    "question marks": "select * from {batch} where brand = '?'",
    "an alias without a join": "select p.price from {batch} as p where p.price < 0",
    "an alias with a join": "from {batch} as p join marts.customers as c using (user_id) where price < 0",
    "a common table": "with bad as (select * from {batch} where price < 0) select * from bad",
    "FROM first": "from {batch} where price < 0",
    "two columns of one name": "select price, price from {batch} where price < 0",
}


def test_valid_sql_is_what_it_is(shop: Any) -> None:
    """All of it holds, and none of it is for another reason: each also finds what it looks for."""
    result, _ = judge(shop, *(
        {**check("unexpected_rows_expectation", {"unexpected_rows_query": query}), "description": name}
        for name, query in SQL.items()
    ))  # fmt: skip
    assert result.exit_code == 0, result.output

    result, _ = judge(shop, *(
        {**check("unexpected_rows_expectation", {"unexpected_rows_query": found(query)}), "description": name}
        for name, query in SQL.items()
    ))  # fmt: skip
    assert shop.verdict()["checks"]["failed"] == len(SQL), result.output
    assert shop.verdict()["checks"]["errored"] == 0


def found(query: str) -> str:
    """The same SQL, asking for the opposite."""
    return re.sub(r"\bwhere\b(?= |$)", "where true or", query, count=1)
