"""What Great Expectations declares, but cannot judge in DuckDB: refused with its line before anything runs.

`docs/expectations.md` lists for users what works; a test tries every expectation that is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from penstock.core.build_record import Mart
from penstock.core.errors import first_line
from penstock.core.yaml_file import suggestion
from penstock.validate.suites import Check, Suite

_CONTRACT = "the model's contract says the type, and dbt enforces it: give the column its data_type there"
_ROWS = (
    "write the rows that must not be there, as an unexpected_rows_expectation: select … from {batch} where "
)

# The type, and what does the same here.
UNSUPPORTED = {
    "expect_column_type_to_be": _CONTRACT,
    "expect_column_values_to_be_of_type": _CONTRACT,
    "expect_column_values_to_be_in_type_list": _CONTRACT,
    "expect_column_values_to_be_dateutil_parseable": f"{_ROWS}try_cast(<column> as timestamp) is null",
    "expect_column_values_to_match_strftime_format": f"{_ROWS}try_strptime(<column>, '%Y-%m-%d') is null",
    "expect_column_values_to_be_json_parseable": f"{_ROWS}not json_valid(<column>)",
    "expect_column_values_to_match_json_schema": f"{_ROWS}<column> ->> '$.<key>' is null",
    "expect_column_values_to_be_increasing": (
        "rows of a table have no order, so name one in an unexpected_rows_expectation: "
        "select … from {batch} qualify <column> < lag(<column>) over (order by <key>)"
    ),
    "expect_column_values_to_be_decreasing": (
        "rows of a table have no order, so name one in an unexpected_rows_expectation: "
        "select … from {batch} qualify <column> > lag(<column>) over (order by <key>)"
    ),
    "expect_query_results_to_match_comparison": (
        "the gate knows one data source; compare in an unexpected_rows_expectation: "
        "select … from {batch} except select … from marts.<mart>"
    ),
}
_IQR = "expect_column_values_to_not_be_outliers"
_OTHER_TABLE = "expect_table_row_count_to_equal_other_table"
_QUANTILES = "quantile_ranges"
_PARSER = "great_expectations"


def refuse_unsupported(
    connection: duckdb.DuckDBPyConnection, suites: Iterable[Suite], marts: Iterable[Mart]
) -> None:
    """Raises DeclarationError (file, line, what to use instead) for a check that DuckDB cannot judge."""
    names = [mart.name for mart in marts]
    for suite in suites:
        for check in suite.checks:
            _refuse_type(check)
            _refuse_condition(check)
            _refuse_regex(connection, check)
            _refuse_not_a_number(check)
            _refuse_unpaired_quantiles(check)
            if check.type == _OTHER_TABLE and (other := check.kwargs.get("other_table_name")) not in names:
                raise check.error(
                    "kwargs", "other_table_name", message=f"{other!r} is no public mart of this pipeline",
                    fix=suggestion(str(other), names),
                )  # fmt: skip


def _refuse_type(check: Check) -> None:
    if instead := UNSUPPORTED.get(check.type):
        raise check.error("type", message=f"{check.type} does not work on DuckDB", fix=instead)
    if check.type == _IQR and check.kwargs.get("method", "iqr") == "iqr":
        raise check.error(
            "kwargs", "method", message=f"{check.type} with method 'iqr' does not work on DuckDB",
            fix="write method: std, or expect_column_quantile_values_to_be_between",
        )  # fmt: skip


def _refuse_condition(check: Check) -> None:
    """A condition in the words of pandas or Spark."""
    condition = check.kwargs.get("row_condition")
    parser = check.kwargs.get("condition_parser")
    if isinstance(condition, str) and not str(parser).startswith(_PARSER):
        key = "condition_parser" if parser else "row_condition"
        raise check.error(
            "kwargs", key, message="a row_condition is read by Great Expectations' own parser only",
            fix=f"write row_condition: 'col(\"<column>\") > 5', condition_parser: {_PARSER}",
        )  # fmt: skip


def _refuse_regex(connection: duckdb.DuckDBPyConnection, check: Check) -> None:
    """A regular expression that RE2, DuckDB's, does not read: it knows no look-around, no back reference."""
    for key in ("regex", "regex_list"):
        value = check.kwargs.get(key, [])
        for regex in value if isinstance(value, list) else [value]:
            try:
                connection.execute("select regexp_matches('', ?)", [str(regex)])
            except duckdb.Error as exc:
                raise check.error(
                    "kwargs", key, message=f"{regex!r} is no regular expression of RE2, DuckDB's: "
                    f"{first_line(exc)}",
                    fix="write it without look-around and back references",
                ) from exc  # fmt: skip


def _refuse_not_a_number(check: Check) -> None:
    """YAML's `.nan`: nothing is above or below it, and Great Expectations takes it for no value."""
    for key, value in check.kwargs.items():
        if any(item != item for item in _items(value)):  # so is only what is no number
            raise check.error(
                "kwargs", str(key), message=f"{key} is not a number (nan)",
                fix="write a number, or leave it out",
            )  # fmt: skip


def _refuse_unpaired_quantiles(check: Check) -> None:
    """Great Expectations leaves those out that have no partner: they would pass, whatever they are."""
    ranges = check.kwargs.get(_QUANTILES)
    if not isinstance(ranges, dict):
        return
    counts = [
        len(found) if isinstance(found := ranges.get(key), list) else 0
        for key in ("quantiles", "value_ranges")
    ]
    if counts[0] != counts[1] or not counts[0]:
        raise check.error(
            "kwargs", _QUANTILES, message=f"{counts[0]} quantiles, but {counts[1]} value_ranges",
            fix="write one range for each quantile, in the same order",
        )  # fmt: skip


def _items(value: Any) -> Iterator[Any]:
    """All single values in `value`."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _items(item)
    else:
        yield value
