"""A finding, and how a check is run: what a check raises becomes a finding, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, ParamSpec

from penstock.core.disk import fix_for
from penstock.core.errors import BusyError, DeclarationError, PenstockError

Severity = Literal["error", "warning", "info"]

P = ParamSpec("P")

_LOOK = "see what the system says of it"
HELD_WAIT = 2.0  # seconds that a check waits for a file that another process holds


@dataclass(frozen=True)
class Finding:
    """What was found, where, and a way out.

    error: a person must act. warning: the next run mends it, or somebody meant it so, or a check could not
    look. info: good to know, nothing to do; then `fix` may be empty.
    """

    severity: Severity
    where: str
    what: str
    fix: str = ""


def findings_of(
    where: str, check: Callable[P, Iterable[Finding]], *args: P.args, **kwargs: P.kwargs
) -> list[Finding]:
    """What `check` finds. A check that cannot run is itself a finding, and stops no other check."""
    try:
        return list(check(*args, **kwargs))
    except BusyError as exc:
        return [Finding("warning", where, f"could not be looked at: {exc.message}", exc.fix)]
    except PenstockError as exc:
        return [of_error(where, exc)]
    except OSError as exc:  # the disk's: nothing is wrong with what is in the file
        place = str(exc.filename) if exc.filename else where
        return [Finding("error", place, f"could not be looked at: {exc.strerror}", fix_for(exc) or _LOOK)]
    except Exception as exc:  # whatever is broken, the rest must still be looked at
        why = str(exc).strip().partition("\n")[0]
        return [
            Finding(
                "error", where, f"could not be checked: {type(exc).__name__}: {why}",
                "if the file is damaged, move it away or bring back a copy of it; else report this text",
            )
        ]  # fmt: skip


def of_error(where: str, exc: PenstockError) -> Finding:
    """The finding that an error stands for; a declaration's error knows its own place."""
    if isinstance(exc, DeclarationError):
        where = f"{exc.file}:{exc.line}" if exc.line is not None else str(exc.file)
    return Finding("error", where, exc.message.removeprefix(f"{where}: "), exc.fix or "mend what it says")
