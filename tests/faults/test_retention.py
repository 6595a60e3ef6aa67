"""The topic removes events before they were read, as retention does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient, TopicPartition

from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.in_the_middle import EVENTS, drain_in_the_middle, read, standing_still
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE, until

GAPS = 'SELECT epoch, "partition", from_offset, to_offset, events FROM raw.gaps ORDER BY ALL'


def remove_up_to(stream: FaultStream, offset: int) -> None:
    """Let partition 0 begin at `offset`, and see that it does."""
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    place = TopicPartition(stream.topic, 0)
    removed = admin.delete_records({place: offset})
    admin.close()
    low = removed[place]["low_watermark"]
    assert low == offset
    stream.witness.saw(f"partition 0 now begins at offset {low}")


def stored(stream: FaultStream, partition: int) -> int:
    return stream.account()[partition][0]


def gap_error(stream: FaultStream, verb: str, begin: int, end: int) -> tuple[str, str]:
    """What the error says, and the way on that it names."""
    return (
        f"Error: {stream.topic}/0: the topic no longer holds offsets {begin} to {end} "
        f"({end - begin + 1} events): they were removed before they were read\n"
    ), f"`penstock ingest {verb} customer_events --accept-gap`"


def assert_all_but(stream: FaultStream, produced: range, begin: int, end: int) -> None:
    """All of `produced` is there once, but for those whose offsets in partition 0 are `begin` to `end`."""
    assert stream.rows(GAPS) == [(1, 0, begin, end, end - begin + 1)]
    expected = {f"e{n:06}" for n in produced} - {f"e{produced[2 * at]:06}" for at in range(begin, end + 1)}
    found = stream.rows(
        "SELECT event_id FROM raw.customer_events "
        "UNION ALL SELECT json_extract_string(decode(value), 'event_id') FROM raw.rejects"
    )
    assert sorted(one for (one,) in found) == sorted(expected)
    account = stream.account()
    assert account[0][0] - account[0][1] == end - begin + 1
    assert account[1][0] == account[1][1]
    stream.witness.counted(
        f"{len(expected):,} of {len(produced):,} events, each once; raw.gaps has the other "
        f"{end - begin + 1:,}: offsets {begin} to {end}"
    )


@pytest.mark.fault(14, "events removed between two drains")
def test_a_gap_stops_the_drain_and_is_recorded_once_it_is_accepted(
    stream: FaultStream, penstock: Run, drain: Callable[..., str], failed_drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(200))
    drain()
    stream.produce_numbers(range(200, 1_000))
    remove_up_to(stream, 300)
    said, way_on = gap_error(stream, "drain", 100, 299)
    for _ in range(2):
        error = failed_drain()
        assert error.startswith(said)
        assert way_on in error
        stream.assert_each_once(range(200))
    go_on = penstock("ingest", "drain", "customer_events", "--accept-gap")
    stdout, stderr = go_on.communicate(timeout=PATIENCE)
    assert go_on.returncode == 0, stderr
    assert "gap accepted: partition 0, offsets 100 to 299 (200 events)" in stdout
    assert_all_but(stream, range(1_000), 100, 299)


@pytest.mark.fault(14, "events removed in the middle of a drain, ahead of it")
def test_a_gap_that_opens_in_the_middle_of_a_drain_is_named(
    own_broker: Broker, stream: FaultStream, penstock: Run, failed_drain: Callable[..., str]
) -> None:
    process = drain_in_the_middle(stream, own_broker, penstock)
    with standing_still(process):
        remove_up_to(stream, 3_900)
        own_broker.proxy.heal()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, stderr
    begin = stored(stream, 0)
    assert 0 < begin < 3_900
    said, way_on = gap_error(stream, "drain", begin, 3_899)
    assert said in stderr
    assert way_on in stderr
    go_on = penstock("ingest", "drain", "customer_events", "--accept-gap")
    _, stderr = go_on.communicate(timeout=PATIENCE)
    assert go_on.returncode == 0, stderr
    assert_all_but(stream, EVENTS, begin, 3_899)


@pytest.mark.slow
@pytest.mark.fault(14, "events removed under a running follow, ahead of it")
def test_a_gap_that_opens_under_a_follow_is_named(
    own_broker: Broker, stream: FaultStream, penstock: Run
) -> None:
    stream.produce_numbers(EVENTS, width=500)
    own_broker.proxy.slow(1_000_000)
    process = penstock("ingest", "follow", "customer_events", batch_bytes=100_000, poll_batches=1)
    until(lambda: read(stream) > 0)
    with standing_still(process):
        remove_up_to(stream, 3_900)
        own_broker.proxy.heal()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, stderr
    begin = stored(stream, 0)
    assert 0 < begin < 3_900
    said, way_on = gap_error(stream, "follow", begin, 3_899)
    assert said in stderr
    assert way_on in stderr
    follow = penstock("ingest", "follow", "customer_events", "--accept-gap")
    until(lambda: read(stream) == len(EVENTS))
    follow.terminate()
    stdout, stderr = follow.communicate(timeout=PATIENCE)
    assert follow.returncode == 0, stderr
    assert f"gap accepted: partition 0, offsets {begin} to 3899" in stdout
    assert_all_but(stream, EVENTS, begin, 3_899)
