"""Great Expectations without its noise: no telemetry, no notices on stdout, no log lines of its own."""

from __future__ import annotations

import atexit
import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Around whatever imports or calls Great Expectations, so that stdout carries only our result.

    What it would print or log (such as the traceback of a check that raised) is in its results, too.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logger = logging.getLogger("great_expectations")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        atexit.register(_end_stderr)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _end_stderr() -> None:
    # With Great Expectations and duckdb-engine in one process, DuckDB's binding reports dozens of "leaked
    # instances" on stderr while Python ends: they would stand below our last line, the error.
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
