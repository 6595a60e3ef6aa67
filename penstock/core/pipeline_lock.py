"""One lock per pipeline: whatever writes for it holds the lock, so two writers never meet."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.core.errors import BusyError
from penstock.core.settings import Settings

_PAUSE = 0.1  # seconds


@contextmanager
def pipeline_lock(settings: Settings, pipeline: str, *, what: str, wait: float = 60.0) -> Iterator[None]:
    """Hold `data/locks/<pipeline>.lock` (flock) while the block runs.

    The file's content names the holder, for the error of the next one; the kernel frees the lock when the
    process ends, however it ends. Raises BusyError after `wait` seconds.
    """
    path = settings.lock_file(pipeline)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
                    raise BusyError(
                        f"pipeline {pipeline}: {what} waited {wait:g} s for {path}, held by {holder}",
                        fix="wait for that process, or stop it, then try again",
                    ) from None
                time.sleep(_PAUSE)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{what} (PID {os.getpid()})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
