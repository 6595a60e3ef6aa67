"""Services: started apart from their starter, found again by anybody, and ended without a rest."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.core.errors import PenstockError
from penstock.core.settings import Settings
from penstock.local.services import MARK, Service, Services, free_port
from tests.patience import PATIENCE, next_line, until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
# A process with a child in a session of its own, as Airflow's tasks may be. Both names lie in files.
PARENT = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""
DEAF = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text("deaf")
time.sleep(600)
"""


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = Services(settings)
    yield services
    services.stop_all()


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def marked(settings: Settings) -> list[int]:
    """PIDs of all processes that bear this data folder's mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(settings.data) and alive(process.pid):
                found.append(process.pid)
    return found


def test_a_service_runs_in_a_session_of_its_own_and_logs(services: Services, settings: Settings) -> None:
    talker = [sys.executable, "-uc", "import os, time; print(os.environ['HELLO']); time.sleep(600)"]
    service = services.start("talker", talker, env={"HELLO": "hello there"}, port=None)
    until(lambda: "hello there" in service.log.read_text())
    assert os.getsid(service.pid) == service.pid
    assert service.log == settings.data / "local" / "logs" / "talker.log"
    assert Services(settings).running("talker") == service
    assert Services(settings).running("other") is None


def test_stop_ends_children_in_other_sessions(services: Services, settings: Settings, tmp_path: Path) -> None:
    noted = tmp_path / "child"
    service = services.start("parent", [sys.executable, "-c", PARENT, str(noted)], env={}, port=None)
    until(lambda: noted.exists() and noted.read_text() != "")
    assert Services(settings).stop_all() == [service]
    assert not alive(service.pid)
    assert not alive(int(noted.read_text()))
    assert Services(settings).all_running() == []


def test_stop_ends_the_child_of_a_service_that_is_gone(services: Services, tmp_path: Path) -> None:
    noted = tmp_path / "child"
    service = services.start("parent", [sys.executable, "-c", PARENT, str(noted)], env={}, port=None)
    until(lambda: noted.exists() and noted.read_text() != "")
    os.kill(service.pid, signal.SIGKILL)
    until(lambda: not alive(service.pid))
    child = int(noted.read_text())
    assert alive(child)
    assert services.running("parent") is None
    assert services.stop_all() == []
    assert not alive(child)


def test_stop_kills_what_does_not_listen(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.local.services._GRACE", 3.0)  # a look at all processes takes its time
    noted = tmp_path / "deaf"
    service = services.start("deaf", [sys.executable, "-c", DEAF, str(noted)], env={}, port=None)
    until(lambda: noted.exists())
    services.stop_all()
    assert not alive(service.pid)


def test_nothing_is_left_after_the_starter_was_killed(settings: Settings) -> None:
    starter = """
import sys, time
from penstock.core.settings import Settings
from penstock.local.services import Services
services = Services(Settings.from_env())
for number in range(3):
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    services.start(f"sleeper-{number}", command, env={}, port=None)
print("started", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert next_line(process.stdout) == "started\n"
    process.kill()
    process.wait(timeout=PATIENCE)
    assert len(marked(settings)) == 3
    stopped = Services(settings).stop_all()
    assert [service.name for service in stopped] == ["sleeper-0", "sleeper-1", "sleeper-2"]
    assert marked(settings) == []


def test_nothing_is_left_where_the_registry_was_never_written(services: Services, settings: Settings) -> None:
    service = services.start("sleeper", SLEEPER, env={}, port=None)
    (settings.data / "local" / "services.json").unlink()  # killed between start and writing
    assert Services(settings).stop_all() == []
    assert not alive(service.pid)


def test_what_others_started_stays(services: Services, settings: Settings, tmp_path: Path) -> None:
    elsewhere = Services(dataclasses.replace(settings, data=tmp_path / "elsewhere"))
    other = elsewhere.start("sleeper", SLEEPER, env={}, port=None)
    stranger = subprocess.Popen(SLEEPER)
    # The kernel gave a dead service's pid to somebody else: the registry names it, its start does not fit.
    entry = {"name": "dead", "pid": stranger.pid, "started": 1.0, "port": None, "log": "x"}
    (settings.data / "local").mkdir(parents=True)
    (settings.data / "local" / "services.json").write_text(json.dumps([entry]))
    try:
        assert services.running("dead") is None
        assert services.stop_all() == []
        assert alive(stranger.pid)
        assert alive(other.pid)
    finally:
        stranger.kill()
        stranger.wait(timeout=PATIENCE)
        elsewhere.stop_all()


def test_a_taken_port_names_its_holder(services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PenstockError, match=rf"port {port} is taken by PID {os.getpid()} \(.+"):
            services.start("web", SLEEPER, env={}, port=port)
    assert services.running("web") is None
    assert services.start("web", SLEEPER, env={}, port=port).port == port


def test_a_port_taken_on_all_addresses_is_taken(services: Services) -> None:
    with socket.create_server(("", 0)) as server, pytest.raises(PenstockError, match="is taken by PID"):
        services.start("web", SLEEPER, env={}, port=server.getsockname()[1])


def test_a_running_service_is_not_started_twice(services: Services) -> None:
    service = services.start("sleeper", SLEEPER, env={}, port=None)
    with pytest.raises(PenstockError, match=f"PID {service.pid}"):
        services.start("sleeper", SLEEPER, env={}, port=None)


def test_a_program_that_is_missing_is_an_error(services: Services) -> None:
    with pytest.raises(PenstockError, match="no-such-program"):
        services.start("broken", ["no-such-program"], env={}, port=None)


def test_waiting_tells_why_a_service_ended(services: Services) -> None:
    broken = [sys.executable, "-c", "print('out of luck'); raise SystemExit(3)"]
    service = services.start("broken", broken, env={}, port=None)
    with pytest.raises(PenstockError, match="broken ended while it started") as caught:
        services.wait_until_ready(service, lambda: False, seconds=PATIENCE)
    assert "out of luck" in caught.value.fix


def test_waiting_ends_in_time(services: Services) -> None:
    service = services.start("sleeper", SLEEPER, env={}, port=None)
    with pytest.raises(PenstockError, match=r"was not ready after 0\.3 s"):
        services.wait_until_ready(service, lambda: False, seconds=0.3)


def test_waiting_takes_a_service_that_is_ready(services: Services) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    service: Service = services.start("web", command, env={}, port=port)

    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    services.wait_until_ready(service, answers, seconds=PATIENCE)
    assert services.running("web") == service
