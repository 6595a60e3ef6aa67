"""A broker that tests may kill, behind a proxy that they may break; a stream on it; commands to run.

The broker is always the tests' own, also where KAFKA_BOOTSTRAP_SERVERS names one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from penstock.core.settings import Settings
from penstock.ingest.contract import load_contract
from penstock.local import broker as broker_module
from penstock.local.broker import create_topic, start_broker
from penstock.local.services import Services, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "integration" / "ingest"))

from own_stream import Stream  # noqa: E402
from proxy import Proxy  # noqa: E402


@dataclass
class Broker:
    """A real Kafka of the tests' own. It tells clients the proxy's address, so all they say goes through."""

    settings: Settings
    services: Services
    port: int
    proxy: Proxy

    def start(self) -> None:
        start_broker(self.settings, self.services, self.port)

    def kill(self) -> None:
        """End it with signal 9, and see that it died of that."""
        service = self.services.running(broker_module.NAME)
        assert service is not None
        process = psutil.Process(service.pid)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=10) == -signal.SIGKILL


@pytest.fixture(scope="session")
def session_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    settings = Settings(
        project=REPOSITORY, data=tmp_path_factory.mktemp("faults") / "data", environment="local",
        bootstrap_servers=None,
    )  # fmt: skip
    services = Services(settings)
    port = free_port()
    proxy = Proxy(port)
    advertised = "advertised.listeners=PLAINTEXT://127.0.0.1:"
    with pytest.MonkeyPatch.context() as patch:
        told = broker_module._PROPERTIES.replace(f"{advertised}{{port}}", f"{advertised}{proxy.port}")
        patch.setattr(broker_module, "_PROPERTIES", told)
        broker = Broker(settings, services, port, proxy)
        try:
            broker.start()
            yield broker
        finally:
            services.stop_all()
            proxy.close()


@pytest.fixture
def own_broker(session_broker: Broker) -> Iterator[Broker]:
    """The broker, well again after the test."""
    yield session_broker
    session_broker.proxy.heal()
    session_broker.start()


@dataclass(frozen=True)
class FaultStream(Stream):
    """A stream whose events are numbered, and the account of them."""

    event: Callable[..., bytes]

    def produce_numbers(self, numbers: range, *, width: int = 0) -> None:
        """One event per number; every hundredth is bad. `width` makes each so much larger."""
        self.produce(
            self.event(n, brand="x" * width, **({"price": -1} if n % 100 == 99 else {})) for n in numbers
        )

    def assert_each_once(self, numbers: range) -> None:
        """Every event of `numbers`, and no other, is once in rows or rejects; the offsets say the same."""
        bad = {n for n in numbers if n % 100 == 99}
        assert self.event_ids() == [f"e{n:06}" for n in numbers if n not in bad]
        rejected = self.rows("SELECT json_extract_string(decode(value), 'event_id') FROM raw.rejects")
        assert sorted(one for (one,) in rejected) == [f"e{n:06}" for n in sorted(bad)]
        account = self.account()
        assert all(read == kept for read, kept in account.values()), account
        assert sum(read for read, _ in account.values()) == len(numbers)


@pytest.fixture
def new_stream(
    own_broker: Broker, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., FaultStream]:
    def make(partitions: int = 2) -> FaultStream:
        servers = f"127.0.0.1:{own_broker.proxy.port}"
        topic = f"customer_events_{uuid.uuid4().hex[:8]}"
        (tmp_path / "project" / "ingest").mkdir(parents=True)
        declared = (REPOSITORY / "ingest" / "customer_events.odcs.yaml").read_text()
        (tmp_path / "project" / "ingest" / "customer_events.odcs.yaml").write_text(
            declared.replace("physicalName: customer_events", f"physicalName: {topic}")
        )
        monkeypatch.setenv("PENSTOCK_PROJECT", str(tmp_path / "project"))
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
        create_topic(servers, topic, partitions=partitions)
        ours = Settings.from_env()
        return FaultStream(ours, load_contract(ours, "customer_events"), _event)

    return make


@pytest.fixture
def stream(new_stream: Callable[..., FaultStream]) -> FaultStream:
    return new_stream()


def _event(number: int, **changes: object) -> bytes:
    import json

    fields = {
        "event_id": f"e{number:06}", "event_time": "2024-05-01T12:00:00Z", "event_type": "view",
        "product_id": 7, "category_id": 2103807459595387724, "price": 12.5, "user_id": number % 10,
        "user_session": f"s{number % 20}",
    }  # fmt: skip
    return json.dumps(fields | changes).encode()


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
        process.communicate()


@pytest.fixture
def drain(penstock: Run) -> Callable[..., str]:
    """Drain in a process of its own, which must succeed; returns what it said."""

    def run(**limits: float) -> str:
        process = penstock("ingest", "drain", "customer_events", **limits)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        return stdout

    return run


@pytest.fixture
def failed_drain(penstock: Run) -> Callable[..., str]:
    """Drain in a process of its own, which must fail with an error for people; returns the error."""

    def run(*words: str, **limits: float) -> str:
        process = penstock("ingest", "drain", "customer_events", *words, **limits)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 1, stderr
        assert "Traceback" not in stderr
        return stderr[stderr.index("Error: ") :]

    return run
