"""A Slack to test against: real HTTP on loopback, both ways in, every request kept."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

_WEBHOOK_PATH = "/services/T0000000/B0000000/standInForASecretPath"


@dataclass(frozen=True)
class Received:
    """One request, as it came. `at`: seconds of the monotonic clock."""

    path: str
    authorization: str
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Reply:
    """An answer other than "taken"."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


class SlackStandIn:
    """Takes every message, unless set otherwise by `replies` (used up one by one) or `hold()`.

    A context manager; it listens on a free loopback port while the block runs.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.replies: deque[Reply] = deque()
        self._changed = threading.Condition()
        self._free = threading.Event()
        self._free.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def webhook_url(self) -> str:
        """For SLACK_WEBHOOK_URL."""
        return f"http://127.0.0.1:{self._server.server_port}{_WEBHOOK_PATH}"

    @property
    def api_url(self) -> str:
        """For SLACK_API_URL."""
        return f"http://127.0.0.1:{self._server.server_port}/api/"

    @property
    def texts(self) -> list[str]:
        """The text of every message received, in order."""
        return [received.body["text"] for received in self.received]

    def hold(self) -> None:
        """From now on take requests, but answer none before `release()`."""
        self._free.clear()

    def release(self) -> None:
        """Answer what was held."""
        self._free.set()

    def wait_for(self, requests: int, timeout: float = 20.0) -> None:
        """Return once so many requests have come; AssertionError after `timeout` seconds."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.received) >= requests, timeout)
        assert came, f"{len(self.received)} of {requests} requests came within {timeout:g} s"

    def __enter__(self) -> SlackStandIn:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, received: Received) -> Reply:
        with self._changed:
            self.received.append(received)
            reply = self.replies.popleft() if self.replies else None
            number = len(self.received)
            self._changed.notify_all()
        self._free.wait()
        if reply is not None:
            return reply
        if received.path == _WEBHOOK_PATH:
            return Reply(200, "ok")
        answer = {"ok": True, "channel": received.body.get("channel"), "ts": f"1700000000.{number:06}"}
        return Reply(200, json.dumps(answer))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Keep the request, give the answer."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = stand_in._take(Received(self.path, self.headers.get("Authorization", ""), body))
                content = reply.body.encode()
                try:
                    self.send_response(reply.status)
                    for name, value in {**reply.headers, "Content-Length": str(len(content))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)
                except ConnectionError:
                    self.close_connection = True  # the sender gave up or died: what some tests are about

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing on stderr."""

        return Handler
