"""What a person can type and what a disk can refuse, against every command, from outside.

Each ends with exit code 1 or 2, names the value, and shows no traceback. Commands run as a user whom the
rights of files bind: root gives that power away first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.core.settings import Settings

_POWERS = "-dac_override,-dac_read_search,-fowner"
_BOUND_BY_RIGHTS = ["setpriv", "--bounding-set", _POWERS] if os.geteuid() == 0 else []
NAME = "customer_events"
# Each command that writes, or reads what another has written.
WRITES = {
    "restore": ["ingest", "restore", NAME, "{backup}"],
    "replay": ["ingest", "rejects", "replay", NAME],
    "transform": ["transform", NAME],
    "validate": ["validate", NAME],
    "publish": ["publish", NAME],
    "rollback": ["publish", "rollback", NAME],
    "resume": ["publish", "resume", NAME],
    "failure": ["monitor", "failure", NAME, "--stage", "validate"],
    "deliver": ["monitor", "deliver"],
    "clean": ["local", "clean"],
}
READS = {
    "backup": ["ingest", "backup", NAME, "{new}"],
    "rejects ls": ["ingest", "rejects", "ls", NAME],
    "rejects show": ["ingest", "rejects", "show", f"{NAME}/0/0"],
    "rejects export": ["ingest", "rejects", "export", NAME],
    "publish ls": ["publish", "ls", NAME],
    "monitor ls": ["monitor", "ls"],
    "doctor": ["doctor"],
    "local status": ["local", "status"],
}
ASKS_KAFKA = {
    "drain": ["ingest", "drain", NAME],
    "follow": ["ingest", "follow", NAME],
    "wait": ["ingest", "wait", NAME],
    "doctor": ["doctor"],
    "local run": ["local", "run", "--count", "0"],
}
ALL = {**ASKS_KAFKA, **WRITES, **READS}


def run(words: list[str], *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as a person does who is bound by the rights of files."""
    command = [*_BOUND_BY_RIGHTS, sys.executable, "-m", "penstock", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def refused(words: list[str], *named: str, cwd: Path | None = None) -> str:
    """Run a command that must be refused, and return what it said."""
    done = run(words, cwd=cwd)
    said = done.stderr + (done.stdout if words == ["doctor"] else "")
    assert done.returncode in (1, 2), said
    assert "Traceback" not in said
    for text in named:
        assert text in said
    return said


@pytest.fixture
def data(settings: Settings) -> Iterator[Path]:
    """A data folder with a file for every stage; all rights come back afterwards."""
    for file in (
        settings.landing_file(NAME), settings.warehouse_file(NAME), settings.verdict_file(NAME),
        settings.lock_file(NAME), settings.data / "locks" / f"{NAME}.ingest.lock",
        settings.data / "local" / "services.json", settings.versions_dir(NAME) / "1-v1.duckdb",
    ):  # fmt: skip
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    settings.marts_link(NAME).symlink_to(f"{NAME}/1-v1.duckdb")
    yield settings.data
    for folder, folders, _ in os.walk(settings.data):
        for path in (folder, *(Path(folder) / name for name in folders)):
            Path(path).chmod(0o755)


def take_rights(data: Path, mode: int) -> None:
    for path in sorted(data.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(mode | (0o111 if path.is_dir() and mode else 0))
    data.chmod(mode | (0o111 if mode else 0))


def filled(words: list[str], folder: Path) -> list[str]:
    (folder / "backup.duckdb").touch()
    return [word.format(backup=folder / "backup.duckdb", new=folder / "new.duckdb") for word in words]


@pytest.mark.parametrize("command", WRITES)
def test_a_data_folder_that_may_not_be_written(data: Path, tmp_path: Path, command: str) -> None:
    take_rights(data, 0o444)
    refused(filled(WRITES[command], tmp_path), f"Error: {data}", "Fix: ")


@pytest.mark.parametrize("command", [*WRITES, *READS])
def test_a_data_folder_that_may_not_be_read(data: Path, tmp_path: Path, command: str) -> None:
    data.chmod(0)
    words = filled({**WRITES, **READS}[command], tmp_path)
    refused(words, str(data), "Permission denied", "Fix: ")


@pytest.mark.parametrize("command", ["transform", "rejects ls", "deliver", "doctor", "local status"])
@pytest.mark.parametrize(
    "shape", ["a file", "in a file", "a link to itself", "a link to nothing", "too long"]
)
def test_a_data_folder_that_can_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, command: str, shape: str
) -> None:
    place = tmp_path / "place"
    if shape in ("a file", "in a file"):
        place.touch()
    elif shape == "a link to itself":
        place.symlink_to(place)
    elif shape == "a link to nothing":
        place.symlink_to(tmp_path / "nothing")
    data = {"in a file": place / "data", "too long": tmp_path / ("x" * 300)}.get(shape, place)
    monkeypatch.setenv("PENSTOCK_DATA", str(data))
    refused(ALL[command], f"Error: {data}", "Fix: ")


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("PENSTOCK_DATA", "'/tmp/x'", "PENSTOCK_DATA is \"'/tmp/x'\": the quotes are part of it"),
        ("PENSTOCK_DATA", '"data"', "the quotes are part of it"),
        ("PENSTOCK_DATA", "~/data", "PENSTOCK_DATA is '~/data'"),
        ("PENSTOCK_DATA", "/tmp/x ", "PENSTOCK_DATA is '/tmp/x '"),
        ("PENSTOCK_DATA", os.fsdecode(b"/tmp/caf\xe9"), "no UTF-8"),
        ("PENSTOCK_PROJECT", "/nowhere", "/nowhere: no such folder\n  Fix: correct PENSTOCK_PROJECT"),
        ("PENSTOCK_PROJECT", '"."', "the quotes are part of it"),
        ("PENSTOCK_PROJECT", __file__, f"{__file__}: is a file, not a folder"),
        ("PENSTOCK_ENV", '"local"', "PENSTOCK_ENV is '\"local\"'"),
        ("PENSTOCK_ENV", "a/b", "PENSTOCK_ENV is 'a/b'"),
        ("PENSTOCK_ENV", "x" * 64, "63 at most"),
        ("PENSTOCK_ENV", "eins\nzwei", "PENSTOCK_ENV is 'eins\\nzwei'"),
    ],
)
def test_a_setting_that_cannot_be_meant(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str
) -> None:
    monkeypatch.setenv(name, value)
    for command in ("transform", "local status"):
        refused(ALL[command], named, "Fix: ")


