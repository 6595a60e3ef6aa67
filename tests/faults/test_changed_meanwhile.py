"""Code or declarations change between the stages of a run, and within them.

A stage works with one version from its beginning to its end. The gate and publish ask for that of the build,
or stop and say so; what is published names the version that it is of.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import penstock as engine
from penstock.core.code_version import declarations_hash
from tests.faults.conftest import REPOSITORY, Run
from tests.faults.fault_stream import FaultStream
from tests.faults.marts_by_hand import PIPELINE, read_marts, run_stage
from tests.faults.own_broker import Broker
from tests.faults.small_marts import (
    TOTAL,
    expected_marts,
    finished_builds,
    in_ledger,
    model,
    refused,
    started,
    suite,
    wait_until_judging,
    with_small_marts,
)
from tests.faults.witness import Witness
from tests.patience import PATIENCE, lines, until

CHANGED = f"pipeline {PIPELINE}: its declarations changed "
FIX = f"  Fix: run `penstock transform {PIPELINE}`, then `penstock validate {PIPELINE}`"


@pytest.fixture
def other_engine(tmp_path: Path) -> dict[str, str]:
    """The environment in which `python -m penstock` is Penstock 9.9.9."""
    copy = tmp_path / "other_engine" / "penstock"
    shutil.copytree(REPOSITORY / "penstock", copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / "__init__.py").read_text()
    (copy / "__init__.py").write_text(text.replace(engine.__version__, "9.9.9"))
    return {"PYTHONPATH": str(copy.parent), "PYTHONSAFEPATH": "1"}


@contextmanager
def edited(file: Path, before: str = "", *, after: str) -> Iterator[None]:
    """The file with `after` in place of `before` (at its end) while the block runs."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after) if before else text + after)
    try:
        yield
    finally:
        file.write_text(text)


@pytest.mark.slow
@pytest.mark.fault(
    22, "contract, model, suite, pipeline YAML or engine changed between and within the stages"
)
def test_a_run_is_of_one_version_or_stops(
    stream: FaultStream,
    penstock: Run,
    own_broker: Broker,
    other_engine: dict[str, str],
    witness: Witness,
) -> None:
    with_small_marts(stream)
    stream.produce_numbers(range(500))
    the_contract_changes_during_a_drain(stream, penstock, own_broker, witness)
    a_model_changes_during_transform(stream, witness)
    run_stage(stream.settings, "transform", PIPELINE)
    (build,) = finished_builds(stream.settings)
    assert (build.code_version, build.declarations_hash) == (engine.__version__, declared(stream))
    anything_changes_before_the_gate(stream, other_engine, witness)
    a_suite_changes_while_the_gate_judges(stream, witness)
    assert "has no verdict" in refused(stream.settings, "publish", PIPELINE)
    run_stage(stream.settings, "validate", PIPELINE)
    error = refused(stream.settings, "publish", PIPELINE, **other_engine)
    assert f"was built by Penstock {engine.__version__}, this is Penstock 9.9.9" in error
    with edited(model(stream, "events_total"), "count(distinct day)", after="count(distinct day) + 1000"):
        assert declared(stream) != build.declarations_hash
        run_stage(stream.settings, "publish", PIPELINE)
    of_the_build = [(build.code_version, build.declarations_hash)]
    assert in_ledger(stream.settings, "code_version, declarations_hash") == of_the_build
    marts = read_marts(stream.settings)
    assert marts["events_total"] == [tuple(expected_marts(range(500))["events_total"][0])]
    witness.saw("publish by another engine stopped; with another model declared it published what was judged")
    witness.counted(
        "1 version: the marts as built and judged, the ledger's hash and code version the build's"
    )


def declared(stream: FaultStream) -> str:
    return declarations_hash(stream.settings, PIPELINE, (PIPELINE,))


def the_contract_changes_during_a_drain(
    stream: FaultStream, penstock: Run, own_broker: Broker, witness: Witness
) -> None:
    """The drain goes on with the contract that it began with, and each row and reject names that; so the bad
    events stay rejects although the new contract would take them."""
    own_broker.proxy.slow(20_000)
    passed = own_broker.proxy.down
    drain = penstock("ingest", "drain", PIPELINE)
    until(lambda: own_broker.proxy.down > passed)  # the contract is read before the broker is asked
    contract = stream.settings.contract_file(PIPELINE)
    text = contract.read_text().replace("minimum: 0", "minimum: -1")
    contract.write_text(text.replace("version: 1.0.0", "version: 1.1.0"))
    own_broker.proxy.heal()
    _, stderr = drain.communicate(timeout=PATIENCE)
    assert drain.returncode == 0, stderr
    versions = "SELECT DISTINCT _contract_version FROM raw.customer_events"
    assert stream.rows(f"{versions} UNION SELECT contract_version FROM raw.rejects") == [("1.0.0",)]
    stream.assert_each_once(range(500))
    witness.saw("contract 1.1.0 written while a drain fetched: all it landed says 1.0.0")


def a_model_changes_during_transform(stream: FaultStream, witness: Witness) -> None:
    process = started(stream.settings, "transform", PIPELINE)
    for line in lines(process.stderr):
        if "START sql table model marts.events_daily" in line:
            model(stream, "events_total").write_text(f"{TOTAL}-- edited\n")
            break
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"Error: {CHANGED}while dbt built it" in said
    assert finished_builds(stream.settings) == []
    assert "holds no finished build" in refused(stream.settings, "validate", PIPELINE)
    witness.saw("a model edited while dbt ran: transform stopped")


def anything_changes_before_the_gate(
    stream: FaultStream, other_engine: dict[str, str], witness: Witness
) -> None:
    settings = stream.settings
    files = {
        "model": model(stream, "events_daily"),
        "suite": suite(stream, "events_daily"),
        "contract": settings.contract_file(PIPELINE),
        "pipeline YAML": settings.pipeline_file(PIPELINE),
        "shared macro": settings.project / "dbt_project/_shared/macros/schema_as_written.sql",
    }
    for name, file in files.items():
        # What a wrong suite is told for would lead astray here.
        with edited(file, after="\nno_such_key: 1\n" if name == "suite" else "\n# edited\n"):
            error = refused(settings, "validate", PIPELINE)
        assert error.startswith(f"{CHANGED}since build "), error
        assert FIX in error
    error = refused(settings, "validate", PIPELINE, **other_engine)
    assert f"was built by Penstock {engine.__version__}, this is Penstock 9.9.9\n{FIX}" in error
    assert not settings.verdict_file(PIPELINE).exists()
    witness.saw(f"{', '.join(files)}, engine changed after transform: the gate stopped each time")


def a_suite_changes_while_the_gate_judges(stream: FaultStream, witness: Witness) -> None:
    process = started(stream.settings, "validate", PIPELINE)
    wait_until_judging(process)
    with edited(suite(stream, "events_total"), "min_value: 1", after="min_value: 0"):
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"Error: {CHANGED}since build " in said
    assert not stream.settings.verdict_file(PIPELINE).exists()
    witness.saw("a suite edited while the gate judged: it gave no verdict")
