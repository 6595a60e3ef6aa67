"""The promises of the gate, seen from outside: exit code, the error, the verdict file, the Data Docs."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from penstock.cli import main
from penstock.core.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def gate(shop: Any) -> Run:
    """`penstock validate shop …` in this process, where Great Expectations is imported once."""

    def run(*words: str) -> Result:
        result = CliRunner().invoke(main, ["validate", "shop", "--run-id", "run-1", *words])
        assert result.exit_code in (0, 1), result.exception
        return result

    return run


def expect(kind: str, /, severity: str = "critical", description: str = "", **kwargs: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"type": kind, "kwargs": kwargs, "severity": severity}
    return {**item, "description": description} if description else item


NOT_NEGATIVE = expect("expect_column_values_to_be_between", column="price", min_value=0)


def sql(query: str, **keys: Any) -> dict[str, Any]:
    return expect("unexpected_rows_expectation", unexpected_rows_query=query, **keys)


def error_of(result: Result) -> str:
    """The error line: what Slack and the Airflow log show."""
    assert result.exit_code == 1
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("  Fix: ")
    assert lines[-2].startswith("Error: ")
    return lines[-2]


def _line(file: Path, text: str) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


def test_good_data_passes_and_the_verdict_names_the_build(shop: Any, gate: Run) -> None:
    result = gate("-o", "json")

    assert result.exit_code == 0, result.stderr
    verdict = shop.verdict()
    assert json.loads(result.stdout) == verdict
    assert verdict["pipeline"] == "shop"
    assert verdict["build_id"] == shop.build_id
    assert verdict["run_id"] == "run-1"
    assert verdict["outcome"] == "passed"
    assert verdict["checks"] == {"passed": 3, "warned": 0, "failed": 0, "errored": 0, "skipped": 0}
    assert verdict["problems"] == []
    assert verdict["warnings_by_mart"] == {"purchases": 0, "customers": 0}
    assert verdict["judged_at"].endswith("+00:00")
    assert Path(verdict["docs"]).is_file()


def test_a_failed_critical_check_refuses_and_says_what_was_found(shop: Any, gate: Run) -> None:
    shop.sql("update marts.purchases set price = -5 where event_id = 'e3'")
    shop.sql("update marts.purchases set event_id = 'e4' where event_id = 'e5'")

    result = gate()

    assert error_of(result) == (
        "Error: marts.purchases: expect_column_values_to_be_between(price) failed: "
        "1 of 10 values outside [0, …], e.g. -5.00; and 1 more check failed"
    )
    verdict = shop.verdict()
    assert verdict["outcome"] == "refused"
    assert verdict["checks"] == {"passed": 1, "warned": 0, "failed": 2, "errored": 0, "skipped": 0}
    problem = verdict["problems"][0]
    assert {key: problem[key] for key in ("mart", "check", "column", "severity", "error")} == {
        "mart": "purchases",
        "check": "expect_column_values_to_be_between",
        "column": "price",
        "severity": "critical",
        "error": None,
    }
    assert verdict["problems"][1]["observed"] == "2 of 10 values not unique, e.g. e4"
    assert "purchases  0 checks passed, 2 failed" in result.stdout
    assert "customers  1 check passed" in result.stdout


def test_data_docs_show_the_failed_check_and_the_last_judgement_only(shop: Any, gate: Run) -> None:
    shop.suite("purchases", {**NOT_NEGATIVE, "description": "Nobody is paid to buy"})
    gate()
    shop.sql("update marts.purchases set price = -5 where event_id = 'e3'")
    gate("--run-id", "../../../by/hand")

    docs = Path(shop.verdict()["docs"])
    assert docs == shop.settings.docs_dir / "shop" / "index.html"
    pages = [page.read_text() for page in docs.parent.glob("validations/**/*.html")]
    assert len(pages) == 2  # one per mart, of the second judgement
    (page,) = [page for page in pages if "Nobody is paid to buy" in page]
    assert "-5" in page
    assert "Failed" in page


def test_a_warning_is_reported_and_does_not_block(shop: Any, gate: Run) -> None:
    shop.suite("purchases", NOT_NEGATIVE, expect(
        "expect_column_values_to_be_in_set", severity="warning", column="brand", value_set=["samsung"],
    ))  # fmt: skip

    result = gate()

    assert result.exit_code == 0
    verdict = shop.verdict()
    assert verdict["outcome"] == "passed"
    assert verdict["checks"] == {"passed": 2, "warned": 1, "failed": 0, "errored": 0, "skipped": 0}
    assert verdict["warnings_by_mart"] == {"purchases": 1, "customers": 0}
    assert verdict["problems"][0]["severity"] == "warning"
    assert (
        "warning: marts.purchases: expect_column_values_to_be_in_set(brand) failed: "
        "10 of 10 values not in [samsung], e.g. apple" in result.stdout
    )


def test_a_check_that_raised_is_an_error_of_the_gate_and_not_bad_data(shop: Any, gate: Run) -> None:
    # DuckDB knows no standard deviation of texts.
    file = shop.suite("purchases", NOT_NEGATIVE, expect(
        "expect_column_stdev_to_be_between", severity="warning", column="brand", min_value=1,
    ))  # fmt: skip

    error = error_of(gate())

    assert error.startswith(
        "Error: marts.purchases: expect_column_stdev_to_be_between(brand) could not be judged: "
    )
    assert f"({file}:{_line(file, 'expect_column_stdev')})" in error
    assert "bad data" not in error
    verdict = shop.verdict()
    assert verdict["outcome"] == "error"
    assert verdict["checks"] == {"passed": 2, "warned": 0, "failed": 0, "errored": 1, "skipped": 0}
    assert verdict["problems"][0]["error"]


def test_a_raised_check_and_bad_data_are_both_reported(shop: Any, gate: Run) -> None:
    shop.sql("update marts.purchases set price = -5")
    shop.suite(
        "purchases", NOT_NEGATIVE, sql("select cast(brand as integer) from {batch}", description="A number")
    )

    error = error_of(gate())

    assert "“A number” (unexpected_rows_expectation) could not be judged: " in error
    assert "; and bad data: marts.purchases: expect_column_values_to_be_between(price) failed" in error
    assert shop.verdict()["outcome"] == "error"


def test_great_expectations_breaking_off_is_an_error_of_the_gate(
    shop: Any, gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from great_expectations.core.validation_definition import ValidationDefinition

    def broken(*_: Any, **__: Any) -> None:
        raise TypeError("Object of type bool is not JSON serializable")

    monkeypatch.setattr(ValidationDefinition, "run", broken)

    assert "marts.purchases: Great Expectations broke off: TypeError: Object of type bool" in error_of(gate())
    assert not shop.settings.verdict_file("shop").exists()


def test_marts_are_reconciled_and_the_rows_that_do_not_add_up_are_shown(shop: Any, gate: Run) -> None:
    shop.suite("customers", sql(
        "select c.user_id, c.revenue from {batch} as c join "
        "(select user_id, sum(price) as paid from marts.purchases group by user_id) using (user_id) "
        "where revenue <> paid",
        description="A customer's revenue is what their purchases cost",
    ))  # fmt: skip
    assert gate().exit_code == 0
    shop.sql("update marts.customers set revenue = 1 where user_id in (3, 4)")

    assert re.fullmatch(
        "Error: marts.customers: “A customer's revenue is what their purchases cost” "
        r"\(unexpected_rows_expectation\) failed: 2 unexpected rows, e.g. user_id=[34], revenue=1.00",
        error_of(gate()),
    )
    assert shop.verdict()["problems"][0]["observed"].count("revenue=1.00") == 2


VOLUME = sql(
    "select published.n as published, candidate.n as candidate "
    "from (select count(*) as n from published.purchases) as published, "
    "(select count(*) as n from {batch}) as candidate where candidate.n < published.n",
    description="Purchases never become fewer",
)


def test_volume_against_the_last_version(shop: Any, gate: Run) -> None:
    shop.suite("purchases", NOT_NEGATIVE, VOLUME)

    first = gate()
    assert first.exit_code == 0
    verdict = shop.verdict()
    assert verdict["checks"] == {"passed": 2, "warned": 0, "failed": 0, "errored": 0, "skipped": 1}
    assert verdict["skipped"] == [
        {
            "mart": "purchases",
            "check": "unexpected_rows_expectation",
            "description": "Purchases never become fewer",
            "reason": "nothing is published yet",
        }
    ]
    assert "skipped: 1 check of purchases: nothing is published yet" in first.stdout

    shop.publish("create table purchases as select * from range(10)")
    assert gate().exit_code == 0
    assert shop.verdict()["checks"]["passed"] == 3
    assert shop.verdict()["skipped"] == []

    shop.sql("delete from marts.purchases where event_id = 'e7'")
    assert "1 unexpected row, e.g. published=10, candidate=9" in error_of(gate())


def test_a_mart_that_is_new_has_no_volume_to_compare_with(shop: Any, gate: Run) -> None:
    shop.suite("purchases", VOLUME)
    shop.publish("create table customers as select 1 as user_id")

    result = gate()

    assert result.exit_code == 0
    assert shop.verdict()["checks"]["skipped"] == 1
    assert re.search(r"skipped: 1 check of purchases: not published yet: .*purchases", result.stdout)


def test_a_published_version_that_cannot_be_read_is_an_error(shop: Any, gate: Run) -> None:
    link = shop.settings.marts_link("shop")
    link.parent.mkdir()
    link.symlink_to("shop/7-v7/shop.duckdb")

    assert "the published version cannot be read" in error_of(gate())


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (
            expect("expect_column_values_to_be_betwen", column="price"),
            ["unknown expectation", "did you mean 'expect_column_values_to_be_between'?"],
        ),
        (
            expect("expect_column_values_to_be_between", column="price", min_valu=0),
            ["expect_column_values_to_be_between has no 'min_valu'", "did you mean 'min_value'?"],
        ),
        (
            expect("expect_column_values_to_be_between", column="prize", min_value=0),
            ["marts.purchases has no column 'prize'", "did you mean 'price'?"],
        ),
        (
            expect("expect_compound_columns_to_be_unique", column_list=["user_id", "evnt_id"]),
            ["no column 'evnt_id'", "did you mean 'event_id'?"],
        ),
        (expect("expect_column_values_to_be_between", column="price", min_value=[1]), ["min_value: "]),
        (expect("expect_column_values_to_be_between", column="price", mostly=7), ["mostly"]),
        (expect("expect_column_values_to_be_unique"), ["column: field required"]),
        (sql("select * from marts.purchasse"), ["the SQL cannot run", "purchasse"]),
        (sql("select prize from published.purchases"), ["the SQL cannot run", "prize"]),
        (sql("select * from {batsh}"), ["only {batch} is filled in"]),
        (sql("select * from {batch} where brand = {'a': {batsh}}"), ["only {batch} is filled in"]),
        (sql("select 1 from {batch}; select 2"), ["the SQL cannot run", "2 statements"]),
        (sql("-- nothing is asked"), ["the SQL cannot run", "0 statements"]),
        (sql("delete from {batch}"), ["the SQL cannot run"]),
        (sql("select * from {batch}) as t, (select 1"), ["the SQL cannot run"]),
        (sql("select * from {batch} where price < $1"), ["the SQL cannot run"]),
    ],
)  # fmt: skip
def test_a_misspelt_check_is_an_error_before_anything_runs(
    shop: Any, gate: Run, expectation: dict[str, Any], words: list[str]
) -> None:
    file = shop.suite("purchases", NOT_NEGATIVE, expectation)
    lines = file.read_text().splitlines()
    first = max(number for number, text in enumerate(lines, start=1) if text.startswith("- type"))

    result = gate()

    assert result.exit_code == 1
    where = re.search(rf"^Error: {re.escape(str(file))}:(\d+): ", result.stderr, re.MULTILINE)
    assert where, result.stderr
    assert first <= int(where[1]) <= len(lines)
    for word in words:
        assert word in result.stderr
    assert not shop.settings.verdict_file("shop").exists()


def test_a_mart_without_a_suite_is_an_error(shop: Any, gate: Run) -> None:
    (shop.settings.suites_dir("shop") / "customers.yaml").unlink()
    shop.declared_as_built()

    assert "the public mart 'customers' has no suite" in error_of(gate())


def test_an_error_leaves_no_older_verdict_behind(shop: Any, gate: Run) -> None:
    gate()
    assert shop.verdict()["outcome"] == "passed"
    shop.suite("orders", NOT_NEGATIVE)

    assert "a suite for 'orders', which is not a public mart" in error_of(gate())
    assert not shop.settings.verdict_file("shop").exists()


@pytest.mark.parametrize("statement", ["delete from _penstock.build", "drop schema _penstock cascade"])
def test_without_a_finished_build_there_is_nothing_to_judge(shop: Any, gate: Run, statement: str) -> None:
    shop.sql(statement)

    result = gate()

    assert "holds no finished build" in error_of(result)
    assert "run: penstock transform shop" in result.stderr


def test_what_another_penstock_built_is_not_judged(shop: Any, gate: Run) -> None:
    shop.sql("update _penstock.build set code_version = '0.0.9+gabc'")

    result = gate()

    assert f"build {shop.build_id} was built by Penstock 0.0.9, this is Penstock " in error_of(result)
    assert "run `penstock transform shop`" in result.stderr


def test_without_a_warehouse_there_is_nothing_to_judge(shop: Any, gate: Run) -> None:
    shop.warehouse.unlink()

    result = gate()

    assert "nothing has been built yet" in error_of(result)
    assert "run: penstock transform shop" in result.stderr


def test_the_gate_waits_for_the_pipelines_lock(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.core import pipeline_lock
    from penstock.core.errors import BusyError
    from penstock.validate import gate

    def impatient(*args: Any, **keys: Any) -> Any:
        return pipeline_lock.pipeline_lock(*args, **keys, wait=0.2)

    monkeypatch.setattr(gate, "pipeline_lock", impatient)
    lock = shop.settings.lock_file("shop")
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="shop"):
            gate.validate(shop.settings, "shop", "run-1")


def test_the_gate_opens_no_connection_and_leaves_the_warehouse_alone(
    shop: Any, gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *address: calls.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: calls.append(address))
    before = shop.warehouse.read_bytes()

    assert gate().exit_code == 0

    assert calls == []
    assert shop.warehouse.read_bytes() == before
    assert [file.name for file in shop.warehouse.parent.iterdir()] == ["shop.duckdb"]
    shop.sql("select 1")  # the gate has let go of the file: it can be opened for writing


def test_as_a_process_it_says_only_the_result_on_stdout_and_the_error_last_on_stderr(shop: Any) -> None:
    shop.sql("update marts.purchases set price = -5")
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "validate", "shop", "-o", "json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PENSTOCK_RUN_ID": "scheduled__1"},
    )

    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert verdict["run_id"] == "scheduled__1"
    assert verdict["error"]["kind"] == "GateRefused"
    lines = done.stderr.splitlines()
    assert lines == [f"Error: {verdict['error']['message']}", f"  Fix: {verdict['error']['fix']}"]
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith(
        "Error: marts.purchases: expect_column_values_to_be_between(price) failed: 10 of 10"
    )
    assert lines[1].startswith("  Fix: see ")


@pytest.mark.parametrize("other", ["set", "not set"])
def test_a_dollar_in_the_path_leads_to_no_other_warehouse(
    shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, other: str
) -> None:
    """Beside the refused build lies one that passes, where the variable would lead."""
    data, elsewhere = tmp_path / "for $TEAM ${TEAM}", tmp_path / "for sales sales"
    shop.settings.data.rename(data)
    shutil.copytree(data, elsewhere)
    monkeypatch.setenv("PENSTOCK_DATA", str(data))
    if other == "set":
        monkeypatch.setenv("TEAM", "sales")
    settings = Settings.from_env()
    with duckdb.connect(settings.warehouse_file("shop")) as connection:
        connection.execute("update marts.purchases set price = -5")

    result = CliRunner().invoke(main, ["validate", "shop"])

    assert "10 of 10 values outside" in error_of(result)
    assert settings.verdict_file("shop").exists()
    assert list((settings.docs_dir / "shop").glob("validations/purchases/**/*.html"))
    assert not (elsewhere / "verdicts").exists()
    assert not (elsewhere / "docs").exists()


def test_what_is_judged_is_the_build_that_was_locked_or_nothing_is(
    shop: Any, gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.validate import dialect

    with duckdb.connect() as stranger:
        stranger.execute("create schema _penstock")
        stranger.execute("create table _penstock.build as select 'another build' as build_id")
        honest = dialect.candidates_url
        monkeypatch.setattr(dialect, "candidates_url", lambda _: honest(stranger))

        assert f"would judge the build another build, the gate was to judge {shop.build_id}" in error_of(
            gate()
        )
    assert not shop.settings.verdict_file("shop").exists()
