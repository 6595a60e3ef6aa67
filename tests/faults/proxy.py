"""A TCP proxy on loopback between clients and a broker: it cuts, stalls, slows and counts what passes."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

_PIECE = 64 * 1024
_LOOK = 0.05  # seconds between two looks at the fault that is set


class Proxy:
    """Passes bytes between 127.0.0.1:`port` and 127.0.0.1:`target`, as the faults that are set allow."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heal()
        self.down = 0  # bytes passed from the broker to clients
        threading.Thread(target=self._accept, daemon=True).start()

    def heal(self) -> None:
        """Pass everything again, at full speed; what was cut stays cut."""
        self.stalled = False
        self.bytes_per_second: float | None = None

    def stall(self) -> None:
        """Keep every connection open, and let nothing pass."""
        self.stalled = True

    def slow(self, bytes_per_second: float) -> None:
        """Pass no more than this much from the broker to each client."""
        self.bytes_per_second = bytes_per_second

    def cut(self) -> int:
        """End all open connections at once; returns how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for side in pair:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
        return len(pairs)

    def lead_to(self, target: int) -> None:
        """From now on 127.0.0.1:`target` is what lies behind; open connections end."""
        self._target = target
        self.cut()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the broker is down: refuse, as its own port would
                client.close()
                continue
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError), client, server, self._until_closed(client, server):
            while True:
                readable, _, _ = select.select([client, server], [], [], _LOOK)
                if self.stalled:
                    time.sleep(_LOOK)
                    continue
                for side in readable:
                    slow = self.bytes_per_second if side is server else None
                    piece = side.recv(_PIECE if slow is None else max(1, int(slow * _LOOK)))
                    if not piece:
                        return
                    (client if side is server else server).sendall(piece)
                    if side is server:
                        self.down += len(piece)
                        if slow is not None:
                            time.sleep(len(piece) / slow)

    @contextlib.contextmanager
    def _until_closed(self, client: socket.socket, server: socket.socket) -> Iterator[None]:
        """Count this pair among the open ones, as long as nobody ends it."""
        with self._lock:
            self._pairs.append((client, server))
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._pairs.remove((client, server))
