"""Importing Airflow writes a configuration into its home: one of the test run's own, gone with it.

`penstock_stand_in` answers for `python -P -m penstock …`, so that a task's handling of a command is tested
apart from what the command does; tests/e2e runs the real ones.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)


@pytest.fixture
def penstock_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Call it with the body of a program (`words` holds what follows `penstock`): tasks then run that one.

    Returns the path of the file in which each call leaves a line: its words.
    """
    program, calls = tmp_path / "penstock_stand_in", tmp_path / "calls"

    def write(body: str) -> Path:
        head = [
            f"#!{sys.executable}",
            "import json, os, signal, sys, time",
            "assert sys.argv[1:4] == ['-P', '-m', 'penstock'], sys.argv",
            "words = sys.argv[4:]",
            f"open({str(calls)!r}, 'a').write(json.dumps(words) + '\\n')",
        ]
        program.write_text("\n".join([*head, body]) + "\n")
        program.chmod(0o755)
        monkeypatch.setenv("PENSTOCK_PYTHON", str(program))
        return calls

    return write
