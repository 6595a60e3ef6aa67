"""What the tests start ends with them: shown with a run of tests that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from penstock.core.settings import Settings
from tests.patience import PATIENCE, is_gone, next_line, until

TESTS = Path(__file__).resolve().parents[2]
RUN = """
import sys, time
from penstock.core.settings import Settings
from tests.services_of_this_run import services_of_this_run
with services_of_this_run(Settings.from_env()) as services:
    sleeper = [sys.executable, "-c", "import time; time.sleep(999)"]
    print(services.start("sleeper", sleeper, env={}, port=None).pid, flush=True)
    time.sleep(999)
"""


def test_a_run_of_tests_that_is_killed_leaves_no_service(settings: Settings) -> None:
    named = os.environ | {"PYTHONPATH": str(TESTS)}
    run = subprocess.Popen([sys.executable, "-c", RUN], env=named, stdout=subprocess.PIPE, text=True)
    service = psutil.Process(int(next_line(run.stdout)))
    run.kill()
    run.wait(timeout=PATIENCE)
    until(lambda: is_gone(service), "the service outlived the run")
