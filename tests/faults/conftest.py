"""What fault tests share: a broker that they may break, a stream on it, commands to run, the table."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.core.settings import Settings
from tests.faults.fault_stream import FaultStream, declare_stream
from tests.faults.own_broker import Broker, broker_behind_proxy
from tests.faults.witness import Table, Witness, is_whole_suite
from tests.faults.witness import witness as witness  # a fixture
from tests.patience import PATIENCE

REPOSITORY = Path(__file__).resolve().parents[2]
_TABLE = Table()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _TABLE.add(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (
        is_whole_suite(session.config)
        and _TABLE.rows_without_test()
        and not hasattr(session.config, "workerinput")
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _TABLE:
        terminalreporter.section("faults")
        terminalreporter.write(f"{_TABLE}\n")


@pytest.fixture(scope="session")
def session_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker_behind_proxy(tmp_path_factory.mktemp("faults") / "data", REPOSITORY) as broker:
        yield broker


@pytest.fixture
def own_broker(session_broker: Broker) -> Iterator[Broker]:
    """The broker, well again after the test."""
    yield session_broker
    session_broker.proxy.heal()
    session_broker.start()


@pytest.fixture
def new_stream(
    own_broker: Broker,
    settings: Settings,
    witness: Witness,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., FaultStream]:
    """Declare the test's stream, with so many partitions; the environment then names its project."""

    def make(partitions: int = 2) -> FaultStream:
        stream = declare_stream(
            tmp_path / "project", settings.data, own_broker.servers, witness, partitions=partitions
        )
        monkeypatch.setenv("PENSTOCK_PROJECT", str(stream.settings.project))
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", own_broker.servers)
        return stream

    return make


@pytest.fixture
def stream(new_stream: Callable[..., FaultStream]) -> FaultStream:
    return new_stream()


Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def penstock() -> Iterator[Run]:
    """Start a command of Penstock, its limits changed as named; whatever still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str, **limits: float) -> subprocess.Popen[str]:
        changed = [f"{name}={value}" for name, value in limits.items()]
        command = [sys.executable, str(Path(__file__).parent / "small_limits.py"), *changed, "--", *words]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE)


@pytest.fixture
def drain(penstock: Run) -> Callable[..., str]:
    """Drain in a process of its own, which must succeed; returns what it said."""

    def run(**limits: float) -> str:
        process = penstock("ingest", "drain", "customer_events", **limits)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, stderr
        return stdout

    return run


@pytest.fixture
def failed_drain(penstock: Run) -> Callable[..., str]:
    """Drain in a process of its own, which must fail with an error for people; returns the error."""

    def run(*words: str, **limits: float) -> str:
        process = penstock("ingest", "drain", "customer_events", *words, **limits)
        _, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1, stderr
        assert "Traceback" not in stderr
        return stderr[stderr.index("Error: ") :]

    return run
