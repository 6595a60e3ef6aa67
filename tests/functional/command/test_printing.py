"""What is printed where, in which letters, and to whom: none of it decides how a command ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.ingest.landing.file import open_landing

NAME = "customer_events"
LETTERS = "é→😀"
# An ASCII locale, as Python sees it where nobody helps it to UTF-8.
POSIX = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.fixture(scope="session")
def latin1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody whose locale is Latin-1."""
    program = shutil.which("localedef") or pytest.skip("no localedef: this system cannot make a locale")
    folder = tmp_path_factory.mktemp("locales")
    words = [program, "-i", "en_US", "-f", "ISO-8859-1", str(folder / "en_US.ISO-8859-1")]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("this system has no sources of locales")
    return {"LOCPATH": str(folder), "LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0"}


def run(words: list[str], env: dict[str, str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "penstock", *words]
    return subprocess.run(command, env={**os.environ, **env}, stderr=subprocess.PIPE, **options)


def keep_a_message(env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    words = ["monitor", "failure", NAME, "--stage", "validate", "--error", LETTERS]
    return run(words, env, stdout=subprocess.PIPE)


@pytest.mark.parametrize("locale", ["latin1", "posix", "ascii", "utf-8"])
def test_a_command_says_the_same_in_every_locale(
    settings: Settings, request: pytest.FixtureRequest, locale: str
) -> None:
    env, encoding = {
        "latin1": ({}, "latin-1"),
        "posix": (POSIX, "ascii"),
        "ascii": ({"PYTHONIOENCODING": "ascii:strict"}, "ascii"),
        "utf-8": ({"PYTHONIOENCODING": "utf-8"}, "utf-8"),
    }[locale]
    env = request.getfixturevalue("latin1") if locale == "latin1" else env
    kept = keep_a_message(env)
    assert (kept.returncode, b"Traceback" in kept.stderr) == (0, False)
    shown = LETTERS.encode(encoding, "backslashreplace")
    assert shown in kept.stderr
    listed = run(["monitor", "ls", "-o", "json"], env, stdout=subprocess.PIPE)
    assert listed.returncode == 0
    (message,) = json.loads(listed.stdout.decode(encoding))
    assert LETTERS in message["text"]


def test_paths_are_utf8_in_every_locale(
    settings: Settings, tmp_path: Path, latin1: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB takes UTF-8 names: Python must mean the same file."""
    data = tmp_path / LETTERS
    monkeypatch.setenv("PENSTOCK_DATA", str(data))
    here = Settings.from_env()
    with open_landing(here, load_contract(here, NAME)):
        pass
    for env in (latin1, POSIX):
        done = run(["ingest", "rejects", "ls", NAME], env, stdout=subprocess.PIPE)
        assert (done.returncode, done.stdout) == (0, f"{NAME}: 0 open, 0 replayed\n".encode())
    assert [path.name for path in tmp_path.iterdir()] == [LETTERS]


def test_bytes_that_are_no_text_are_shown_as_their_codes(settings: Settings) -> None:
    words = ["local", "run", "--events", os.fsdecode(b"/nowhere/caf\xe9.csv")]
    done = run(words, {}, stdout=subprocess.PIPE)
    assert done.returncode == 1
    assert b"Error: /nowhere/caf\\udce9.csv: cannot be read" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_ends_early_fails_nothing(settings: Settings) -> None:
    """As with `| head`: the pipe is closed before the first byte."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        done = run(["local", "status"], {}, stdout=stdout)
    assert (done.returncode, done.stderr) == (0, b"")


def test_output_that_has_no_room_is_reported_and_fails_nothing(settings: Settings) -> None:
    with Path("/dev/full").open("wb") as stdout:
        done = run(["local", "status"], {}, stdout=stdout)
    assert (done.returncode, done.stderr) == (
        0, b"Warning: the result could not be printed: No space left on device\n",
    )  # fmt: skip


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_fail_nothing_and_no_file_takes_their_place(settings: Settings, closed: str) -> None:
    """An open file with the number of stdout would hold whatever a library prints."""
    keep_a_message({})
    before = settings.outbox_file.read_bytes()
    script = f'exec "$0" -m penstock monitor ls {closed}'
    done = subprocess.run(["bash", "-c", script, sys.executable], capture_output=True)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert settings.outbox_file.read_bytes() == before
