"""Named points where a test ends the process as a power cut would: at once, with nothing tidied up."""

from __future__ import annotations

import os
import signal


def kill_point(name: str) -> None:
    """End this process with SIGKILL where `PENSTOCK_KILL_AT` names this point; else do nothing."""
    if os.environ.get("PENSTOCK_KILL_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
