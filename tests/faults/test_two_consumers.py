"""Two consumers of one stream at once: drains, a drain beside a follow, two that share no lock."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import Popen

import pytest

from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.in_the_middle import EVENTS, drain_in_the_middle, read, standing_still
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE, until

FIRST = "another consumer was first: partition "


@pytest.mark.fault(6, "two drains beside one that is in the middle; one will wait, one will not")
def test_of_drains_at_once_one_lands_and_the_others_say_why(
    own_broker: Broker, stream: FaultStream, penstock: Run
) -> None:
    winner = drain_in_the_middle(stream, own_broker, penstock)
    with standing_still(winner):
        hasty = penstock("ingest", "drain", "customer_events", "--wait", "0")
        _, error = hasty.communicate(timeout=PATIENCE)
        patient = penstock("ingest", "drain", "customer_events", "-o", "json")
        own_broker.proxy.heal()
    assert hasty.returncode == 1
    assert "Traceback" not in error
    assert f"held by drain of stream customer_events (PID {winner.pid})" in error
    stream.witness.saw(f"one drain named the other's PID {winner.pid} while that landed")
    for process in (winner, patient):
        stdout, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, stderr
    assert json.loads(stdout)["landed"] == 0
    stream.witness.saw("the one that waited found nothing left to land")
    stream.assert_each_once(EVENTS)


@pytest.mark.slow
@pytest.mark.fault(6, "a drain, a hasty drain and a second follow beside a follow")
def test_beside_a_follow_a_drain_waits_and_a_second_follow_is_refused(
    stream: FaultStream, penstock: Run
) -> None:
    stream.produce_numbers(range(300))
    follow = penstock("ingest", "follow", "customer_events", "-o", "json")
    until(lambda: read(stream) == 300)
    stream.produce_numbers(range(300, 1_000))
    beside = [
        penstock("ingest", "drain", "customer_events", "-o", "json"),
        penstock("ingest", "follow", "customer_events"),
    ]
    (told, _), (_, refused) = (process.communicate(timeout=PATIENCE) for process in beside)
    assert (json.loads(told)["by_another"], json.loads(told)["landed"]) == (True, 0)
    assert beside[1].returncode == 1
    assert f"held by follow of stream customer_events (PID {follow.pid})" in refused
    stream.witness.saw(f"the drain said that another landed all; the second follow named PID {follow.pid}")
    assert follow.poll() is None
    follow.terminate()
    stdout, stderr = follow.communicate(timeout=PATIENCE)
    assert follow.returncode == 0, stderr
    assert json.loads(stdout)["landed"] == 990
    stream.assert_each_once(range(1_000))
    stream.assert_marts_undisturbed(range(1_000))


@pytest.mark.slow
@pytest.mark.fault(6, "two follows that share no lock, as on two machines")
def test_of_two_follows_that_share_no_lock_one_wins_each_batch(
    stream: FaultStream, penstock: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lock keeps them apart: the compare-and-set of the landing file alone decides."""
    landing = stream.settings.landing_file("customer_events").parent
    landing.mkdir(parents=True)
    limits = {"linger": 0.1, "batch_bytes": 5_000, "poll_batches": 1}

    def follow(name: str) -> Popen[str]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "landing").symlink_to(landing)
        monkeypatch.setenv("PENSTOCK_DATA", str(tmp_path / name))
        return penstock("ingest", "follow", "customer_events", "-o", "json", **limits)

    def produce_200_more(produced: int) -> None:
        stream.produce_numbers(range(produced, produced + 200))
        until(lambda: read(stream) == produced + 200)

    one = follow("a")
    produce_200_more(0)
    with standing_still(one):  # so they meet: it will fetch what the other has landed
        other = follow("b")
        produce_200_more(200)
    for produced in (400, 600, 800):
        produce_200_more(produced)
    landed, lost = [], 0
    for process in (one, other):
        assert process.poll() is None
        process.terminate()
        stdout, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, stderr
        said = json.loads(stdout)
        landed.append(said["landed"] + said["rejected"])
        lost += stderr.count(FIRST)
    assert sum(landed) == 1_000
    assert lost > 0, "they never met"
    stream.witness.saw(f"{lost} batches were given up to the other; they landed {landed[0]} and {landed[1]}")
    stream.assert_each_once(range(1_000))
