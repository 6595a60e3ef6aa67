"""Processes that outlive the command that started them, and can all be ended again: broker, Airflow.

Each service leads its own session (and process group) and is written into `data/local/services.json` as
soon as it exists. Every process below it inherits `PENSTOCK_LOCAL=<data folder>`, so that `stop_all` also
finds what slipped out of the registry: a child in another session, or a service whose starter was killed
before it could write. A pid alone proves nothing (the kernel uses it again), so its creation time goes along.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from penstock.core.errors import PenstockError
from penstock.core.part_file import write_whole
from penstock.core.settings import Settings

MARK = "PENSTOCK_LOCAL"
_PORTS = range(20_000, 32_000)
_GRACE = 15.0  # seconds between SIGTERM and SIGKILL
_PAUSE = 0.1  # seconds between two looks at a condition
_TAIL = 15  # lines of a log that an error shows
_CLOCK_SHIFT = 2.0  # seconds by which a corrected clock may move the creation time that the kernel reports


@dataclass(frozen=True)
class Service:
    """A process that run-local started. `started` is psutil's create_time (seconds since 1970)."""

    name: str
    pid: int
    started: float
    port: int | None
    log: Path


class Services:
    """The services of one data folder."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data / "local"
        self._registry = self._folder / "services.json"
        self._mark = str(settings.data)

    def start(
        self, name: str, command: list[str], *, env: dict[str, str], port: int | None, cwd: Path | None = None
    ) -> Service:
        """Start `command` in its own session, its output in `data/local/logs/<name>.log`.

        `env` is added to this process's environment. Raises PenstockError where the service runs already,
        its port is taken (names the holder), or the program cannot be started.
        """
        log = self._folder / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        # SPT_NOENV: Airflow renames its processes with setproctitle, which would wipe their environment,
        # and the mark with it, from /proc.
        environment = {**os.environ, **env, MARK: self._mark, "SPT_NOENV": "1"}
        with self._locked():
            if there := self.running(name):
                raise PenstockError(
                    f"service {name} runs already (PID {there.pid})", fix="`make stop` ends it"
                )
            if port is not None:
                refuse_taken_port(port, name)
            with log.open("wb") as output:
                try:
                    process = subprocess.Popen(
                        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                        stderr=subprocess.STDOUT, start_new_session=True,
                    )  # fmt: skip
                except OSError as exc:
                    raise PenstockError(f"service {name}: {command[0]} cannot be started: {exc}") from exc
            service = Service(name, process.pid, psutil.Process(process.pid).create_time(), port, log)
            self._write([*(other for other in self._read() if other.name != name), service])
        return service

    def running(self, name: str) -> Service | None:
        """The service of that name, if its process is still there."""
        return next((s for s in self._read() if s.name == name and _process_of(s)), None)

    def all_running(self) -> list[Service]:
        """Every service whose process is still there, in the order of their start."""
        return [service for service in self._read() if _process_of(service)]

    def wait_until_ready(self, service: Service, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait for `is_ready()`. Raises PenstockError, with the end of the service's log, where the process
        ends first or `seconds` pass."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not _process_of(service):
                raise PenstockError(f"{service.name} ended while it started", fix=_look_into(service.log))
            if time.monotonic() > deadline:
                raise PenstockError(
                    f"{service.name} (PID {service.pid}) was not ready after {seconds:g} s",
                    fix=_look_into(service.log),
                )
            time.sleep(_PAUSE)

    def stop_all(self) -> list[Service]:
        """End every service and all that came from it: SIGTERM, up to 15 s, then SIGKILL.

        Returns the services that were still running. Leaves alone every process that did not come from
        `start` with this data folder. Raises PenstockError where something outlives SIGKILL.
        """
        if not self._folder.exists():
            return []
        with self._locked():
            stopped = self.all_running()
            gone_by = time.monotonic() + _GRACE
            asked: set[psutil.Process] = set()
            while left := self._processes():
                late = time.monotonic() > gone_by
                if time.monotonic() > gone_by + _GRACE:
                    names = ", ".join(f"PID {process.pid}" for process in left)
                    raise PenstockError(f"could not be stopped: {names}", fix="look at them with `ps`")
                for process in left if late else left - asked:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGKILL if late else signal.SIGTERM)
                asked |= left
                psutil.wait_procs(left, timeout=_PAUSE)
            self._write([])
        return stopped

    def _processes(self) -> set[psutil.Process]:
        """Every living process that came from `start`: services, their descendants, what bears the mark.
        Not this process and what it descends from, which may have inherited the mark."""
        leaders = {process for service in self._read() if (process := _process_of(service))}
        family: set[psutil.Process] = set()
        for leader in leaders:
            with contextlib.suppress(psutil.NoSuchProcess):
                family.update(leader.children(recursive=True))
        marked = {process for process in psutil.process_iter() if self._bears_mark(process)}
        this = psutil.Process()
        return {p for p in leaders | family | marked if _is_alive(p)} - {this, *this.parents()}

    def _bears_mark(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark
        except (psutil.Error, OSError):  # it ended, or belongs to somebody else: not ours
            return False

    def _read(self) -> list[Service]:
        if not self._registry.exists():
            return []
        try:
            entries = json.loads(self._registry.read_text(encoding="utf-8"))
            return [Service(**{**entry, "log": Path(entry["log"])}) for entry in entries]
        except (ValueError, TypeError, KeyError) as exc:
            raise PenstockError(
                f"{self._registry}: damaged: {exc}",
                fix="remove that file, then run `make stop`: it finds without it what still runs",
            ) from exc

    def _write(self, services: list[Service]) -> None:
        entries = [{**asdict(service), "log": str(service.log)} for service in services]
        write_whole(self._registry, json.dumps(entries, indent=1))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time: two commands must not start the same service, or lose each other's entries."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "services.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def refuse_taken_port(port: int, name: str) -> None:
    """Raise PenstockError, naming who listens there, if `name` cannot have 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's rest is no holder
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise PenstockError(f"{name}: port {port} cannot be used: {exc.strerror}") from exc
            raise PenstockError(
                f"{name}: port {port} is taken by {_holder_of(port)}",
                fix="stop that process, or choose another port (see `make help`)",
            ) from exc


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that nobody is given by chance meanwhile: systems
    take the ports of connections, and those that a program leaves to them, from a range above these."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _look_into(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"read its log, {log}, which ends so:", *(f"  | {line}" for line in lines[-_TAIL:])])


def _process_of(service: Service) -> psutil.Process | None:
    try:
        process = psutil.Process(service.pid)
        is_it = abs(process.create_time() - service.started) < _CLOCK_SHIFT and _is_alive(process)
    except psutil.NoSuchProcess:
        return None
    return process if is_it else None


def _is_alive(process: psutil.Process) -> bool:
    """False for a zombie: it has ended, and only waits for its parent to notice."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _holder_of(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS answers only root
        connections = []
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,)
        if listens and connection.pid:
            with contextlib.suppress(psutil.Error):
                program = " ".join(psutil.Process(connection.pid).cmdline()[:3])
                return f"PID {connection.pid} ({program[:120]})"
    return "a process of another user"
