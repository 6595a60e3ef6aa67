"""The broker's log ends before what was read: a folder of its log comes back from an older copy."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.in_the_middle import read
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE, until

EVENTS = range(1_000)


def log_folder(broker: Broker, stream: FaultStream) -> Path:
    """Where the broker keeps partition 0."""
    return broker.settings.data / "local" / "broker" / "log" / f"{stream.topic}-0"


def end_of_partition_0(stream: FaultStream) -> int:
    consumer = KafkaConsumer(bootstrap_servers=stream.settings.bootstrap_servers)
    place = TopicPartition(stream.topic, 0)
    end: int = consumer.end_offsets([place])[place]
    consumer.close()
    return end


def bring_back(broker: Broker, folder: Path, copy: Path) -> None:
    """Kill the broker, put the older copy in the folder's place, start the broker."""
    broker.kill()
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    broker.start()


@pytest.mark.slow
@pytest.mark.fault(15, "partition 0 comes back from an older copy of the broker's folder")
def test_a_log_that_ends_before_what_was_read_stops_drain_and_follow(
    own_broker: Broker,
    stream: FaultStream,
    penstock: Run,
    drain: Callable[..., str],
    failed_drain: Callable[..., str],
    tmp_path: Path,
) -> None:
    folder = log_folder(own_broker, stream)
    stream.produce_numbers(EVENTS[:400])
    shutil.copytree(folder, tmp_path / "copy")
    stream.produce_numbers(EVENTS[400:])
    follow = penstock("ingest", "follow", "customer_events")
    until(lambda: read(stream) == len(EVENTS))
    bring_back(own_broker, folder, tmp_path / "copy")
    end = end_of_partition_0(stream)
    assert end == 200
    stream.witness.saw(f"partition 0 ended at offset 500, ends at {end}")
    said = (
        f"{stream.topic}/0: the landing file has read up to offset 500, "
        "the topic ends at offset 200: the topic's log was cut off\n"
    )
    way_on = "`penstock ingest drain customer_events --new-epoch`"
    _, stderr = follow.communicate(timeout=PATIENCE)
    for error in (stderr, failed_drain()):
        assert said in error
        assert way_on in error
        assert "Traceback" not in error
    stream.assert_each_once(EVENTS)

    stream.produce([stream.event(n) for n in range(400, 500, 2)], partition=0)  # some of the lost ones
    assert said.replace("offset 200", "offset 250") in failed_drain()
    for _ in range(2):  # the second time there is nothing new to begin
        go_on = penstock("ingest", "drain", "customer_events", "--new-epoch")
        _, stderr = go_on.communicate(timeout=PATIENCE)
        assert go_on.returncode == 0, stderr
    drain()
    kept = stream.rows(
        "SELECT _epoch, _kafka_partition, count(*), count(DISTINCT _offset), count(DISTINCT event_id), "
        "max(_offset) FROM raw.customer_events GROUP BY ALL ORDER BY ALL"
    )
    assert kept == [(1, 0, 500, 500, 500, 499), (1, 1, 490, 490, 490, 498),
                    (2, 0, 250, 250, 250, 249), (2, 1, 490, 490, 490, 498)]  # fmt: skip
    assert stream.rows('SELECT epoch, "partition", next_offset FROM raw.offsets ORDER BY ALL') == [
        (1, 0, 500), (1, 1, 500), (2, 0, 250), (2, 1, 500),
    ]  # fmt: skip
    stream.witness.counted(
        "epoch 1 keeps all 1,000 events, epoch 2 has the 750 that the broker holds, each once in its epoch"
    )
    stream.assert_marts_undisturbed(EVENTS)


@pytest.mark.slow
@pytest.mark.fault(15, "as above under a follow that sleeps, and the log has grown past its offset again")
def test_a_log_that_was_cut_off_and_has_grown_again_stops_a_running_follow(
    own_broker: Broker, stream: FaultStream, penstock: Run, drain: Callable[..., str], tmp_path: Path
) -> None:
    folder = log_folder(own_broker, stream)
    stream.produce_numbers(EVENTS[:400])
    shutil.copytree(folder, tmp_path / "copy")
    stream.produce_numbers(EVENTS[400:])
    follow = penstock("ingest", "follow", "customer_events")
    until(lambda: read(stream) == len(EVENTS))
    follow.send_signal(signal.SIGSTOP)
    bring_back(own_broker, folder, tmp_path / "copy")
    end = end_of_partition_0(stream)
    stream.produce([stream.event(n) for n in range(2_000, 2_400)], partition=0)
    grown = end_of_partition_0(stream)
    assert (end, grown) == (200, 600)
    stream.witness.saw(f"partition 0 ended at offset 500, then at {end}, now at {grown}")
    follow.send_signal(signal.SIGCONT)
    _, stderr = follow.communicate(timeout=PATIENCE)
    assert follow.returncode == 1
    assert (
        f"Error: {stream.topic}/0: the landing file has read up to offset 500, the topic's log was cut off "
        "at offset 200 and has grown again: the same offsets now hold other events\n"
    ) in stderr
    stream.assert_each_once(EVENTS)
    file = stream.settings.landing_file("customer_events")
    file.rename(file.with_suffix(".aside"))
    drain()
    assert stream.account() == {0: (600, 600), 1: (500, 500)}
    stream.witness.counted("from its beginning the topic's 1,100 events, each once")
