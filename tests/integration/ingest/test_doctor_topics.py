"""`penstock doctor` asks the real broker: lag, the topic's identity, what the topic still holds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import duckdb
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from penstock.doctor.examine import examine
from penstock.doctor.finding import Finding
from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.source import utc_now
from penstock.local.broker import create_topic
from tests.integration.ingest.own_stream import Stream
from tests.patience import PATIENCE, until

Event = Callable[..., bytes]


def told(stream: Stream) -> dict[str, Finding]:
    """Doctor's findings about the topic, by where: `partition 0`, or nothing for the topic itself."""
    place = f"topic {stream.topic}"
    found = [finding for finding in examine(stream.settings).findings if finding.where.startswith(place)]
    return {finding.where.removeprefix(place).removeprefix(", "): finding for finding in found}


def test_lag_is_reported_per_partition(stream: Stream, event: Event) -> None:
    stream.produce([event(1), event(2), event(3)], partition=0)
    assert told(stream)["partition 0"].what == "lag 3: next offset 0, committed end 3"
    drain(stream.settings, stream.contract, run_id="r", clock=utc_now)
    assert [finding.what for finding in told(stream).values()] == ["no lag"]
    stream.produce([event(4)], partition=1)
    found = told(stream)
    assert list(found) == ["partition 1"]
    assert (found["partition 1"].severity, found["partition 1"].what) == (
        "info", "lag 1: next offset 0, committed end 1",
    )  # fmt: skip


def test_events_removed_before_they_were_read_are_an_error(stream: Stream, event: Event) -> None:
    stream.produce([event(1)], partition=0)
    drain(stream.settings, stream.contract, run_id="r", clock=utc_now)
    stream.produce([event(number) for number in range(2, 6)], partition=0)
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.delete_records({TopicPartition(stream.topic, 0): 3})
    admin.close()
    found = [finding for finding in examine(stream.settings).findings if finding.severity == "error"]
    assert [(finding.where, finding.what) for finding in found] == [
        (f"topic {stream.topic}, partition 0", "the offsets 1 to 2 were removed before they were read")
    ]


def test_a_topic_gone_or_made_anew_is_an_error(stream: Stream, event: Event) -> None:
    stream.produce([event(1)], partition=0)
    drain(stream.settings, stream.contract, run_id="r", clock=utc_now)
    servers = stream.settings.bootstrap_servers
    assert servers is not None
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.delete_topics([stream.topic])
    admin.close()
    until(lambda: "" in told(stream))  # a broker learns of it a moment later
    gone = told(stream)[""]
    assert (gone.severity, gone.what) == ("error", f"the broker {servers} has no such topic")
    create_topic(servers, stream.topic, partitions=2)
    until(lambda: told(stream)[""].what != gone.what)
    anew = told(stream)
    assert list(anew) == [""]  # positions in another topic mean nothing
    assert anew[""].severity == "error"
    what = "is not the topic that the landing file was filled from (generation 1): topic id was"
    assert what in anew[""].what
    assert "--new-epoch" in anew[""].fix


def test_an_open_transaction_is_no_lag_and_a_log_cut_off_is_an_error(stream: Stream, event: Event) -> None:
    stream.produce([event(1)], partition=0)
    drain(stream.settings, stream.contract, run_id="r", clock=utc_now)
    servers = stream.settings.bootstrap_servers
    producer = KafkaProducer(bootstrap_servers=servers, transactional_id=stream.topic)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(stream.topic, event(2), partition=0).get(timeout=PATIENCE)
    assert [finding.what for finding in told(stream).values()] == ["no lag"]
    producer.abort_transaction()
    producer.close()
    with duckdb.connect(stream.settings.landing_file("customer_events")) as landing:
        landing.execute('UPDATE raw.offsets SET next_offset = 99 WHERE "partition" = 1')
    cut = told(stream)["partition 1"]
    assert cut.severity == "error"
    assert cut.what == "ends at offset 0, though 99 is the next to land: the log was cut off"


def test_beside_a_live_follow_nothing_is_wrong_and_nobody_is_stopped(stream: Stream, event: Event) -> None:
    command = [sys.executable, "-m", "penstock"]
    follow = subprocess.Popen([*command, "ingest", "follow", "customer_events"], stderr=subprocess.DEVNULL)
    try:
        looked, produced = 0, 0
        while looked < 4:
            stream.produce(event(number) for number in range(produced, produced + 100))
            produced += 100
            done = subprocess.run(
                [*command, "doctor", "-o", "json"], capture_output=True, text=True, timeout=PATIENCE
            )
            assert done.returncode == 0, done.stdout
            findings = json.loads(done.stdout)["findings"]
            if any("held by follow of stream" in f["what"] for f in findings):  # it has begun
                looked += 1
            assert follow.poll() is None
        until(lambda: len(stream.event_ids()) == produced)
        follow.terminate()
        assert follow.wait(timeout=PATIENCE) == 0
    finally:
        follow.kill()
        follow.wait(timeout=PATIENCE)
    assert stream.event_ids() == [f"e{number:06}" for number in range(produced)]
