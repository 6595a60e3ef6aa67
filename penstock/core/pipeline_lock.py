"""Locks in `data/locks/`: whatever writes for a pipeline, or consumes a stream, holds one.

They are advisory locks of the kernel (flock): freed when the holding process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.core.errors import BusyError
from penstock.core.settings import Settings

_PAUSE = 0.1  # seconds


@contextmanager
def pipeline_lock(settings: Settings, pipeline: str, *, what: str, wait: float = 60.0) -> Iterator[None]:
    """Hold `data/locks/<pipeline>.lock` while the block runs. Raises BusyError after `wait` seconds."""
    with file_lock(settings.lock_file(pipeline), what=f"{what} of pipeline {pipeline}", wait=wait):
        yield


@contextmanager
def file_lock(path: Path, *, what: str, wait: float) -> Iterator[None]:
    """Hold the lock file `path` while the block runs. `wait` 0 tries once.

    The file's content names the holder (`what` and PID), for the error of the next one.
    Raises BusyError, naming file and holder, after `wait` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + wait
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
                raise BusyError(
                    f"{what} waited {wait:g} s for {path}, held by {holder}",
                    fix="wait for that process, or stop it, then try again",
                    where=path,
                )
            time.sleep(_PAUSE)
        _name_holder(descriptor, path, f"{what} (PID {os.getpid()})\n".encode())
        yield
    finally:
        os.close(descriptor)


def _name_holder(descriptor: int, path: Path, holder: bytes) -> None:
    """Write over what is there, and cut the rest: on a full disk, that needs no room."""
    try:
        os.pwrite(descriptor, holder, 0)
    except OSError as exc:
        exc.filename = os.fspath(path)
        raise
    os.ftruncate(descriptor, len(holder))


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
