"""What every command shares: `-o json`, the run id, and how a result or an error is printed.

Results go to stdout, everything else to stderr, so that `-o json` can be piped. With it stdout also gets the
error of a command that failed, as an object (`error_data.py`); people read it on stderr in any case.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import getpass
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import click

from penstock.core.disk import refusal
from penstock.core.error_data import as_object, bug_data, error_data
from penstock.core.errors import PenstockError
from penstock.core.printable import printable
from penstock.core.settings import Settings
from penstock.core.streams import is_utf8

P = ParamSpec("P")

output_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="How to print the result.",
)  # fmt: skip
run_id_option = click.option(
    "--run-id", envvar="PENSTOCK_RUN_ID", default=lambda: default_run_id(),
    help="Name of the run that this belongs to; Airflow's run id in a DAG. Default: manual__<UTC time>.",
)  # fmt: skip


def default_run_id() -> str:
    """A run id in Airflow's form, for a command that a person typed; no two commands share one."""
    return f"manual__{dt.datetime.now(dt.UTC).isoformat(timespec='microseconds')}"


def user_name() -> str:
    """Who types a command, by the system's name: for what is kept of what somebody did."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def reports_errors(command: Callable[P, None]) -> Callable[P, None]:
    """End with exit code 1 where `command` raises a PenstockError or what a disk refuses: as text on stderr,
    with `-o json` also as data on stdout. Anything else is a bug and stays loud. That nobody reads the output
    any more fails nothing."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = kwargs.get("output") == "json"
        try:
            Settings.from_env().refuse_unusable()
            command(*args, **kwargs)
        except PenstockError as exc:
            _end_with(exc, as_json)
        except NobodyReads:
            _print_nothing_more()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise  # Click's own ways to end: a wrong argument, --help, Ctrl-C
        except Exception as exc:
            refused = refusal(exc, _data())
            if refused is not None:
                _end_with(refused, as_json)
            if as_json:
                _print(json_line(as_object(bug_data(exc))))
            raise

    return wrapper


class NobodyReads(Exception):
    """Whoever read stdout has ended, as `head` does."""


def print_result(
    result: Any, output: str, as_text: Callable[[Any], str], *, error: PenstockError | None = None
) -> None:
    """Print a result (a dataclass, or plain JSON types): `as_text(result)`, or one line of JSON.

    With `error`, the result is one that the command must fail with, all the same: it is part of the same
    object. Either holds values of events, so nothing of it steers a terminal; as JSON it says the same.
    """
    if output == "json":
        value = to_json(result)
        _print(json_line(value if error is None else {**value, **to_json(error)}))
    else:
        _print(as_text(result))
    if error is not None:
        _end_with(error, as_json=False)


def say(text: str) -> None:
    """Print `text` and a line's end to stdout, so that it steers no terminal. Raises NobodyReads, OSError."""
    try:
        # named: Click would change the encoding of ASCII streams
        click.echo(printable(text), file=sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise NobodyReads from None


def say_aside(text: str) -> None:
    """Print `text` and a line's end to stderr, for whoever looks on; that nobody can fails nothing."""
    with contextlib.suppress(OSError):
        click.echo(printable(text), file=sys.stderr)


def json_line(value: Any) -> str:
    """`value` as one line of JSON; only ASCII where stdout does not take every letter."""
    return json.dumps(to_json(value), ensure_ascii=not is_utf8(sys.stdout))


def _print(text: str) -> None:
    """Print to stdout what the command has come to. That it cannot be printed is said on stderr, and makes
    nothing fail that has not failed: the work is done."""
    try:
        say(text)
    except NobodyReads:
        _print_nothing_more()
    except OSError as exc:
        say_aside(f"Warning: the result could not be printed: {exc.strerror}")
        _print_nothing_more()


def _end_with(exc: PenstockError, as_json: bool) -> NoReturn:
    if as_json:
        _print(json_line(exc))
    say_aside(f"Error: {exc}")
    sys.exit(1)


def _print_nothing_more() -> None:
    """Python flushes stdout when it ends, and would complain again about what is left in there."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _data() -> Path | None:
    """The data folder, the likely place of an error that names none."""
    try:
        return Settings.from_env().data
    except PenstockError:
        return None


def to_json(value: Any) -> Any:
    """Plain JSON types of a result: dataclasses and errors become objects, times RFC 3339, paths texts."""
    if isinstance(value, PenstockError):
        return as_object(error_data(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Path):
        return os.fspath(value)
    return value
