"""The disk is full: while events land, while a new landing file is made, and under every stage."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.fault_stream import FaultStream
from tests.faults.marts_by_hand import PIPELINE, published_marts
from tests.faults.small_disk import SmallDisk, small_disk
from tests.patience import PATIENCE, next_line

DRAIN = ("ingest", "drain", PIPELINE)


@pytest.mark.fault(9, "the landing file on a tmpfs that dd has filled")
def test_a_full_disk_is_a_clear_error_and_space_heals_it(
    stream: FaultStream, drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(100))
    drain()
    stream.produce_numbers(range(100, 10_000), width=500)
    with small_disk(stream.settings.landing_file(PIPELINE).parent, "12m") as disk:
        stream.witness.saw(f"dd: {disk.fill()}")
        errors = [disk.refused_for_space(*DRAIN) for _ in range(2)]
        disk.free()
        disk.fill(leave=4_000_000)
        errors.append(disk.refused_for_space(*DRAIN))
        disk.free()
        stream.witness.saw(f"{len(errors)} drains failed for want of space")
        disk.resize("500m")
        assert disk.penstock(*DRAIN).returncode == 0
    stream.assert_each_once(range(10_000))


@pytest.mark.fault(9, "no room to make a new landing file")
def test_a_new_landing_file_is_made_whole_or_not_at_all(stream: FaultStream) -> None:
    stream.produce_numbers(range(1_000))
    with small_disk(stream.settings.landing_file(PIPELINE).parent, "12m") as disk:
        for leave in (0, 16_384, 60_000, 100_000):
            said = disk.fill(leave=leave)
            error = disk.refused_for_space(*DRAIN)
            assert "cannot be made" in error
            assert disk.names() == []
            disk.free()
        stream.witness.saw(f"dd: {said}; four drains failed for want of space and left no file")
        assert disk.penstock(*DRAIN).returncode == 0
        assert disk.names() == [f"{PIPELINE}.duckdb"]
    stream.assert_each_once(range(1_000))


READER = """
import duckdb, json, select, sys

QUERY = '''
SELECT (SELECT count(*) FROM purchases), (SELECT row_count FROM mart_status WHERE mart = 'purchases'),
    (SELECT max(version) FROM _penstock.publications)
'''
queries, seen, failures = 0, [], []
while True:
    stopping = bool(select.select([sys.stdin], [], [], 0.2)[0])
    try:
        with duckdb.connect(sys.argv[1], read_only=True) as marts:
            rows, told, version = marts.execute(QUERY).fetchone()
        if rows != told:
            failures.append(f"{rows} rows, {told} told")
        if version not in seen:
            seen.append(version)
    except Exception as exc:
        failures.append(str(exc))
    queries += 1
    if queries == 1:
        print("reading", flush=True)
    if stopping:
        print(json.dumps({"queries": queries, "versions": seen, "failures": failures}))
        break
"""


@contextmanager
def reading(disk: SmallDisk, link: object) -> Iterator[Callable[[], dict[str, Any]]]:
    """A reader that queries the marts all the time; what is yielded ends it, and says what it saw."""
    reader = disk.start(sys.executable, "-c", READER, str(link))
    assert next_line(reader.stdout) == "reading\n"

    def stop() -> dict[str, Any]:
        return dict(json.loads(reader.communicate("stop", timeout=PATIENCE)[0]))

    try:
        yield stop
    finally:
        if reader.poll() is None:
            reader.kill()
            reader.communicate(timeout=PATIENCE)


@pytest.mark.slow
@pytest.mark.fault(9, "the whole data folder on a tmpfs that dd fills before each stage")
def test_each_stage_tells_a_full_disk_and_goes_on_with_space_while_readers_read(
    stream: FaultStream, drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(500))
    drain()
    published_marts(stream.settings)
    stream.produce_numbers(range(500, 1_000))
    stages = (DRAIN, ("transform", PIPELINE), ("publish", PIPELINE))
    link = stream.settings.marts_link(PIPELINE)
    with small_disk(stream.settings.data, "64m") as disk:
        with reading(disk, link) as stop:
            for stage in stages:
                said = disk.fill()
                disk.refused_for_space(*stage)
                assert version_served(disk, link) == 1
                disk.free()
                done = disk.penstock(*stage)
                assert done.returncode == 0, done.stderr
                if stage[0] == "transform":
                    assert disk.penstock("validate", PIPELINE).returncode == 0
            assert version_served(disk, link) == 2
            read = stop()
        assert read["failures"] == []
        assert read["versions"] == [1, 2]
        stream.witness.saw(f"dd: {said}; drain, transform and publish each failed for want of space")
        stream.witness.counted(f"{read['queries']} queries of a reader, none failed, versions 1 then 2")
    stream.assert_each_once(range(1_000))
    stream.assert_marts_undisturbed(range(1_000))


def version_served(disk: SmallDisk, link: object) -> int:
    """By the file that the link names now."""
    named = disk.run("readlink", str(link)).stdout.strip()
    return int(named.rpartition("-v")[2].removesuffix(".duckdb"))