@pytest.mark.parametrize("command", ASKS_KAFKA)
def test_an_address_of_kafka_that_is_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Its forms are tested one by one in the unit tests."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka://localhost:9092")
    said = refused(ASKS_KAFKA[command], "KAFKA_BOOTSTRAP_SERVERS is 'kafka://localhost:9092': it is a URL")
    assert "Fix: export KAFKA_BOOTSTRAP_SERVERS=host:port" in said
    assert "move it away" not in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["ingest", "drain", "../x"], "ingest/../x.odcs.yaml: no such file"),
        (["ingest", "drain", ""], "ingest/.odcs.yaml: no such file"),
        (["ingest", "drain", "x" * 300], "File name too long"),
        (["ingest", "drain", os.fsdecode(b"caf\xe9")], "no such file"),
        (["ingest", "drain", NAME, "--wait", "soon"], "'soon' is not a valid float"),
        (["ingest", "drain", NAME, "--wait", "-1"], "-1"),
        (["ingest", "backup", NAME, "/nowhere/at/all.duckdb"], "/nowhere/at: no such folder"),
        (["ingest", "backup", NAME, "/dev/null/x"], "/dev/null: no such folder"),
        (["ingest", "backup", NAME, "/tmp"], "'/tmp' is a directory"),
        (["ingest", "restore", NAME, "/nowhere/at/all.duckdb"], "/nowhere/at/all.duckdb: no such file"),
        (["ingest", "restore", NAME, "/tmp"], "'/tmp' is a directory"),
        (["ingest", "rejects", "show", "x"], "'x' is no <topic>/<partition>/<offset>"),
        (["ingest", "rejects", "replay", NAME, "--where", "x"], "'x': write reason=…"),
        (["transform", "x/y"], "dags/x/y.yaml: no such file"),
        (["validate", "x" * 300], "File name too long"),
        (["publish", "x" * 300], "x" * 300),
        (["publish", "rollback", NAME, "--to", "one"], "'one' is not a valid integer"),
        (["monitor", "failure", "--stage", "validate"], "Missing argument 'PIPELINE'"),
        (["monitor", "failure", NAME], "Missing option '--stage'"),
        (["local", "run", "--events", "/nowhere.csv"], "/nowhere.csv: cannot be read: No such file"),
        (["local", "run", "--events", "/tmp"], "/tmp: cannot be read"),
        (["local", "run", "--kafka-port", "0"], "0 is not in the range"),
        (["local", "run", "--count", "many"], "'many' is not a valid integer"),
    ],
)
def test_an_argument_that_is_wrong(settings: Settings, words: list[str], named: str) -> None:
    refused(words, named)


def test_a_current_folder_that_is_gone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PENSTOCK_PROJECT")
    monkeypatch.delenv("PENSTOCK_DATA")
    (tmp_path / "gone").mkdir()
    script = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && exec {sys.executable} -m penstock doctor"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "Error: the current folder is no longer there\n  Fix: go to one that is" in done.stderr


def test_a_project_that_may_not_be_read(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    for folder in ("dags", "ingest"):
        shutil.copytree(settings.project / folder, project / folder)
    for file in (project / "dags" / f"{NAME}.yaml", project / "ingest" / f"{NAME}.odcs.yaml"):
        file.chmod(0)
    monkeypatch.setenv("PENSTOCK_PROJECT", str(project))
    for command in ("transform", "rejects ls", "doctor"):
        refused(ALL[command], f"{NAME}.", "cannot be read: Permission denied", "Fix: give this user")


def test_a_backup_into_a_folder_that_is_not_there_makes_none(settings: Settings, tmp_path: Path) -> None:
    refused(
        ["ingest", "backup", NAME, str(tmp_path / "new" / "x.duckdb")],
        f"Error: {tmp_path}/new: no such folder",
    )
    assert not (tmp_path / "new").exists()
