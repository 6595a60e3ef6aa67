"""The named points of the source, where a process ends as in a power cut, and processes that end there."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from penstock.core.settings import Settings
from tests.faults.fault_stream import FaultStream
from tests.faults.marts_by_hand import PIPELINE, run_stage
from tests.faults.small_marts import ended, in_ledger

_SOURCE = Path(__file__).resolve().parents[2] / "penstock"
_POINT = re.compile(r'kill_point\(\s*"(?P<name>[^"]+)"')
POINTS = tuple(
    dict.fromkeys(  # in the order of the source, each once
        found["name"]
        for file in sorted(_SOURCE.rglob("*.py"))
        for found in _POINT.finditer(file.read_text(encoding="utf-8"))
    )
)
STAGES = {point.partition(".")[0] for point in POINTS}
_AFTER_THE_FLIP = {"publish.flipped", "publish.retired"}


def points_of(*stages: str) -> tuple[str, ...]:
    """The points whose names begin with one of these words."""
    return tuple(point for point in POINTS if point.partition(".")[0] in stages)


def killed_at(settings: Settings, point: str, *words: str) -> None:
    """Run `penstock <words>`; at the named point it dies of signal 9."""
    done = ended(settings, *words, PENSTOCK_KILL_AT=point)
    assert done.returncode == -signal.SIGKILL, f"not killed at {point}: {done.returncode}: {done.stderr}"


def kill_publish_at_each_point(stream: FaultStream) -> tuple[str, ...]:
    """After each kill the same command again. Returns the points."""
    points = points_of("publish")
    for number, point in enumerate(points):
        before = in_ledger(stream.settings, "seq")
        killed_at(stream.settings, point, "publish", PIPELINE, "--run-id", f"killed {number}")
        assert (in_ledger(stream.settings, "seq") != before) == (point in _AFTER_THE_FLIP)
        run_stage(stream.settings, "publish", PIPELINE, "--run-id", f"healed {number}")
    ledger = in_ledger(stream.settings, "seq, version")
    assert len({seq for seq, _ in ledger}) == len(ledger)
    known = {f"{seq}-v{version}" for seq, version in ledger}
    assert {file.name for file in stream.settings.versions_dir(PIPELINE).iterdir()} <= known
    return points
