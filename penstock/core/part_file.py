"""A file that appears under its name whole, or not at all: written beside it, then linked or renamed.

A process that is killed leaves what it wrote under a name that holds its PID. The next one that writes into
the same folder removes it, and so can a person.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PART = re.compile(r"\..+\.(?P<pid>\d+)\.penstock-part(\.wal)?")


@contextmanager
def part_file(file: Path) -> Iterator[Path]:
    """A name beside `file` to write to; nothing is left under it after the block."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for left in left_parts(file.parent):
        left.unlink(missing_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.penstock-part")
    try:
        yield part
    finally:
        for left in (part, part.with_name(part.name + ".wal")):
            left.unlink(missing_ok=True)


def left_parts(folder: Path) -> list[Path]:
    """What processes that are gone have left in `folder`."""
    named = ((path, _PART.fullmatch(path.name)) for path in sorted(folder.glob(".*")))
    return [path for path, name in named if name and not _runs(int(name["pid"]))]


def write_whole(file: Path, text: str) -> None:
    """Make `file` hold `text`, or leave it as it was; on the disk when this returns."""
    with part_file(file) as part:
        part.write_text(text, encoding="utf-8")
        flush(part)
        part.replace(file)
    flush(file.parent)


def flush(path: Path) -> None:
    """Have the disk write what it holds of `path`, a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
