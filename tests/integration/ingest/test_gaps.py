"""Events that the topic removed before they were read: accepted by a person, recorded in the landing file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient, TopicPartition

from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import BrokerError
from penstock.ingest.consume import source as consume
from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.source import utc_now
from tests.integration.ingest.own_stream import Stream
from tests.patience import PATIENCE

Event = Callable[..., bytes]
GAPS = 'SELECT epoch, "partition", from_offset, to_offset, events, run_id FROM raw.gaps ORDER BY ALL'


@pytest.fixture
def gap(stream: Stream, event: Event) -> Stream:
    """One event landed; of the next four in its partition, the topic has removed two."""
    stream.produce([event(1)], partition=0)
    drain(stream.settings, stream.contract, run_id="before", clock=utc_now)
    stream.produce([event(number) for number in range(2, 6)], partition=0)
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.delete_records({TopicPartition(stream.topic, 0): 3})
    admin.close()
    return stream


def penstock(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=os.environ | env)


def test_an_accepted_gap_is_passed_recorded_and_reported(gap: Stream) -> None:
    done = penstock("ingest", "drain", "customer_events", "--accept-gap", "--run-id", "go")
    assert done.returncode == 0, done.stderr
    assert "gap accepted: partition 0, offsets 1 to 2 (2 events)" in done.stdout
    assert gap.event_ids() == ["e000001", "e000004", "e000005"]
    assert gap.rows(GAPS) == [(1, 0, 1, 2, 2, "go")]
    again = penstock("ingest", "drain", "customer_events", "--accept-gap", "-o", "json")
    assert (json.loads(again.stdout)["landed"], json.loads(again.stdout)["gaps"]) == (0, [])
    assert gap.rows(GAPS) == [(1, 0, 1, 2, 2, "go")]


def test_a_landing_file_from_before_gaps_were_recorded_gets_the_table(gap: Stream) -> None:
    with open_duckdb(gap.settings.landing_file("customer_events")) as connection:
        connection.execute("DROP TABLE raw.gaps; ALTER TABLE raw.landing DROP COLUMN huge_events")
        connection.execute("UPDATE raw.landing SET format_version = 1")
    result = drain(gap.settings, gap.contract, run_id="go", clock=utc_now, accept_gap=True)
    assert [(told.from_offset, told.to_offset, told.events) for told in result.gaps] == [(1, 2, 2)]
    assert gap.rows(GAPS) == [(1, 0, 1, 2, 2, "go")]


def test_killed_before_the_commit_neither_the_offset_moved_nor_a_gap_is_noted(gap: Stream) -> None:
    killed = penstock(
        "ingest", "drain", "customer_events", "--accept-gap", PENSTOCK_KILL_AT="ingest.gap_recorded"
    )
    assert killed.returncode == -signal.SIGKILL
    assert gap.rows(GAPS) == []
    assert gap.rows('SELECT next_offset FROM raw.offsets WHERE "partition" = 0') == [(1,)]
    assert drain(gap.settings, gap.contract, run_id="go", clock=utc_now, accept_gap=True).landed == 2
    assert gap.rows(GAPS) == [(1, 0, 1, 2, 2, "go")]


def test_follow_names_the_gap_and_the_option(gap: Stream) -> None:
    done = penstock("ingest", "follow", "customer_events")
    assert done.returncode == 1
    assert f"{gap.topic}/0: the topic no longer holds offsets 1 to 2 (2 events)" in done.stderr
    assert "`penstock ingest follow customer_events --accept-gap`" in done.stderr


def test_another_cluster_behind_the_address_stops_the_drain(stream: Stream, event: Event) -> None:
    stream.produce([event(1)], partition=0)
    drain(stream.settings, stream.contract, run_id="before", clock=utc_now)
    with open_duckdb(stream.settings.landing_file("customer_events")) as connection:
        connection.execute("UPDATE raw.topics SET cluster_id = 'elsewhere'")
    done = penstock("ingest", "drain", "customer_events")
    assert done.returncode == 1
    assert "cluster id was elsewhere, is " in done.stderr
    assert "--new-epoch" in done.stderr


def test_a_broker_that_contradicts_itself_is_an_error(gap: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that the partition begins at 0, and that offset 1 is out of range."""
    monkeypatch.setattr(consume, "beginning_offsets", lambda consumer, topic: {0: 0, 1: 0})
    with pytest.raises(BrokerError, match=r"does not have the next events, at \{0: 1.*between its beginning"):
        drain(gap.settings, gap.contract, run_id="go", clock=utc_now)
    assert gap.event_ids() == ["e000001"]
