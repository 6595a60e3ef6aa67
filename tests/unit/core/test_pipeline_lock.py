"""The lock of a pipeline, against a real second process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from penstock.core.errors import BusyError
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.settings import Settings
from tests.patience import PATIENCE, next_line

HOLDER = """
import sys
from penstock.core.pipeline_lock import pipeline_lock
from penstock.core.settings import Settings
with pipeline_lock(Settings.from_env(), "shop", what="publish"):
    print("holding", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another_process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert next_line(holder.stdout) == "holding\n"
        yield holder


def test_the_second_waits_its_time_then_names_pipeline_file_and_holder(settings: Settings) -> None:
    with held_by_another_process() as holder:
        with (
            pytest.raises(BusyError) as caught,
            pipeline_lock(settings, "shop", what="transform", wait=0.05),
        ):
            pytest.fail("two hold the lock")
        assert caught.value.message == (
            f"transform of pipeline shop waited 0.05 s for {settings.lock_file('shop')}, "
            f"held by publish of pipeline shop (PID {holder.pid})"
        )


def test_another_pipelines_lock_is_free(settings: Settings) -> None:
    with held_by_another_process(), pipeline_lock(settings, "store", what="transform", wait=0):
        pass


def test_the_second_gets_it_when_the_first_ends(settings: Settings) -> None:
    with held_by_another_process() as holder:
        assert holder.stdin is not None
        holder.stdin.write("end\n")
        holder.stdin.flush()
        with pipeline_lock(settings, "shop", what="transform", wait=PATIENCE):
            assert settings.lock_file("shop").read_text().startswith("transform of pipeline shop (PID ")


def test_kill_9_frees_it(settings: Settings) -> None:
    with held_by_another_process() as holder:
        holder.send_signal(signal.SIGKILL)
        assert holder.wait(timeout=PATIENCE) == -signal.SIGKILL
        with pipeline_lock(settings, "shop", what="transform", wait=0):
            pass


def test_an_error_inside_frees_it(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), pipeline_lock(settings, "shop", what="a", wait=0):
        raise ZeroDivisionError
    with pipeline_lock(settings, "shop", what="b", wait=0):
        pass


def test_a_process_started_inside_does_not_keep_it(settings: Settings) -> None:
    with pipeline_lock(settings, "shop", what="a", wait=0):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    try:
        with pipeline_lock(settings, "shop", what="b", wait=0):
            assert child.poll() is None
    finally:
        child.communicate(timeout=PATIENCE)
