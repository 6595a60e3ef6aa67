from __future__ import annotations

import datetime as dt
import errno
import json
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner

from penstock.core.command import default_run_id, output_option, print_result, reports_errors, run_id_option
from penstock.core.disk import refusal
from penstock.core.errors import GateRefused


@dataclass(frozen=True)
class Part:
    at: dt.datetime
    file: Path


@dataclass(frozen=True)
class Result:
    name: str
    parts: tuple[Part, ...]
    counts: dict[int, float | None]


REFUSED = GateRefused("orders: 3 nulls", fix="look at them", where="orders.yaml:3")
AS_DATA = {
    "kind": "GateRefused", "message": "orders: 3 nulls", "where": "orders.yaml:3", "value": None,
    "fix": "look at them",
}  # fmt: skip
RESULT = Result("é", (Part(dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), Path("/a")),), {1: 0.5, 2: None})


@click.command()
@click.option(
    "--fail", type=click.Choice(["no", "refused", "disk", "bug", "argument", "result"]), default="no"
)
@run_id_option
@output_option
@reports_errors
def command(fail: str, run_id: str, output: str) -> None:
    if fail == "refused":
        raise REFUSED
    if fail == "disk":
        raise PermissionError(errno.EACCES, "Permission denied", "/x/y")
    if fail == "argument":
        raise click.BadParameter("'x' is no place")
    if fail == "result":
        print_result({"checks": 3}, output, str, error=REFUSED)
    if fail == "bug":
        raise ZeroDivisionError("a bug")
    print_result(RESULT, output, lambda result: f"{result.name} by {run_id}")


def test_a_result_is_reported_as_text_or_as_one_line_of_json() -> None:
    assert CliRunner().invoke(command, ["--run-id", "r"]).stdout == "é by r\n"
    told = CliRunner().invoke(command, ["-o", "json"]).stdout
    assert told.count("\n") == 1
    assert json.loads(told) == {
        "name": "é",
        "parts": [{"at": "2026-01-02T03:00:00+00:00", "file": "/a"}],
        "counts": {"1": 0.5, "2": None},
    }


def test_an_error_we_can_explain_is_the_last_thing_on_stderr_and_exits_1() -> None:
    done = CliRunner().invoke(command, ["--fail", "refused"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: orders: 3 nulls\n  Fix: look at them\n"


def test_as_json_an_error_is_also_one_object_on_stdout() -> None:
    done = CliRunner().invoke(command, ["--fail", "refused", "-o", "json"])
    assert (done.exit_code, done.stderr) == (1, "Error: orders: 3 nulls\n  Fix: look at them\n")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {"error": AS_DATA}


def test_as_json_what_a_disk_refuses_is_an_object_too() -> None:
    done = CliRunner().invoke(command, ["--fail", "disk", "-o", "json"])
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["kind"], error["where"]) == (1, "DiskError", "/x/y")
    assert error["message"] == "/x/y: Permission denied"


def test_a_result_that_fails_the_command_is_one_object_with_its_error() -> None:
    done = CliRunner().invoke(command, ["--fail", "result", "-o", "json"])
    assert (done.exit_code, done.stderr) == (1, "Error: orders: 3 nulls\n  Fix: look at them\n")
    assert json.loads(done.stdout) == {"checks": 3, "error": AS_DATA}
    done = CliRunner().invoke(command, ["--fail", "result"])
    assert (done.exit_code, done.stdout) == (1, "{'checks': 3}\n")


def test_a_bug_stays_loud() -> None:
    done = CliRunner().invoke(command, ["--fail", "bug"])
    assert isinstance(done.exception, ZeroDivisionError)
    assert done.stdout == ""


def test_as_json_a_bug_is_an_object_and_stays_loud() -> None:
    done = CliRunner().invoke(command, ["--fail", "bug", "-o", "json"])
    assert isinstance(done.exception, ZeroDivisionError)
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["message"]) == ("ZeroDivisionError", "ZeroDivisionError: a bug")
    assert "report it" in error["fix"]


def test_a_wrong_argument_is_no_bug() -> None:
    done = CliRunner().invoke(command, ["--fail", "argument", "-o", "json"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "'x' is no place" in done.stderr


@pytest.mark.parametrize(
    ("exc", "told"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/x/y"),
            "/x/y: Permission denied\n  Fix: give this",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "/x/y"),
            "/x/y: Read-only file system\n  Fix: it lies",
        ),
        (
            OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b"),
            "/b: Invalid cross-device link",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "/data: No space left on device\n  Fix: make room",
        ),
        (duckdb.IOException("IO Error: Cannot open file"), "IO Error: Cannot open file\n  Fix: see that"),
    ],
)
def test_what_a_disk_refuses_is_reported_with_place_and_fix(exc: Exception, told: str) -> None:
    refused = refusal(exc, Path("/data"))
    assert refused is not None
    assert str(refused).startswith(told)


@pytest.mark.parametrize(
    "bug",
    [
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        OSError(errno.EBADF, "Bad file descriptor"),
        OSError("no number"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", 7),
        ValueError("embedded null byte"),
        duckdb.BinderException("no such column"),
    ],
)
def test_what_no_disk_refuses_is_a_bug_and_stays_loud(bug: Exception) -> None:
    assert refusal(bug, Path("/data")) is None


def test_the_run_id_is_airflows_or_says_that_a_person_typed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_RUN_ID", "scheduled__1")
    assert CliRunner().invoke(command).stdout == "é by scheduled__1\n"
    monkeypatch.delenv("PENSTOCK_RUN_ID")
    assert CliRunner().invoke(command).stdout.startswith("é by manual__20")
    assert dt.datetime.fromisoformat(default_run_id().removeprefix("manual__")).tzinfo is not None
