"""A task's command: what it says, how its end is told, and that nothing of it outlives the task."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.airflow.child import Child, Ended
from penstock.core.error_data import ErrorData, as_object
from tests.patience import PATIENCE, is_gone, until

# Leaves a child of its own behind (which ignores SIGTERM), and its process ids in the file `pids`.
FAMILY = """
import os, pathlib, signal, subprocess, sys, time
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(999)"
other = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
other.stdout.readline()
pathlib.Path("draft").write_text(f"{os.getpid()} {other.pid}")
os.rename("draft", "pids")
time.sleep(999)
"""


def run(code: str, tmp_path: Path, lines: list[str] | None = None) -> Ended:
    child = Child([sys.executable, "-c", code], env=os.environ, cwd=tmp_path)
    return child.follow(lines.append if lines is not None else lambda _: None)


def wait_for_family(folder: Path) -> list[psutil.Process]:
    until((folder / "pids").exists, "the command did not start")
    return [psutil.Process(int(pid)) for pid in (folder / "pids").read_text().split()]


def wait_until_gone(processes: list[psutil.Process]) -> None:
    """Each of them would run for much longer than PATIENCE by itself."""
    until(lambda: all(map(is_gone, processes)), "it outlived its command")


def test_stdout_is_the_result_and_stderr_goes_to_the_log_line_by_line(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; sys.stderr.write('one\\ntwo \\u00e9'); print('{}')"
    ended = run(code, tmp_path, lines)
    assert ended == Ended(code=0, stdout="{}\n", error=None, stopped=False)
    assert lines == ["one", "two é"]


def test_a_line_is_logged_while_the_command_still_runs(tmp_path: Path) -> None:
    code = "import sys, time; print('begun', file=sys.stderr, flush=True); time.sleep(999)"
    child = Child([sys.executable, "-c", code], env=os.environ, cwd=tmp_path)
    ended = child.follow(lambda line: child.stop() if line == "begun" else None)
    assert ended.stopped


def test_much_output_on_both_sides_blocks_nothing(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys\nfor n in range(20000): print('x' * 50); print('y' * 50, file=sys.stderr)"
    ended = run(code, tmp_path, lines)
    assert len(ended.stdout) == 20000 * 51
    assert lines == ["y" * 50] * 20000


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise KeyError('x')", "the command ended with exit code 1: KeyError: 'x'"),
        ("import sys; sys.exit(3)", "the command ended with exit code 3: it said nothing on stderr"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
         "the command was ended by SIGKILL (out of memory?)"),
        ("import os; os.abort()", "the command was ended by SIGABRT"),
        ("import sys; sys.exit(255)", "the command ended with exit code 255: it said nothing on stderr"),
        ("import sys; sys.exit(127)", "the command ended with exit code 127: it said nothing on stderr"),
        ("print('{\"error\": {\"kind\": \"x\", \"mess'); raise SystemExit('broken off')",
         "the command ended with exit code 1: broken off"),
        ("print('{\"landed\": 7}'); raise SystemExit('too late')",
         "the command ended with exit code 1: too late"),
    ],
)  # fmt: skip
def test_a_command_that_could_not_say_why_is_described_by_its_end(
    code: str, message: str, tmp_path: Path
) -> None:
    ended = run(code, tmp_path)
    assert ended.error is not None
    assert ended.error.message == message
    assert not ended.stopped


@pytest.mark.parametrize(
    "end", ["sys.exit('Error: the gate refused')", "os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_a_command_says_itself_why_it_failed(end: str, tmp_path: Path) -> None:
    """Also where it is killed on its way out."""
    error = ErrorData("GateRefused", "3 checks", value="7", fix="look")
    said = json.dumps(as_object(error))
    code = f"import os, signal, sys; print('a word'); print({said!r}, flush=True); {end}"
    assert run(code, tmp_path).error == error


def test_a_result_that_looks_like_an_error_fails_nothing(tmp_path: Path) -> None:
    assert run('print(\'{"error": {"message": "x"}}\')', tmp_path).error is None


def test_an_interpreter_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    ended = Child(["/no/such/python", "-m", "x"], env=os.environ, cwd=tmp_path).follow(lambda _: None)
    assert ended.error == ErrorData(
        "CannotStart", "/no/such/python: cannot be started: No such file or directory",
        where="/no/such/python", fix="set PENSTOCK_PYTHON to the interpreter that has penstock",
    )  # fmt: skip


def test_a_stop_ends_the_whole_family_also_one_that_ignores_it(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", FAMILY], env=os.environ, cwd=tmp_path)
    family: list[psutil.Process] = []

    def stop() -> None:
        family.extend(wait_for_family(tmp_path))
        child.stop()

    threading.Thread(target=stop).start()
    ended = child.follow(lambda _: None)
    assert ended.stopped
    assert ended.error is not None
    assert ended.error.message.startswith("stopped from outside")
    assert len(family) == 2
    wait_until_gone(family)


def test_an_exception_in_the_task_ends_the_command(tmp_path: Path) -> None:
    code = f"import sys\nprint('begun', file=sys.stderr, flush=True)\n{FAMILY}"
    child = Child([sys.executable, "-c", code], env=os.environ, cwd=tmp_path)

    family: list[psutil.Process] = []

    def time_is_up(_: str) -> None:
        family.extend(wait_for_family(tmp_path))
        raise TimeoutError

    with pytest.raises(TimeoutError):
        child.follow(time_is_up)
    assert len(family) == 2
    wait_until_gone(family)


@pytest.fixture
def task(tmp_path: Path) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """A supervisor and its task, processes of ours as Airflow has them, with FAMILY below the task."""
    fork = multiprocessing.get_context("fork")

    def follow() -> None:
        Child([sys.executable, "-c", FAMILY], env=os.environ, cwd=tmp_path).follow(lambda _: None)

    def supervise() -> None:
        runner = fork.Process(target=follow)
        runner.start()
        (tmp_path / "runner").write_text(str(runner.pid))
        runner.join()

    supervisor = fork.Process(target=supervise)
    supervisor.start()
    family = wait_for_family(tmp_path)
    runner = psutil.Process(int((tmp_path / "runner").read_text()))
    assert supervisor.pid is not None
    yield psutil.Process(supervisor.pid), runner
    for process in (*family, runner):
        if process.is_running():
            process.kill()
    supervisor.kill()
    supervisor.join(PATIENCE)


@pytest.mark.parametrize("victim", ["supervisor", "task"])
def test_kill_9_of_the_task_or_of_its_supervisor_ends_the_command(
    victim: str, task: tuple[psutil.Process, psutil.Process], tmp_path: Path
) -> None:
    supervisor, runner = task
    os.kill(supervisor.pid if victim == "supervisor" else runner.pid, signal.SIGKILL)
    wait_until_gone([*wait_for_family(tmp_path), runner])


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    code = FAMILY.replace("time.sleep(999)\n", "sys.exit(0)\n")
    assert run(code, tmp_path).code == 0
    left = int((tmp_path / "pids").read_text().split()[1])
    until(lambda: not psutil.pid_exists(left), "it outlived its command")
