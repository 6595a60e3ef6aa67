"""A quick look by the bench: real broker, few events, and only rivals that need no packages of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE_FOR_A_RUN

REPOSITORY = Path(__file__).resolve().parents[2]
RIVALS = ("tuned_loop", "limit", "usual_loop")


def test_a_quick_look_tells_ratios_and_who_is_unchecked(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    done = bench(
        "--events=2000", "--pairs=1", "--part=pairs", *(f"--against={way}" for way in RIVALS),
        f"--page={page}", "--output=json",
    )  # fmt: skip

    pairs = json.loads(done.stdout)["pairs"]
    found = {rival["rival"]["way"]: rival for rival in pairs["rivals"]}
    assert found.keys() == set(RIVALS)
    rejected = found["tuned_loop"]["rival"]["rejected"]
    assert pairs["ours"]["rejected"] == pairs["sql"]["rejected"] == rejected > 0
    assert {way: rival["rival"]["checked"] for way, rival in found.items()} == {
        "tuned_loop": True,
        "limit": True,
        "usual_loop": False,  # it knows types, but no rules
    }
    for ratio in (rival[ours]["ratio"] for rival in found.values() for ours in ("ours", "sql")):
        assert 0 < ratio["minimum"] <= ratio["lower_quartile"] <= ratio["median"] <= ratio["maximum"]
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    unchecked = [line for line in rows if "*unchecked*" in line]
    assert len(rows) == 2 + 2 * len(RIVALS) + 2 + len(RIVALS)
    assert len(unchecked) == 1
    assert "usual kafka-python loop" in unchecked[0]
    assert "the limit: our SQL on bytes already in Arrow: *our SQL*" in page.read_text()


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE_FOR_A_RUN)
    assert done.returncode == 0, done.stderr
    return done
