"""The warehouse or the marts are held by another process: a bounded wait, then the holder is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.faults.fault_stream import FaultStream
from tests.faults.marts_by_hand import PIPELINE, published_marts, read_marts, run_stage
from tests.patience import PATIENCE, next_line

Run = Callable[..., subprocess.Popen[str]]

WAIT = 1.0  # seconds
HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
for _ in sys.stdin:
    print(held.execute("SELECT count(*) FROM purchases").fetchone()[0], flush=True)
"""


@contextmanager
def held(file: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process has `file` open; it counts purchases when it gets a line."""
    command = [sys.executable, "-c", HOLD, str(file), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert next_line(holder.stdout) == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


@pytest.fixture
def names_holder(penstock: Run) -> Callable[..., None]:
    """A stage that must give up, in bounded time, with one line that names file, program and PID."""

    def run(stage: str, file: Path, holder: subprocess.Popen[str]) -> None:
        process = penstock(stage, PIPELINE, file_wait=WAIT)
        _, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1, stderr
        told, fix = stderr.splitlines()[-2:]
        assert told.startswith(f"Error: {file}: held by ")
        assert told.endswith(f" (PID {holder.pid}) for more than {WAIT:g} s")
        assert "python" in told
        assert fix.startswith("  Fix: ")

    return run


@pytest.mark.slow
@pytest.mark.fault(10, "warehouse and marts held by another process")
def test_a_held_warehouse_or_mart_stops_a_stage_that_names_the_holder_and_readers_stop_none(
    stream: FaultStream, drain: Callable[..., str], names_holder: Callable[..., None]
) -> None:
    stream.produce_numbers(range(1_000))
    drain()
    warehouse = stream.settings.warehouse_file(PIPELINE)
    warehouse.parent.mkdir(parents=True)
    duckdb.connect(warehouse).close()
    with held(warehouse, "write") as holder:
        for stage in ("transform", "validate", "publish"):
            names_holder(stage, warehouse, holder)
        stream.witness.saw(f"transform, validate and publish named the holder, PID {holder.pid}")
    purchases = len(published_marts(stream.settings)["purchases"])

    link = stream.settings.marts_link(PIPELINE)
    first = link.resolve()
    with held(link, "read") as reader:
        run_stage(stream.settings, "publish", PIPELINE)
        second = link.resolve()
        assert second != first
        assert reader.stdin is not None
        reader.stdin.write("count\n")
        reader.stdin.flush()
        assert int(next_line(reader.stdout)) == purchases
    stream.witness.saw("a reader that stayed open stopped no publication, and still read its file")
    with held(second, "write") as holder:
        names_holder("publish", second, holder)
        assert link.resolve() == second
        stream.witness.saw(f"publish named the session that had the marts open for writing, PID {holder.pid}")
    run_stage(stream.settings, "publish", PIPELINE)
    assert link.resolve() != second
    stream.assert_each_once(range(1_000))
    assert len(read_marts(stream.settings)["purchases"]) == purchases
    stream.witness.counted(f"{purchases} purchases before, and after the holders")
