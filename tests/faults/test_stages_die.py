"""A model raises, dbt is killed, the gate raises or is killed, publish is killed at each step.

BI reads the last version, whole, all along, and the next run heals without a hand.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import psutil
import pytest

from tests.faults.fault_stream import FaultStream
from tests.faults.kill_points import kill_publish_at_each_point
from tests.faults.marts_by_hand import PIPELINE, run_stage
from tests.faults.small_marts import (
    TOTAL,
    expected_marts,
    finished_builds,
    model,
    reading,
    refused,
    started,
    suite,
    wait_until_judging,
    with_small_marts,
)
from tests.faults.witness import Witness
from tests.patience import PATIENCE, lines

RAISES = TOTAL.replace("sum(events)::bigint", "sum(('of ' || events)::bigint)::bigint")
TAKES_LONG = TOTAL.replace(
    "sum(events)::bigint",
    "sum(events)::bigint + (select count(*) from range(1000000) a, range(1000000) b where a.range > b.range)",
)
RAISING_CHECK = """
  - type: unexpected_rows_expectation
    kwargs: {unexpected_rows_query: "select * from {batch} where event_type::bigint > 0"}
"""


@pytest.mark.slow
@pytest.mark.fault(18, "a model raises, dbt dies, the gate raises and dies, publish dies at each step")
def test_readers_keep_the_last_version_and_the_next_run_heals(
    stream: FaultStream, drain: Callable[..., str], witness: Witness
) -> None:
    with_small_marts(stream)
    stream.produce_numbers(range(500))
    drain()
    for stage in ("transform", "validate", "publish"):
        run_stage(stream.settings, stage, PIPELINE)
    stream.produce_numbers(range(500, 1_000))
    drain()
    with reading(stream.settings) as reader:
        a_model_raises(stream, witness)
        dbt_is_killed(stream, witness)
        the_gate_raises(stream, witness)
        the_gate_is_killed(stream, witness)
        publish_is_killed_at_each_step(stream, witness)
    reader.assert_saw_only(expected_marts(range(500)), expected_marts(range(1_000)))
    assert reader.looks > 100
    stream.assert_each_once(range(1_000))
    witness.counted(
        f"a reader looked {reader.looks} times and saw version 1 or 2, whole, each as of an undisturbed run"
    )


def a_model_raises(stream: FaultStream, witness: Witness) -> None:
    """After the mart that it reads was built."""
    with suite(stream, "events_daily").open("a") as file:
        file.write(RAISING_CHECK)  # for later: the gate judges what was declared when it was built
    model(stream, "events_total").write_text(RAISES)
    error = refused(stream.settings, "transform", PIPELINE)
    assert "model events_total (models/marts/events_total.sql) failed" in error
    results = stream.settings.dbt_output_dir(PIPELINE) / "target" / "run_results.json"
    status = {
        one["unique_id"].split(".")[-1]: one["status"] for one in json.loads(results.read_text())["results"]
    }
    assert (status["events_daily"], status["events_total"]) == ("success", "error")
    assert finished_builds(stream.settings) == []
    witness.saw("events_total raised after events_daily was built")


def dbt_is_killed(stream: FaultStream, witness: Witness) -> None:
    """In the middle of a model; penstock itself lives on and says so."""
    model(stream, "events_total").write_text(TAKES_LONG)
    process = started(stream.settings, "transform", PIPELINE)
    for line in lines(process.stderr):
        if "START sql table model marts.events_total" in line:
            (dbt,) = psutil.Process(process.pid).children()
            dbt.send_signal(signal.SIGKILL)
            break
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"Error: pipeline {PIPELINE}: dbt was ended by SIGKILL while it ran " in said
    assert finished_builds(stream.settings) == []
    witness.saw(f"dbt (PID {dbt.pid}) died of signal 9 within a model")


def the_gate_raises(stream: FaultStream, witness: Witness) -> None:
    """A check that cannot be run is no refusal of data, and lets nothing pass either."""
    model(stream, "events_total").write_text(TOTAL)
    run_stage(stream.settings, "transform", PIPELINE)
    error = refused(stream.settings, "validate", PIPELINE)
    assert "could not be judged" in error
    assert "Conversion Error" in error
    assert "verdict on build" in refused(stream.settings, "publish", PIPELINE)
    witness.saw("a check of the gate raised")


def the_gate_is_killed(stream: FaultStream, witness: Witness) -> None:
    """While it judges, its old verdict removed."""
    file = suite(stream, "events_daily")
    file.write_text(file.read_text().removesuffix(RAISING_CHECK))
    run_stage(stream.settings, "transform", PIPELINE)
    process = started(stream.settings, "validate", PIPELINE)
    wait_until_judging(process)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert not stream.settings.verdict_file(PIPELINE).exists()
    assert "has no verdict" in refused(stream.settings, "publish", PIPELINE)
    run_stage(stream.settings, "validate", PIPELINE)
    witness.saw(f"the gate (PID {process.pid}) died of signal 9 while it judged")


def publish_is_killed_at_each_step(stream: FaultStream, witness: Witness) -> None:
    points = kill_publish_at_each_point(stream)
    witness.saw(f"publish died of signal 9 at {', '.join(points)}")
