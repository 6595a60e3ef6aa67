from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from penstock.core.errors import DeclarationError
from penstock.validate.suites import read_suites

GOOD = """\
name: purchases
notes: What must hold of purchases.
meta:
  owner: sales
expectations:
  - type: expect_column_values_to_not_be_null
    kwargs:
      column: price
  - type: expect_column_values_to_be_between
    severity: warning
    description: >
      Nobody is paid
      to buy
    kwargs: {column: price, min_value: 0}
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_suite_is_read_in_its_order_with_great_expectations_own_defaults(tmp_path: Path) -> None:
    write(tmp_path, "purchases.yaml", GOOD)

    (suite,) = read_suites(tmp_path, ["purchases"])

    assert suite.mart == "purchases"
    assert suite.meta == {"owner": "sales"}
    first, second = suite.checks
    assert (first.type, first.severity) == ("expect_column_values_to_not_be_null", "critical")
    assert (second.severity, second.description) == ("warning", "Nobody is paid to buy")
    assert second.kwargs == {"column": "price", "min_value": 0}


def test_suites_come_in_the_order_of_the_marts(tmp_path: Path) -> None:
    write(tmp_path, "purchases.yaml", GOOD)
    write(tmp_path, "customers.yaml", GOOD.replace("name: purchases", "name: customers"))

    suites = read_suites(tmp_path, ["purchases", "customers"])

    assert [suite.mart for suite in suites] == ["purchases", "customers"]


@pytest.mark.parametrize(
    ("wrong", "right", "line", "message"),
    [
        ("notes:", "note:", 2, "unknown key 'note'\n  Fix: did you mean 'notes'?"),
        ("name: purchases", "name: sales", 1, "the name 'sales' is not the mart's\n  Fix: write name: purch"),
        ("severity: warning", "severty: info", 10, "unknown key 'severty'\n  Fix: did you mean 'severity'?"),
        ("severity: warning", "severity: warn", 10, "severity is 'warn'\n  Fix: did you mean 'warning'?"),
        ("type: expect_column_values_to_be_between", "type: 3", 9, "an expectation needs its type"),
        ("{column: price, min_value: 0}", "[price]", 14, "kwargs is ['price']"),
    ],
)  # fmt: skip
def test_what_a_suite_does_not_know_is_an_error_with_its_line(
    tmp_path: Path, wrong: str, right: str, line: int, message: str
) -> None:
    assert wrong in GOOD
    path = write(tmp_path, "purchases.yaml", GOOD.replace(wrong, right))

    with pytest.raises(DeclarationError) as caught:
        read_suites(tmp_path, ["purchases"])

    assert str(caught.value).startswith(f"{path}:{line}: {message}")


@pytest.mark.parametrize("expectations", ["", " []", " {}"])
def test_an_empty_suite_is_an_error(tmp_path: Path, expectations: str) -> None:
    write(tmp_path, "purchases.yaml", f"name: purchases\nexpectations:{expectations}\n")

    with pytest.raises(DeclarationError, match="checks nothing"):
        read_suites(tmp_path, ["purchases"])


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "purchases.yaml", "")

    with pytest.raises(DeclarationError, match="a suite is a mapping"):
        read_suites(tmp_path, ["purchases"])


def test_every_mart_needs_a_suite_and_every_suite_a_mart(tmp_path: Path) -> None:
    write(tmp_path, "purchases.yaml", GOOD)

    with pytest.raises(DeclarationError, match=r"customers\.yaml: the public mart 'customers' has no suite"):
        read_suites(tmp_path, ["purchases", "customers"])
    write(tmp_path, "purchase.yaml", GOOD)
    with pytest.raises(DeclarationError, match="a suite for 'purchase'") as caught:
        read_suites(tmp_path, ["purchases"])
    assert "did you mean 'purchases'?" in caught.value.fix


def test_a_suite_that_would_not_be_read_because_of_its_ending_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "purchases.yaml", GOOD)
    write(tmp_path, "purchases.yml", GOOD)

    with pytest.raises(DeclarationError, match=r"ends in \.yaml"):
        read_suites(tmp_path, ["purchases"])


def test_the_form_of_suites_is_checked_without_great_expectations() -> None:
    code = (
        "import sys, penstock.validate.suites, penstock.validate.commands\n"
        "sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
