"""Run a command that never outlives the task that wanted it. Standard library only; run as a script.

The task keeps the other end of this process's stdin open. When the task ends, however it ends (kill -9, too),
the kernel closes that end, and this process ends everything in its session: first SIGTERM, then SIGKILL.
"""

import os
import signal
import subprocess
import sys
import threading
import time

GRACE = 3.0  # seconds between SIGTERM and SIGKILL
CANNOT_START = 127  # exit code, as in a shell; the one line on stderr says why


def main(command: list[str]) -> int:
    """Run `command` in this process's group; return its exit code, 128 + n where signal n ended it."""
    # A handler, not SIG_IGN: the command would inherit that. The group's SIGTERM is meant for the command;
    # this process stays to report how it ended.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as exc:
        print(f"{command[0]}: cannot be started: {exc.strerror}", file=sys.stderr)
        return CANNOT_START
    task_ended = threading.Event()
    threading.Thread(target=_end_with_the_task, args=[task_ended], daemon=True).start()
    code = process.wait()
    if task_ended.is_set():
        os.killpg(0, signal.SIGKILL)  # what the command leaves behind, and this process
    return code if code >= 0 else 128 - code


def _end_with_the_task(task_ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    task_ended.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
