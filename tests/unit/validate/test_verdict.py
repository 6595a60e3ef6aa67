from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from penstock.core.errors import GateError, GateRefused
from penstock.core.verdict import Counts, Problem, Skipped, Verdict, write_verdict
from penstock.validate.verdict import by_weight, verdict_error, verdict_text


def problem(message: str, *, severity: str = "critical", error: str | None = None) -> Problem:
    return Problem("purchases", "expect_it", None, severity, "3 rows", error, message)


def verdict(*problems: Problem, **changes: Any) -> Verdict:
    counts = Counts(passed=12, warned=1, failed=2)
    fields: dict[str, Any] = {
        "pipeline": "shop",
        "build_id": "b-1",
        "run_id": "run-1",
        "judged_at": dt.datetime(2019, 10, 1, tzinfo=dt.UTC),
        "outcome": "refused",
        "checks": counts,
        "marts": {"purchases": counts, "customers": Counts(passed=1)},
        "problems": by_weight(problems),
        "skipped": (),
        "warnings_by_mart": {"purchases": 1, "customers": 0},
        "docs": Path("/docs/index.html"),
    }
    return Verdict(**{**fields, **changes})


def test_a_pass_with_warnings_is_no_error() -> None:
    assert verdict_error(verdict(problem("few rows", severity="warning"))) is None
    assert verdict_error(verdict(problem("few rows", severity="info"))) is None


def test_bad_data_names_the_first_check_and_how_many_more() -> None:
    error = verdict_error(
        verdict(problem("late", severity="warning"), problem("a"), problem("b"), problem("c"))
    )

    assert isinstance(error, GateRefused)
    assert error.message == "a; and 2 more checks failed"
    assert error.fix == "see /docs/index.html"


def test_a_check_that_raised_weighs_more_than_bad_data_and_blocks_whatever_its_severity() -> None:
    error = verdict_error(verdict(problem("a"), problem("b", severity="warning", error="no such function")))

    assert isinstance(error, GateError)
    assert error.message == "b; and bad data: a"


def test_problems_stand_in_the_order_of_their_weight() -> None:
    ordered = by_weight([
        problem("info", severity="info"), problem("warning", severity="warning"), problem("first"),
        problem("second"), problem("raised", severity="warning", error="x"),
    ])  # fmt: skip

    assert [p.message for p in ordered] == ["raised", "first", "second", "warning", "info"]


def test_the_text_is_short_and_tells_what_was_skipped() -> None:
    problems = [problem(f"problem {number}") for number in range(8)]
    skipped = tuple(
        Skipped(mart, "sql", None, "nothing is published yet") for mart in ("purchases", "customers")
    )

    assert verdict_text(verdict(*problems, skipped=skipped)).splitlines() == [
        "shop: refused, 12 checks passed, 2 failed, 1 warned",
        "  purchases  12 checks passed, 2 failed, 1 warned",
        "  customers  1 check passed",
        *(f"failed: problem {number}" for number in range(5)),
        "and 3 more, see the Data Docs",
        "skipped: 2 checks of purchases, customers: nothing is published yet",
        "Data Docs: /docs/index.html",
    ]


def test_the_file_replaces_the_older_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "verdicts" / "shop.json"
    write_verdict(verdict(outcome="passed"), path)
    write_verdict(verdict(problem("a")), path)

    assert [file.name for file in path.parent.iterdir()] == ["shop.json"]
    content = json.loads(path.read_text())
    assert content["outcome"] == "refused"
    assert content["build_id"] == "b-1"
    assert content["judged_at"] == "2019-10-01T00:00:00+00:00"
    assert content["checks"] == {"passed": 12, "warned": 1, "failed": 2, "errored": 0, "skipped": 0}
    assert content["problems"][0]["message"] == "a"


def test_a_verdict_that_could_not_be_written_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.json"

    def disk_full(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", disk_full)
    with pytest.raises(OSError, match="disk full"):
        write_verdict(verdict(), path)

    assert not path.exists()
