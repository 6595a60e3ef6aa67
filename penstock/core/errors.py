"""The errors that a person meets. All say what broke, where, and what to do.

PenstockError                 anything we can explain; the command exits with 1
├── DeclarationError          a file that a user declares is wrong (names file:line)
├── BusyError                 a file or a lock is held by another process (names it)
├── DiskError                 the disk refused: no room, no permission, a file where a folder must be
├── SettingError              an environment variable says what cannot be (names it and its value)
├── BrokerError               Kafka cannot be reached, or answers in a way we must not go on from
├── LandingError              a landing file is not what it must be, or may not be written
├── TooManyRejects            of a run's events, more broke the contract than it allows; all have landed
├── TransformError            the dbt build failed
├── GateError                 the gate itself could not judge (not: bad data)
├── GateRefused               the gate judged, and the data is bad
└── PublishError              nothing may be, or could be, published
"""

from __future__ import annotations

from pathlib import Path


class PenstockError(Exception):
    """What broke (`message`) and what to do about it (`fix`).

    The message is one line that makes sense by itself: it is what Slack and the Airflow log show. It names
    `where` (file:line, a path, or topic/partition/offset) and the wrong `value`; programs also get these
    two by themselves.
    """

    def __init__(self, message: str, *, fix: str = "", where: object = None, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.where = None if where is None else str(where)
        self.value = None if value is None else str(value)

    def __str__(self) -> str:
        return f"{self.message}\n  Fix: {self.fix}" if self.fix else self.message


class DeclarationError(PenstockError):
    """A declared file is wrong. `line` counts from 1; None where the whole file is meant."""

    def __init__(
        self, message: str, *, file: Path, line: int | None = None, fix: str = "", value: object = None
    ) -> None:
        self.file = file
        self.line = line
        where = f"{file}:{line}" if line is not None else str(file)
        super().__init__(f"{where}: {message}", fix=fix, where=where, value=value)


class BusyError(PenstockError):
    """Another process holds what we need."""


class DiskError(PenstockError):
    """The disk, or the system for it, refused to read or write."""


class SettingError(PenstockError):
    """A setting of the environment is wrong. The message names it and its value."""


class BrokerError(PenstockError):
    """Kafka could not be reached, or what it says does not fit what we know."""


class LandingError(PenstockError):
    """A landing file is missing, damaged, or belongs to another environment or cluster."""


class TooManyRejects(PenstockError):
    """More of a run's events broke the contract than it allows. Nothing is lost: they are rejects."""


class TransformError(PenstockError):
    """The dbt build failed: candidates are not complete."""


class GateError(PenstockError):
    """The gate could not judge: a misspelt check, a check that raised, a mart without a suite."""


class GateRefused(PenstockError):
    """The gate judged, and at least one critical check failed: the data is bad."""


class QuarantineError(PenstockError):
    """Commits cannot be put into quarantine, or released, as somebody asked."""


class PublishError(PenstockError):
    """Publishing is not allowed (no fitting verdict) or did not succeed."""


def first_line(exc: BaseException) -> str:
    """The one line of another library's error for a message of ours; its class where it says nothing.

    DuckDB, Kafka and the system put what happened first, and go into detail below.
    """
    return next((line for line in str(exc).splitlines() if line.strip()), type(exc).__name__).strip()
