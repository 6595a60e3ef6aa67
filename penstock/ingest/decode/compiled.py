"""How numba compiles functions of `decode` and `parse`, and where it keeps their machine code.

numba takes the code that it has kept of a function while the function's own file stays the same, whatever
becomes of the files of the functions that it calls. So the code lies in a folder that is named for the bytes
of all these files: a change of one makes it all anew.
https://numba.readthedocs.io/en/stable/developer/caching.html
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit

_INGEST = Path(__file__).parents[1]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, or take its code from the folder."""
    return _compiled(function, inline="never")


def inlined(function: Callable[..., Any]) -> Any:
    """The same of a small function, which becomes part of those that call it."""
    return _compiled(function, inline="always")


def _compiled(function: Callable[..., Any], *, inline: str) -> Any:
    given = config.CACHE_DIR  # by the environment variable NUMBA_CACHE_DIR
    config.CACHE_DIR = str(Path(given or _INGEST / "__pycache__") / f"numba-{_sources_hash()}")
    try:
        return njit(nogil=True, cache=True, inline=inline)(function)
    finally:
        config.CACHE_DIR = given


@functools.cache
def _sources_hash() -> str:
    digest = hashlib.sha256()
    for file in sorted(file for room in ("decode", "parse") for file in (_INGEST / room).glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
