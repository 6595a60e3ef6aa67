"""An error as data: what a failing command prints with `-o json`, and what others read of it.

    {"error": {"kind": "LandingError", "message": "…", "where": "…", "value": "…", "fix": "…"}}

Written where a command ends (`command.py`). Read by the task that started it, which hands it to the alert, to
`penstock monitor failure` and, as its XCom, to run-local.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import penstock
from penstock.core.errors import PenstockError, first_line
from penstock.core.printable import on_one_line

_PACKAGE = Path(penstock.__file__).parent


@dataclass(frozen=True)
class ErrorData:
    """One error. What is not known is None.

    kind: the name of its class: one of `errors.py`, or of any other exception, which is then a bug
    message: one line that makes sense by itself
    where: `file:line`, a path, or `topic/partition/offset`
    value: the value that is wrong there
    fix: what to do about it
    """

    kind: str
    message: str
    where: str | None = None
    value: str | None = None
    fix: str | None = None

    def __str__(self) -> str:
        return f"{self.message}\n  Fix: {self.fix}" if self.fix else self.message


def error_data(exc: BaseException) -> ErrorData:
    """An exception as data. One that is not ours says no more than its class and its first line."""
    if isinstance(exc, PenstockError):
        message = on_one_line(exc.message)
        return ErrorData(type(exc).__name__, message, exc.where, exc.value, exc.fix or None)
    name, text = type(exc).__name__, first_line(exc)
    return ErrorData(name, on_one_line(name if text == name else f"{name}: {text}"))


def bug_data(exc: BaseException) -> ErrorData:
    """An exception that no command should end with, and the line of Penstock that met it."""
    ours = [
        frame for frame in traceback.extract_tb(exc.__traceback__) if _PACKAGE in Path(frame.filename).parents
    ]
    data = error_data(exc)
    where = f"{ours[-1].filename}:{ours[-1].lineno}" if ours else None
    return ErrorData(data.kind, data.message, where, fix="this is a bug: report it, with the traceback")


def as_object(data: ErrorData) -> dict[str, Any]:
    """`data` as the object that is printed."""
    return {"error": asdict(data)}


def error_in(value: Any) -> ErrorData | None:
    """The error in an object that was printed; None where it is none, or no such object."""
    error = value.get("error") if isinstance(value, Mapping) else None
    if not isinstance(error, Mapping) or not error.get("message"):
        return None
    where, wrong, fix = (
        None if error.get(name) is None else str(error[name]) for name in ("where", "value", "fix")
    )
    return ErrorData(str(error.get("kind")), str(error["message"]), where, wrong, fix)


def error_printed(stdout: str) -> ErrorData | None:
    """The error in what a command has printed: its last line. None where that is no error, or cut off."""
    try:
        return error_in(json.loads(stdout.rstrip().rpartition("\n")[2]))
    except ValueError:
        return None
