"""What a disk refuses, in words: no room, no permission, a file where a folder must be.

One mapper for all commands (`refusal`), used where a command ends (`command.py`). Errors that no disk gives
are bugs: they are left alone.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from penstock.core.errors import DiskError, first_line

_ROOM = "make room there, then run again"
_RIGHTS = "give this user (uid {uid}) the right to it, or choose another place"
_FIXES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "it lies on a file system that is mounted read-only: choose another place",
    errno.ENOENT: "make it, or correct the path",
    errno.ENOTDIR: "a part of the path is a file where a folder must be: move it away, or correct the path",
    errno.EEXIST: "a file is where a folder must be: move it away, or correct the path",
    errno.EISDIR: "a folder is where a file must be: move it away, or correct the path",
    errno.ELOOP: "the symbolic link leads to itself: mend it, or correct the path",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EXDEV: "keep the whole folder on one file system",
    errno.ENOTEMPTY: "look what is in there, and move it away",
    errno.EBUSY: "it is in use: end what uses it, then run again",
    errno.ETXTBSY: "it is in use: end what uses it, then run again",
    errno.EIO: "the disk does not read or write: look at the system's log, and bring back a copy if need be",
    errno.ESTALE: "the network's file system has lost it: mount it anew, then run again",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n), then run again",
    errno.ENFILE: "too many files are open on this machine: end what opens them, then run again",
}


def refusal(exc: BaseException, data: Path | None) -> DiskError | None:
    """What the disk, or a name that is no text, refused; None where `exc` is something else.

    `data` is named where the error itself names no place: the data folder, the likely one.
    """
    if isinstance(exc, UnicodeEncodeError):
        return _no_text(exc)
    if isinstance(exc, OSError):
        return _of_errno(exc, data)
    duckdb = sys.modules.get("duckdb")
    if duckdb is not None and isinstance(exc, duckdb.IOException):
        return DiskError(
            first_line(exc),
            fix="see that the disk has room, and that this user may write there; then run again",
        )
    return None


def fix_for(exc: OSError) -> str:
    """What to do about an error of the disk; "" for one that no disk gives."""
    return _FIXES.get(exc.errno or 0, "").format(uid=os.geteuid())


def why_not(path: Path, *, write: bool) -> DiskError | None:
    """Why this user cannot read `path`, or write it and beside it. None where nothing is seen.

    Asks the system and opens nothing: to close a file that DuckDB holds would end its lock.
    """
    place, what = path, "read"
    if path.is_dir():
        return _refused(path, errno.EISDIR)
    if path.is_symlink() and not path.exists():
        return DiskError(
            f"{path}: a symbolic link to {path.readlink()}, which is not there",
            fix="mend or remove the link",
            where=path,
        )
    if write:
        what = "write"
        if not path.exists() or os.access(path, os.R_OK | os.W_OK):
            place = path.resolve().parent  # a log comes beside the file
        allowed = os.access(place, os.R_OK | os.W_OK)
    else:
        allowed = os.access(path, os.R_OK)
    if allowed:
        return None
    if os.access(place, os.F_OK) and os.statvfs(place).f_flag & os.ST_RDONLY:
        return _refused(place, errno.EROFS)
    return DiskError(
        f"{place}: this user may not {what} it", fix=_RIGHTS.format(uid=os.geteuid()), where=place
    )


def _refused(path: Path, number: int) -> DiskError:
    return DiskError(f"{path}: {os.strerror(number)}", fix=_FIXES[number], where=path)


def _of_errno(exc: OSError, data: Path | None) -> DiskError | None:
    fix = fix_for(exc)
    where = exc.filename2 or exc.filename or data  # a copy's target, before all
    if not fix or where is None or isinstance(where, int):
        return None
    return DiskError(f"{os.fsdecode(where)}: {exc.strerror}", fix=fix, where=os.fsdecode(where))


def _no_text(exc: UnicodeEncodeError) -> DiskError | None:
    """Bytes of the command line, the environment or a folder that are no UTF-8 come as lone surrogates."""
    if exc.reason != "surrogates not allowed":
        return None
    return DiskError(
        f"{exc.object!r}: the name is not UTF-8", fix="rename it, or correct what you typed", value=exc.object
    )
