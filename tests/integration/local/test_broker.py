"""The broker of run-local, and what is produced to it: a real Kafka, real files."""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from penstock.core.errors import BrokerError, PenstockError
from penstock.core.settings import Settings
from penstock.local import broker as broker_module
from penstock.local.broker import create_topic, start_broker
from penstock.local.produce import end_offsets, produce
from penstock.local.rees46 import rees46_sample
from penstock.local.sample import Batch, Sample
from penstock.local.services import Services, free_port
from penstock.local.synthetic import synthetic_sample
from tests.patience import until
from tests.services_of_this_run import services_of_this_run

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def topic(broker: str) -> str:
    name = f"local-{uuid.uuid4()}"
    create_topic(broker, name)
    return name


@pytest.fixture(scope="session")
def real_file() -> Path:
    named = os.environ.get("PENSTOCK_REES46")
    file = Path(named) if named else REPOSITORY.parent / "shared" / "data" / "rees46-2019-10-01.csv.gz"
    assert file.exists(), f"{file} is missing: name the file of real events in PENSTOCK_REES46"
    return file


def consumed(
    broker: str, topic: str, places: dict[int, tuple[int, int]]
) -> list[tuple[int, int, bytes, bytes]]:
    """Partition, offset, key and value of all at `places`, by partition and offset."""
    found = []
    consumer = KafkaConsumer(bootstrap_servers=broker, group_id=None, max_poll_records=50_000)
    for partition, (first, beyond) in places.items():
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek(place, first)

        def is_read(place: TopicPartition = place, beyond: int = beyond) -> bool:
            for record in consumer.poll(timeout_ms=500).get(place, []):
                found.append((place.partition, record.offset, record.key, record.value))
            return bool(consumer.position(place) >= beyond)

        until(is_read)
    consumer.close()
    return found


def test_the_real_file_arrives_whole_and_in_order(broker: str, topic: str, real_file: Path) -> None:
    produced = produce(broker, topic, rees46_sample(real_file))
    assert produced.count == 17_435
    assert sum(beyond - first for first, beyond in produced.places.values()) == 17_435
    records = consumed(broker, topic, produced.places)
    events = [json.loads(value) for _, _, _, value in records]
    assert {event["event_id"] for event in events} == {f"{real_file.name}:{row}" for row in range(1, 17_436)}
    by_partition: dict[int, list[int]] = {}
    for (partition, _, key, _), event in zip(records, events, strict=True):
        assert key == str(event["user_id"]).encode()
        by_partition.setdefault(partition, []).append(int(event["event_id"].rpartition(":")[2]))
    assert all(rows == sorted(rows) for rows in by_partition.values())
    assert [event["event_id"] for event in events if "user_session" not in event] == [
        f"{real_file.name}:17435"
    ]


def test_synthetic_events_land_at_the_places_that_are_reported(broker: str, topic: str) -> None:
    produce(broker, topic, synthetic_sample(500, 1, 0))
    before = end_offsets(broker, topic)
    produced = produce(broker, topic, synthetic_sample(5_000, 1, 1))
    assert {partition: first for partition, (first, _) in produced.places.items()} == before
    sent = [message for batch in synthetic_sample(5_000, 1, 1).batches for message in batch.messages]
    assert sorted((key, value) for _, _, key, value in consumed(broker, topic, produced.places)) == sorted(
        sent
    )
    assert produced.dirt == dict.fromkeys(produced.dirt or {}, 2)
    assert produced.duplicates == 25


def test_no_events_are_no_places(broker: str, topic: str) -> None:
    produced = produce(broker, topic, synthetic_sample(0, 1, 0))
    assert (produced.count, produced.places) == (0, {})


def test_a_message_that_the_broker_refuses_is_an_error(broker: str) -> None:
    topic = f"local-{uuid.uuid4()}"
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.create_topics([NewTopic(topic, 1, -1, topic_configs={"max.message.bytes": "1000"})])
    admin.close()
    sample = Sample("one message too big", iter([Batch([(b"1", b"{}"), (b"1", os.urandom(5_000))], 1.0)]))
    with pytest.raises(BrokerError, match=f"only [01] of 2 messages reached the topic {topic}"):
        produce(broker, topic, sample)


def test_a_sample_that_breaks_off_is_an_error(
    broker: str, topic: str, real_file: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.csv.gz"
    torn.write_bytes(real_file.read_bytes()[:300_000])
    with pytest.raises(PenstockError, match=r"torn\.csv\.gz: cannot be read after data row"):
        produce(broker, topic, rees46_sample(torn))


def test_a_topic_is_created_once(broker: str) -> None:
    name = f"local-{uuid.uuid4()}"
    assert create_topic(broker, name, partitions=3) is True
    assert create_topic(broker, name) is False
    assert set(end_offsets(broker, name)) == {0, 1, 2}


def test_a_second_start_takes_the_running_broker(
    session_settings: Settings, services: Services, broker: str
) -> None:
    port = int(broker.rpartition(":")[2])
    assert start_broker(session_settings, services, port) == broker
    if not session_settings.bootstrap_servers:
        with pytest.raises(PenstockError, match=f"runs already, on port {port}"):
            start_broker(session_settings, services, free_port())


def test_a_given_broker_that_does_not_answer_is_an_error(settings: Settings) -> None:
    nowhere = dataclasses.replace(settings, bootstrap_servers=f"127.0.0.1:{free_port()}")
    with pytest.raises(BrokerError, match="KAFKA_BOOTSTRAP_SERVERS=127"):
        start_broker(nowhere, Services(nowhere), 9092)


def test_a_broker_keeps_its_events_over_a_restart_also_on_another_port(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    awkward = uuid.UUID(bytes=b"\xf8" * 16)  # gives a cluster id that begins with "-"
    monkeypatch.setattr("penstock.local.broker.uuid.uuid4", lambda: awkward)
    with services_of_this_run(settings) as services:
        bootstrap = start_broker(settings, services, free_port())
        create_topic(bootstrap, "kept")
        produced = produce(bootstrap, "kept", synthetic_sample(200, 1, 0))
        assert [service.name for service in services.stop_all()] == ["broker"]
        again = start_broker(settings, services, free_port())
        assert again != bootstrap
        assert len(consumed(again, "kept", produced.places)) == 200


def test_jars_that_cannot_be_had_name_the_setting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "_KAFKA", "org.apache.kafka:kafka_2.13:0.0.0-never-released")
    services = Services(settings)
    with pytest.raises(PenstockError) as caught:
        start_broker(settings, services, free_port())
    assert "cannot be had" in caught.value.message
    assert "KAFKA_BOOTSTRAP_SERVERS" in caught.value.fix
    assert services.all_running() == []


def test_a_jar_that_was_half_downloaded_is_fetched_again(settings: Settings) -> None:
    class Artifact:
        """Stands for jgo's: the first download was killed."""

        def __init__(self) -> None:
            self.path = settings.data / "some.jar"
            self.path.parent.mkdir(parents=True)
            self.path.write_bytes(b"PK half a jar")

        def resolve(self) -> Path:
            if not self.path.exists():
                self.path.write_bytes(b"PK\x05\x06" + bytes(18))  # an empty zip
            return self.path

    assert broker_module._whole_jar(Artifact()).read_bytes() == b"PK\x05\x06" + bytes(18)
