"""No broker at the address, a name that leads nowhere, or something there that is not Kafka: one clear
error that names the address, and for how long Penstock waited."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from penstock.core.settings import Settings
from penstock.local.services import free_port
from tests.faults.conftest import Run
from tests.faults.witness import Witness
from tests.patience import PATIENCE


@contextlib.contextmanager
def not_kafka(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives every client the same answer (none: it keeps silent), and what it was told."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                heard.append(client.recv(1000))
                if answer:
                    client.sendall(answer)
                    client.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        for one in [listener, *clients]:
            one.close()


@pytest.mark.fault(2, "nobody listens; unknown host; a web server; a silent server")
def test_one_clear_error_names_the_address_and_the_time_that_it_waited(
    settings: Settings, penstock: Run, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        not_kafka(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (http, heard),
        not_kafka(b"") as (silent, heard_too),
    ):
        nobody = [f"127.0.0.1:{free_port()}", f"no-such-host.invalid:{free_port()}"]
        for address in nobody:
            host, port = address.split(":")
            with pytest.raises(OSError, match=r"refused|not known|resolution|No address"):
                socket.create_connection((host, int(port)), timeout=PATIENCE)
        drains = {}
        for address in [*nobody, f"127.0.0.1:{http}", f"127.0.0.1:{silent}"]:
            monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
            drains[address] = penstock("ingest", "drain", "customer_events")
        for address, process in drains.items():
            _, error = process.communicate(timeout=PATIENCE)
            assert process.returncode == 1
            message, fix = error.splitlines()
            assert message.startswith(f"Error: Kafka at {address}: no answer within 15 s (")
            assert fix.startswith("  Fix: check that KAFKA_BOOTSTRAP_SERVERS")
        witness.saw("four errors named their addresses, each after 15 s")
        assert any(heard), "nobody asked the web server"
        assert any(heard_too), "nobody asked the silent server"
    assert not settings.landing_file("customer_events").exists()
    witness.counted("nothing was made: there is no landing file")
