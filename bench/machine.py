"""On what the figures were made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.child import add_contenders_packages

_PACKAGES = ("kafka-python", "confluent-kafka", "duckdb", "pyarrow", "dlt", "numpy", "numba")


@dataclass(frozen=True)
class Machine:
    """A machine and the versions on it. `load`: how many processes were busy before the bench began."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    kafka: str
    packages: dict[str, str]
    load: float


def this_machine() -> Machine:
    """The one that this runs on."""
    from penstock.local.broker import _KAFKA

    add_contenders_packages()
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 0,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=_system(),
        python=platform.python_version(),
        kafka=_KAFKA.rsplit(":", 1)[1],
        packages={name: version for name in _PACKAGES if (version := _version(name))},
        load=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}"
    except OSError:
        return platform.platform()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
