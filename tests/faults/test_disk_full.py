"""The disk that holds the landing file is full: a real one, a small tmpfs in a namespace of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_stream import FaultStream

# Drain twice on a disk of 12 MB that `dd` has filled to the last byte, then once more with space again.
SCRIPT = """
set -eu
cp "$LANDING"/customer_events.duckdb "$OUT/before"
mount -t tmpfs -o size=12m tmpfs "$LANDING"
cp "$OUT/before" "$LANDING"/customer_events.duckdb
drain() { "$PYTHON" -m penstock ingest drain customer_events --wait 0; }
dd if=/dev/zero of="$LANDING/filler" bs=64k 2> "$OUT/dd" && exit 9
for name in first second; do
  drain 2> "$OUT/$name" && exit 8
done
rm "$LANDING/filler"
dd if=/dev/zero of="$LANDING/filler" bs=64k count=128 2> /dev/null
drain 2> "$OUT/half_way" && exit 7
rm "$LANDING/filler"
mount -o remount,size=500m "$LANDING"
drain
cp "$LANDING"/customer_events.duckdb* "$OUT"
"""


@pytest.mark.fault(9, "the landing file on a tmpfs that dd has filled")
def test_a_full_disk_is_a_clear_error_and_space_heals_it(
    stream: FaultStream, drain: Callable[..., str], tmp_path: Path
) -> None:
    stream.produce_numbers(range(100))
    drain()
    stream.produce_numbers(range(100, 10_000), width=500)
    landing = stream.settings.landing_file("customer_events").parent
    out = tmp_path / "out"
    out.mkdir()
    names = {"LANDING": str(landing), "OUT": str(out), "PYTHON": sys.executable}
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT],
        env=os.environ | names, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in (out / "dd").read_text()
    stream.witness.saw("dd: No space left on device")
    for name in ("first", "second", "half_way"):
        error = (out / name).read_text()
        assert "Traceback" not in error
        assert "customer_events" in error
        assert "a full disk?" in error
    stream.witness.saw("three drains failed for want of space")
    for file in out.glob("customer_events.duckdb*"):
        file.rename(landing / file.name)
    stream.assert_each_once(range(10_000))
