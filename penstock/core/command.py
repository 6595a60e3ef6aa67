"""What every command shares: `-o json`, the run id, and how a result or an error is told.

Results go to stdout, everything else to stderr, so that `-o json` can be piped.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import click

from penstock.core.errors import PenstockError
from penstock.core.printable import printable
from penstock.core.settings import Settings

P = ParamSpec("P")

_FULL = (errno.ENOSPC, errno.EDQUOT)

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


def tells_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn a PenstockError, or a full disk, into its text on stderr and exit code 1. Anything else is a bug
    and stays loud."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except PenstockError as exc:
            click.echo(printable(f"Error: {exc}"), err=True)
            sys.exit(1)
        except OSError as exc:
            if exc.errno not in _FULL:
                raise
            where = exc.filename2 or exc.filename or Settings.from_env().data  # a copy's target, before all
            click.echo(f"Error: {where}: {exc.strerror}\n  Fix: make room there, then run again", err=True)
            sys.exit(1)

    return wrapper


def tell(result: Any, output: str, as_text: Callable[[Any], str]) -> None:
    """Print a result (a dataclass, or plain JSON types): `as_text(result)`, or one line of JSON.

    Either holds values of events, so nothing of it steers a terminal; as JSON it says the same.
    """
    text = json.dumps(to_json(result), ensure_ascii=False) if output == "json" else as_text(result)
    click.echo(printable(text))


def to_json(value: Any) -> Any:
    """Plain JSON types of a result: dataclasses become objects, times RFC 3339, paths texts."""
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
