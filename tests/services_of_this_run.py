"""Services (broker, Airflow) that end with the run of the tests, also where that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.core.settings import Settings
from penstock.local.services import Services
from tests.patience import PATIENCE

_STOP_ONCE_THE_TESTS_ARE_GONE = 'cat > /dev/null; exec "$0" -m penstock local stop'


@contextmanager
def services_of_this_run(settings: Settings) -> Iterator[Services]:
    """The services of a data folder, all ended with the block.

    A process that is killed cannot stop them. So another one, in a session of its own, reads from a pipe that
    nobody but this process holds open, and stops the services at its end.
    """
    named = {"PENSTOCK_PROJECT": str(settings.project), "PENSTOCK_DATA": str(settings.data)}
    waiting = subprocess.Popen(
        ["sh", "-c", _STOP_ONCE_THE_TESTS_ARE_GONE, sys.executable], env=os.environ | named,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    services = Services(settings)
    try:
        yield services
    finally:
        services.stop_all()
        waiting.kill()
        waiting.communicate(timeout=PATIENCE)
