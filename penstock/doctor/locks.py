"""Who holds what: lock files and DuckDB files, from `/proc/locks`; nothing is locked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock.core.settings import Settings
from penstock.core.version_files import BEING_WRITTEN
from penstock.doctor.finding import Finding

_KERNEL = Path("/proc/locks")
# "1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"; a waiting process has "->" before its kind.
_LOCK = re.compile(r"\d+: (?:FLOCK|POSIX|OFDLCK) +\w+ +(READ|WRITE) (-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) .*")
_NAMED = re.compile(r"\(PID (\d+)\)")


@dataclass(frozen=True)
class Holder:
    """A process that holds a file. `program` is empty where this user may not see it."""

    pid: int
    program: str
    writes: bool


def lock_findings(settings: Settings) -> Iterator[Finding]:
    """Held lock files, and held DuckDB files."""
    if not _KERNEL.exists():
        yield Finding("info", str(_KERNEL), "this system does not show who holds a file")
        return
    for lock in sorted((settings.data / "locks").glob("*.lock")):
        for holder in holders(lock):
            yield _held_lock(lock, holder)
    for folder in ("landing", "warehouse", "marts"):
        for file in sorted((settings.data / folder).rglob("*.duckdb")):
            if not file.is_symlink():
                yield from _held_file(file, published=folder == "marts")


def holders(file: Path) -> list[Holder]:
    """The processes, but this one, that hold a lock on `file`. The kernel frees locks of ended processes."""
    if not file.exists() or not _KERNEL.exists():
        return []
    status = file.stat()
    wanted = (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
    found = []
    for line in _KERNEL.read_text(encoding="utf-8", errors="replace").splitlines():
        if lock := _LOCK.fullmatch(line):
            kind, pid, major, minor, inode = lock.groups()
            place = (int(major, 16), int(minor, 16), int(inode))
            if place == wanted and int(pid) != os.getpid():
                found.append(Holder(int(pid), _program(int(pid)), kind == "WRITE"))
    return found


def _held_lock(lock: Path, holder: Holder) -> Finding:
    """The file's content names who took the lock; a child of it may hold it longer than it lives."""
    content = lock.read_text(encoding="utf-8", errors="replace").strip()
    named = _NAMED.search(content)
    if named and not Path(f"/proc/{named[1]}").exists():
        return Finding(
            "warning", str(lock),
            f"taken by {content}, which is gone; still held by {_told(holder)}",
            f"see what that process does; if nothing, end it: kill {holder.pid}",
        )  # fmt: skip
    return Finding("info", str(lock), f"held by {content or 'a process'}: {_told(holder)}")


def _held_file(file: Path, *, published: bool) -> Iterator[Finding]:
    for holder in holders(file):
        if published and holder.writes and file.parent.name != BEING_WRITTEN:
            yield Finding(
                "warning", str(file), f"opened for writing by {_told(holder)}: other readers are locked out",
                "end that session, and open marts read-only",
            )  # fmt: skip
        elif not published or holder.writes:
            how = "written" if holder.writes else "read"
            yield Finding("info", str(file), f"is being {how} by {_told(holder)}")


def _told(holder: Holder) -> str:
    return f"{holder.program or 'a program that cannot be seen'} (PID {holder.pid})"


def _program(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""
