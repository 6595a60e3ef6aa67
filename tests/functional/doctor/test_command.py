"""The command, in a process of its own: exit code, output, and who holds what."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from penstock.doctor.examine import examine
from tests.functional.doctor.patient import Patient
from tests.patience import PATIENCE, next_line

WRITES = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
"""
LOCKS = """
import sys
from pathlib import Path
from penstock.core.pipeline_lock import file_lock
lock = file_lock(Path(sys.argv[1]), what="drain of stream clicks", wait=0)
lock.__enter__()
"""
LOCKS_IN_A_CHILD = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
gone = os.fork()
if gone == 0:
    os._exit(0)
os.waitpid(gone, 0)
os.pwrite(descriptor, f"drain of stream clicks (PID {gone})".encode(), 0)
"""
HOLD = """
print("holding", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held(code: str, file: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code + HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert next_line(holder.stdout) == "holding\n"
        yield holder


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock", "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def told(patient: Patient) -> list[tuple[str, str, str]]:
    found = examine(patient.settings).findings
    return [(f.severity, f.where.removeprefix(f"{patient.settings.data}/"), f.what) for f in found]


def test_a_healthy_project_is_reported_so(patient: Patient) -> None:
    done = doctor()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("errors 0, warnings 0, infos ")


def test_an_error_is_reported_first_and_ends_with_1(patient: Patient) -> None:
    patient.link.unlink()
    patient.link.symlink_to("nowhere")
    done = doctor("-o", "json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert (result["errors"], result["warnings"]) == (1, 1)  # the build that passed is not served, either
    assert [finding["severity"] for finding in result["findings"]][:3] == ["error", "warning", "info"]
    assert result["findings"][0] == {
        "severity": "error",
        "where": str(patient.link),
        "what": "points at nowhere, which is not there, no version of shop",
        "fix": f"ln -sfn shop/1-v1/shop.duckdb {patient.link}",
    }
    text = doctor()
    assert text.returncode == 1
    assert text.stdout.startswith(f"error    {patient.link}: points at nowhere")


def test_a_warning_is_no_failure(patient: Patient) -> None:
    patient.settings.verdict_file("shop").unlink()
    assert doctor().returncode == 0


def test_a_held_landing_file_names_its_writer_and_stops_no_other_check(patient: Patient) -> None:
    with held(WRITES, patient.landing) as holder:
        found = told(patient)
    (written,) = [what for _, _, what in found if "is being written" in what]
    assert written.endswith(f"(PID {holder.pid})")
    assert "python" in written
    assert [severity for severity, _, what in found if "could not be looked at" in what] == ["warning"]
    assert ("info", "marts/shop.duckdb", "nothing was published yet") not in found


def test_a_mart_opened_for_writing_is_a_warning(patient: Patient) -> None:
    file = patient.versions / "1-v1" / "shop.duckdb"
    file.chmod(0o644)
    with held(WRITES, file) as holder:
        found = told(patient)
    (warning,) = [what for severity, where, what in found if where == "marts/shop/1-v1/shop.duckdb"]
    assert f"(PID {holder.pid}): other readers are locked out" in warning


def test_a_version_that_is_being_written_locks_nobody_out(patient: Patient) -> None:
    file = patient.versions / ".being-written" / "shop.duckdb"
    file.parent.mkdir()
    with held(WRITES, file) as holder:
        found = told(patient)
    ((severity, what),) = [(s, what) for s, where, what in found if where.endswith("-written/shop.duckdb")]
    assert severity == "info"
    assert f"(PID {holder.pid})" in what


def test_a_held_lock_names_what_is_done_and_by_whom(patient: Patient) -> None:
    with held(LOCKS, patient.settings.data / "locks" / "clicks.ingest.lock") as holder:
        found = told(patient)
    (what,) = [what for severity, where, what in found if where == "locks/clicks.ingest.lock"]
    assert what.startswith(f"held by drain of stream clicks (PID {holder.pid}): ")
    assert what.endswith(f"(PID {holder.pid})")
    assert [where for _, where, _ in told(patient) if where.startswith("locks/")] == []


def test_a_lock_whose_taker_is_gone_is_a_warning(patient: Patient) -> None:
    with held(LOCKS_IN_A_CHILD, patient.settings.data / "locks" / "clicks.ingest.lock") as holder:
        found = told(patient)
    ((severity, what),) = [(s, what) for s, where, what in found if where == "locks/clicks.ingest.lock"]
    assert severity == "warning"
    assert "which is gone; still held by" in what
    assert what.endswith(f"(PID {holder.pid})")


def test_work_under_way_is_not_left_over(patient: Patient) -> None:
    (patient.versions / ".being-written").mkdir()
    with held(LOCKS, patient.settings.lock_file("shop")):
        assert not [what for _, _, what in told(patient) if "cut short" in what]
    assert [what for _, _, what in told(patient) if "cut short" in what]


def test_a_broker_that_does_not_answer_is_a_warning(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    done = doctor()
    assert done.returncode == 0
    assert "warning  Kafka at 127.0.0.1:1: topic ids and lag could not be asked for" in done.stdout
    assert done.stderr == ""


def test_a_write_ahead_log_is_read_and_left_as_it_is(patient: Patient) -> None:
    code = WRITES + "connection.execute('UPDATE raw.offsets SET next_offset = 1')\n"
    with held(code, patient.landing) as holder:
        holder.kill()
    assert patient.landing.with_name("clicks.duckdb.wal").exists()
    found = patient.findings()  # which compares all files
    assert [f.what for f in found if f.severity == "error"] == [
        "holds an event at offset 2, though the next offset is 1: it would land again"
    ]
