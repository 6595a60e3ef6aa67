"""Processes of the bench's own: each contender's imports, memory and threads are its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.core.errors import PenstockError

REPOSITORY = Path(__file__).resolve().parent.parent

_PACKAGES = REPOSITORY / ".venv-bench"  # packages that only contenders need: `make bench` puts them there
_GIVE_UP_AFTER = 900.0  # seconds


class BenchError(PenstockError):
    """A part of the bench could not run, so there is no figure."""


def run_child(module: str, order: Mapping[str, Any]) -> Any:
    """Run `python -m <module> <order as JSON>`: what its last line of output says, as JSON. Raises
    BenchError."""
    command = [sys.executable, "-m", module, json.dumps(order)]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=_GIVE_UP_AFTER)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{module}: no end after {_GIVE_UP_AFTER:g} s", fix="take fewer events") from None
    if done.returncode != 0:
        why = done.stderr.strip()[-2000:] or f"exit code {done.returncode}"
        raise BenchError(f"{module}: {why}", fix="mend what it says, then run again")
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else None


def add_contenders_packages() -> None:
    """Make the packages that only contenders need importable; where one is in .venv, too, that is used."""
    if str(_PACKAGES) not in sys.path:
        sys.path.append(str(_PACKAGES))


def has_contenders_packages() -> bool:
    """Has `make bench` put them there?"""
    return (_PACKAGES / "confluent_kafka").exists()
