"""What a process of ours starts with: UTF-8 inside, whatever the locale is, and streams that take any text.

Files, names and other programs' output are UTF-8 here. Only what is printed follows the locale of the one who
reads it; a letter that it does not have is printed as its code (`\\u2192`), and never ends a command.
"""

from __future__ import annotations

import codecs
import io
import locale
import os
import sys
from typing import TextIO


def prepare_process() -> None:
    """Call first in a process that begins as a command. May start the same command anew, in this process."""
    _open_missing_streams()
    _in_utf8()
    print_any_text()


def print_any_text() -> None:
    """Have stdout and stderr print what their encoding does not have as its code, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_utf8(stream: TextIO) -> bool:
    """Whether the stream prints every text as it is."""
    return codecs.lookup(stream.encoding or "ascii").name == "utf-8"


def _open_missing_streams() -> None:
    """Where 0, 1 or 2 is closed, the next file that is opened gets that number, and what any library prints
    would be written into it: a DuckDB file, for example."""
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest free number, which is this one
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 # as long as the process lives
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _in_utf8() -> None:
    """Python can be set only when it starts. In another locale it would give DuckDB other file names than it
    uses itself, and libraries would read and write their files in that locale's encoding."""
    if not is_utf8(sys.stdout):  # for the processes that this one starts, too
        os.environ["PYTHONIOENCODING"] = f"{sys.stdout.encoding}:backslashreplace"
    if sys.flags.utf8_mode or codecs.lookup(locale.getencoding()).name == "utf-8":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 # itself
