"""The local commands from outside, as far as they go without a broker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.core.settings import Settings
from penstock.local.services import Services, free_port
from tests.patience import PATIENCE

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture(autouse=True)
def nothing_is_left(settings: Settings) -> Iterator[None]:
    """Also where a test fails."""
    yield
    Services(settings).stop_all()


def penstock(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "penstock", "local", *words], capture_output=True, text=True, timeout=PATIENCE
    )


def refused(*words: str) -> str:
    """The last error of a run that must end before it starts anything."""
    ended = penstock("run", *words)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    return ended.stderr[ended.stderr.rindex("Error: ") :]


@pytest.mark.parametrize("taken", ["--kafka-port", "--airflow-port"])
def test_a_taken_port_ends_the_run_before_anything_starts(settings: Settings, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        free = "--kafka-port" if taken == "--airflow-port" else "--airflow-port"
        error = refused(taken, str(port), free, str(free_port()))
    assert f"port {port} is taken by PID {os.getpid()}" in error
    assert Services(settings).all_running() == []


def test_a_file_that_is_missing_ends_the_run_before_anything_starts(settings: Settings) -> None:
    error = refused("--events", "nowhere.csv")
    assert error.startswith("Error: nowhere.csv: cannot be read: No such file")
    assert Services(settings).all_running() == []


def test_status_stop_and_stop_again(settings: Settings) -> None:
    service = Services(settings).start("sleeper", SLEEPER, env={}, port=None)
    assert [entry["pid"] for entry in json.loads(penstock("status", "-o", "json").stdout)] == [service.pid]
    assert penstock("stop").stdout == "stopped: sleeper\n"
    assert penstock("stop").stdout == "stopped: nothing was running\n"
    assert penstock("status").stdout == "nothing is running\n"


def test_clean_stops_and_removes_what_runs_made_and_nothing_else(settings: Settings) -> None:
    service = Services(settings).start("sleeper", SLEEPER, env={}, port=None)
    for name in (
        "landing/customer_events.duckdb",
        "marts/customer_events/1-v1/customer_events.duckdb",
        "penstock.sqlite.lock",
    ):
        (settings.data / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.data / name).touch()
    (settings.data / "mine.txt").touch()
    assert penstock("clean").returncode == 0
    assert [path.name for path in settings.data.iterdir()] == ["mine.txt"]
    assert not Path(f"/proc/{service.pid}").exists() or Services(settings).running("sleeper") is None
    assert penstock("clean").stdout == "removed: nothing was there\n"


def test_an_interrupted_run_says_what_stays_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it waits for a broker that is not there."""
    Services(settings).start("sleeper", SLEEPER, env={}, port=None)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    words = [sys.executable, "-m", "penstock", "local", "run", "--airflow-port", str(free_port())]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    while "Broker" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (1, "")
    assert "Still running: sleeper, and" in stderr
    assert "Traceback" not in stderr


def test_a_run_that_fails_says_what_stays_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Services(settings).start("sleeper", SLEEPER, env={}, port=None)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka://localhost")
    ended = penstock("run", "--airflow-port", str(free_port()))
    assert "Still running: sleeper, and" in ended.stderr
    assert ended.stderr.splitlines()[-2].startswith("Error: KAFKA_BOOTSTRAP_SERVERS is 'kafka://localhost'")


def test_a_damaged_list_of_services_is_named(settings: Settings) -> None:
    (settings.data / "local").mkdir(parents=True)
    (settings.data / "local" / "services.json").write_bytes(b"\xff{")
    for verb in ("status", "stop", "clean"):
        ended = penstock(verb)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"Error: {settings.data}/local/services.json: damaged")
    (settings.data / "local" / "services.json").unlink()
