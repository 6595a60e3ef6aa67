"""The name leads to another topic than before: one made anew, or one of another cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from penstock.core.settings import Settings
from penstock.ingest.kafka.topic import Topic, describe_topic
from penstock.local.broker import create_topic
from penstock.local.services import free_port
from tests.faults.conftest import Run
from tests.faults.fault_stream import FaultStream
from tests.faults.in_the_middle import EVENTS, drain_in_the_middle, read, standing_still
from tests.faults.own_broker import Broker
from tests.patience import PATIENCE, until
from tests.services_of_this_run import services_of_this_run

BY_EPOCH = (
    "SELECT _epoch, count(*), count(DISTINCT (_kafka_partition, _offset)), min(event_id), max(event_id) "
    "FROM raw.customer_events GROUP BY ALL ORDER BY 1"
)
READ_BY_EPOCH = "SELECT epoch, sum(next_offset) FROM raw.offsets GROUP BY ALL ORDER BY 1"


def now(stream: FaultStream) -> Topic:
    return describe_topic(stream.settings.bootstrap_servers, stream.topic)


def make_anew(stream: FaultStream) -> tuple[str, str]:
    """Delete the topic and make it again; returns the old id and the new one, as the broker tells them."""
    servers = stream.settings.bootstrap_servers
    assert servers is not None
    old = now(stream).topic_id
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.delete_topics([stream.topic])
    admin.close()
    create_topic(servers, stream.topic, partitions=2)
    until(lambda: now(stream).topic_id != old)
    new = now(stream).topic_id
    stream.witness.saw(f"topic id was {old}, is {new}")
    return old, new


@contextmanager
def another_cluster(first: Broker, data: Path) -> Iterator[None]:
    """A second Kafka, empty, behind the address of the first."""
    settings = Settings(
        project=first.settings.project, data=data, environment="local", bootstrap_servers=None
    )
    with services_of_this_run(settings) as services:
        second = Broker(settings, services, free_port(), first.proxy)
        try:
            first.proxy.lead_to(second.port)
            second.start()
            yield
        finally:
            first.proxy.lead_to(first.port)


@pytest.mark.fault(13, "topic deleted and made anew between two drains")
def test_a_topic_made_anew_stops_the_drain_and_goes_on_as_a_new_epoch(
    stream: FaultStream, penstock: Run, drain: Callable[..., str], failed_drain: Callable[..., str]
) -> None:
    stream.produce_numbers(range(99))
    drain()
    old, new = make_anew(stream)
    stream.produce_numbers(range(100, 150))
    error = failed_drain()
    assert f"topic id was {old}, is {new}" in error
    assert "`penstock ingest drain customer_events --new-epoch`" in error
    assert stream.rows(BY_EPOCH) == [(1, 99, 99, "e000000", "e000098")]
    for _ in range(2):  # the second time there is nothing new to begin
        again = penstock("ingest", "drain", "customer_events", "--new-epoch")
        _, stderr = again.communicate(timeout=PATIENCE)
        assert again.returncode == 0, stderr
        assert stream.rows(BY_EPOCH) == [
            (1, 99, 99, "e000000", "e000098"), (2, 50, 50, "e000100", "e000149"),
        ]  # fmt: skip
    assert stream.rows(READ_BY_EPOCH) == [(1, 99), (2, 50)]
    assert stream.rows(
        "SELECT count(*) FROM raw.customer_events AS a JOIN raw.customer_events AS b "
        "USING (_kafka_partition, _offset) WHERE a._epoch = 1 AND b._epoch = 2"
    ) == [(50,)]
    stream.witness.counted("99 events of epoch 1 and 50 of epoch 2, each once, 50 with the same offsets")


@pytest.mark.fault(13, "topic deleted and made anew, longer than before, in the middle of a drain")
def test_a_drain_never_takes_another_topic_s_events_for_its_own(
    own_broker: Broker, stream: FaultStream, penstock: Run
) -> None:
    process = drain_in_the_middle(stream, own_broker, penstock)
    with standing_still(process):  # the drain shall see nothing of it until every offset is there again
        old, new = make_anew(stream)
        stream.produce_numbers(range(10_000, 20_000))
        own_broker.proxy.heal()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, stderr
    assert "Traceback" not in stderr
    assert f"topic id was {old}, is {new}" in stderr
    ((epoch, landed, _, _, last),) = stream.rows(BY_EPOCH)
    assert (epoch, landed < len(EVENTS), last < "e010000") == (1, True, True)
    assert all(passed == kept for passed, kept in stream.account().values())
    stream.witness.counted(f"{landed:,} rows of the old topic, none of the new one")


@pytest.mark.slow
@pytest.mark.fault(13, "topic deleted and made anew, longer than before, under a running follow")
def test_a_follow_never_takes_another_topic_s_events_for_its_own(stream: FaultStream, penstock: Run) -> None:
    stream.produce_numbers(range(100))
    process = penstock("ingest", "follow", "customer_events")
    until(lambda: read(stream) == 100)
    with standing_still(process):
        old, new = make_anew(stream)
        stream.produce_numbers(range(1_000, 1_300))
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, stderr
    assert "Traceback" not in stderr
    assert f"topic id was {old}, is {new}" in stderr
    stream.assert_each_once(range(100))


@pytest.mark.slow
@pytest.mark.fault(13, "another cluster, then another environment, at the same address")
def test_another_cluster_or_environment_stops_the_drain(
    own_broker: Broker,
    stream: FaultStream,
    penstock: Run,
    drain: Callable[..., str],
    failed_drain: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream.produce_numbers(range(600))
    drain()
    was = now(stream).cluster_id
    with another_cluster(own_broker, tmp_path / "second"):
        create_topic(own_broker.servers, stream.topic, partitions=2)
        stream.produce_numbers(range(400, 1_000))  # some of them once more
        cluster = now(stream).cluster_id
        assert cluster != was
        stream.witness.saw(f"the cluster id at {own_broker.servers} was {was}, is {cluster}")
        error = failed_drain()
        assert f"cluster id was {was}, is {cluster}" in error
        assert "`penstock ingest drain customer_events --new-epoch`" in error
        stream.assert_each_once(range(600))
        gone_on = penstock("ingest", "drain", "customer_events", "--new-epoch")
        _, stderr = gone_on.communicate(timeout=PATIENCE)
        assert gone_on.returncode == 0, stderr
    by_epoch = [(1, 594, 594, "e000000", "e000598"), (2, 594, 594, "e000400", "e000998")]
    assert stream.rows(BY_EPOCH) == by_epoch
    assert f"cluster id was {cluster}, is {was}" in failed_drain()  # the first one is back
    with monkeypatch.context() as patch:
        patch.setenv("PENSTOCK_ENV", "production")
        assert "environment local" in failed_drain()
    assert stream.rows(BY_EPOCH) == by_epoch
    assert stream.rows(READ_BY_EPOCH) == [(1, 600), (2, 600)]
    stream.witness.counted("600 events of each epoch, each once")
    stream.assert_marts_undisturbed(range(1_000))
