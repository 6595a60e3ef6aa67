"""A quick look by the bench: real broker, few events, and baselines that need no packages of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE_FOR_A_RUN

REPOSITORY = Path(__file__).resolve().parents[2]
BASELINES = ("tuned_loop", "limit", "usual_loop")


def test_a_quick_look_tells_ratios_and_who_is_unchecked(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    done = bench(
        "--events=2000", "--pairs=1", "--part=pairs", *(f"--against={contender}" for contender in BASELINES),
        f"--page={page}", "--output=json",
    )  # fmt: skip

    pairs = json.loads(done.stdout)["pairs"]
    found = {baseline["baseline"]["contender"]: baseline for baseline in pairs["baselines"]}
    assert found.keys() == set(BASELINES)
    rejected = found["tuned_loop"]["baseline"]["rejected"]
    assert pairs["ours"]["rejected"] == pairs["sql"]["rejected"] == rejected > 0
    assert {contender: baseline["baseline"]["checked"] for contender, baseline in found.items()} == {
        "tuned_loop": True,
        "limit": True,
        "usual_loop": False,  # it knows types, but no rules
    }
    for ratio in (baseline[ours]["ratio"] for baseline in found.values() for ours in ("ours", "sql")):
        assert 0 < ratio["minimum"] <= ratio["lower_quartile"] <= ratio["median"] <= ratio["maximum"]
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    unchecked = [line for line in rows if "*unchecked*" in line]
    assert len(rows) == 2 + 2 * len(BASELINES) + 2 + len(BASELINES)
    assert len(unchecked) == 1
    assert "usual kafka-python loop" in unchecked[0]
    assert "the limit: our SQL on bytes already in Arrow: *our SQL*" in page.read_text()


def test_a_shape_tells_its_bars_and_whether_they_hold(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    done = bench(
        "--events=2000",
        "--pairs=1",
        "--part=shapes",
        "--shape=two-unknown",
        f"--page={page}",
        "--output=json",
    )

    compact, two_unknown = json.loads(done.stdout)["shapes"]  # what a shape is compared with runs, too
    assert (compact["shape"]["name"], compact["of_compact"]) == ("compact", None)
    assert two_unknown["shape"]["name"] == "two-unknown"
    assert two_unknown["of_compact"] > 0
    assert two_unknown["fast"] == 1
    assert [two_unknown[one]["checked"] for one in ("ours", "loop", "sql")] == [True] * 3
    assert two_unknown["ours"]["events"] == two_unknown["loop"]["events"] == 2000
    rows = [line for line in page.read_text().splitlines() if line.startswith("| two fields that")]
    against_loop, by_sql = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)
    assert against_loop[6:8] == ["5", holds(two_unknown["against_loop"]["ratio"]["lower_quartile"], 5)]
    assert against_loop[11:13] == ["0.6", holds(two_unknown["of_compact"], 0.6)]
    assert by_sql[3] == "100.0%"
    assert two_unknown["sql_of_loop"] == two_unknown["sql"]["rate"] / compact["loop"]["rate"]
    assert by_sql[6:8] == ["3.5", holds(two_unknown["sql_of_loop"], 3.5)]


def holds(found: float, at_least: float) -> str:
    return "yes" if found >= at_least else "**no**"


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE_FOR_A_RUN)
    assert done.returncode == 0, done.stderr
    return done
