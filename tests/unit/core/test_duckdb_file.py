"""Real files, and a real second process that holds them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from penstock.core.duckdb_file import literal, open_duckdb, quoted
from penstock.core.errors import BusyError, PenstockError
from tests.patience import PATIENCE, next_line

HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("holding", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Held until the block ends, or a line is written to the process."""
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert next_line(holder.stdout) == "holding\n"
        yield holder


@pytest.mark.parametrize("read_only", [True, False])
def test_a_held_file_names_its_holder_and_opens_once_that_ends(tmp_path: Path, read_only: bool) -> None:
    file = tmp_path / "x.duckdb"
    with held_by_another_process(file) as holder:
        with pytest.raises(BusyError) as caught:
            open_duckdb(file, read_only=read_only, wait=0.05)
        assert f"{file}: held by " in caught.value.message
        assert f"(PID {holder.pid}) for more than 0.05 s" in caught.value.message
        assert caught.value.fix
        assert holder.stdin is not None
        holder.stdin.write("end\n")
        holder.stdin.flush()
        open_duckdb(file, read_only=read_only, wait=PATIENCE).close()  # waits for the holder's end


def test_readers_do_not_wait_for_one_another(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    open_duckdb(file).close()
    reader = [sys.executable, "-c", HOLDER.replace("sys.argv[1]", "sys.argv[1], read_only=True"), str(file)]
    with subprocess.Popen(reader, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert next_line(other.stdout) == b"holding\n"
        open_duckdb(file, read_only=True, wait=0).close()


def test_every_session_is_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with open_duckdb(tmp_path / "x.duckdb") as connection:
        row = connection.execute("select timestamptz '2026-01-01 00:00:00+00'::varchar").fetchone()
    assert row == ("2026-01-01 00:00:00+00",)


def test_writing_makes_folder_and_file_reading_makes_neither(tmp_path: Path) -> None:
    file = tmp_path / "new" / "x.duckdb"
    with pytest.raises(PenstockError, match=r"x\.duckdb: no such file"):
        open_duckdb(file, read_only=True)
    assert not file.parent.exists()
    open_duckdb(file).close()
    assert file.exists()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    open_duckdb(tmp_path / "x.duckdb").close()
    with (
        open_duckdb(tmp_path / "x.duckdb", read_only=True) as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("create table t (a int)")


@pytest.mark.parametrize("read_only", [True, False])
def test_garbage_is_named_and_never_overwritten(tmp_path: Path, read_only: bool) -> None:
    file = tmp_path / "x.duckdb"
    file.write_bytes(b"precious" * 1000)
    with pytest.raises(PenstockError, match=r"x\.duckdb: cannot be opened as a DuckDB file") as caught:
        open_duckdb(file, read_only=read_only)
    assert "\n" not in caught.value.message
    assert file.read_bytes() == b"precious" * 1000


@pytest.mark.parametrize("text", ["plain", 'a"b', "a'b", "order", "é; drop table t --", ""])
def test_quoted_names_and_literals_are_themselves(text: str) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(f"select {literal(text)}").fetchone() == (text,)
        if text:
            connection.execute(f"create table {quoted(text)} ({quoted(text)} int)")
            names = "select table_name, column_name from duckdb_columns() where not internal"
            assert connection.execute(names).fetchall() == [(text, text)]


@pytest.mark.parametrize("name", ["what?", "back\\slash"])
def test_a_path_that_duckdb_reads_as_another_is_refused(tmp_path: Path, name: str) -> None:
    other = tmp_path / "back" / "slash" / "a.duckdb"  # what DuckDB makes of the backslash
    open_duckdb(other).close()
    (tmp_path / name).mkdir()
    (tmp_path / name / "a.duckdb").write_bytes(other.read_bytes())

    for read_only in (True, False):
        with pytest.raises(PenstockError, match="does not take the") as caught:
            open_duckdb(tmp_path / name / "a.duckdb", read_only=read_only)
        assert str(tmp_path / name) in caught.value.message
        assert "PENSTOCK_DATA" in caught.value.fix
