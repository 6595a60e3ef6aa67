"""A broker that tests may kill, behind a proxy that they may break.

It is always the tests' own, also where KAFKA_BOOTSTRAP_SERVERS names one.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from penstock.core.settings import Settings
from penstock.local import broker as broker_module
from penstock.local.broker import start_broker
from penstock.local.services import Services, free_port
from tests.faults.proxy import Proxy
from tests.patience import PATIENCE
from tests.services_of_this_run import services_of_this_run

_CLEANS_SOON = "log.cleaner.backoff.ms=1000\n"  # compaction looks for work each second


@dataclass
class Broker:
    """A real Kafka. It tells clients the proxy's address, so all they say goes through."""

    settings: Settings
    services: Services
    port: int
    proxy: Proxy

    @property
    def servers(self) -> str:
        """For KAFKA_BOOTSTRAP_SERVERS."""
        return f"127.0.0.1:{self.proxy.port}"

    def start(self) -> None:
        start_broker(self.settings, self.services, self.port)

    def kill(self) -> str:
        """End it with signal 9, and see that it died of that; returns words for the witness."""
        service = self.services.running(broker_module.NAME)
        assert service is not None
        process = psutil.Process(service.pid)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=PATIENCE) == -signal.SIGKILL
        return f"the broker, PID {service.pid}, died of signal 9"


@contextmanager
def broker_behind_proxy(data: Path, project: Path) -> Iterator[Broker]:
    """A running broker whose files lie in `data`; ended with the block."""
    settings = Settings(project=project, data=data, environment="local", bootstrap_servers=None)
    port = free_port()
    proxy = Proxy(port)
    advertised = "advertised.listeners=PLAINTEXT://127.0.0.1:"
    with pytest.MonkeyPatch.context() as patch, services_of_this_run(settings) as services:
        told = broker_module._PROPERTIES.replace(f"{advertised}{{port}}", f"{advertised}{proxy.port}")
        assert told != broker_module._PROPERTIES
        patch.setattr(broker_module, "_PROPERTIES", told + _CLEANS_SOON)
        broker = Broker(settings, services, port, proxy)
        try:
            broker.start()
            yield broker
        finally:
            proxy.close()
