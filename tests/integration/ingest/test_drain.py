"""Draining a real topic: what lands, what is rejected, and that nothing is lost or doubled."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from penstock.core.errors import BrokerError, LandingError
from penstock.core.settings import Settings
from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.limits import Limits
from penstock.ingest.consume.source import utc_now
from penstock.ingest.landing.connection import LandingConnection
from penstock.local.broker import create_topic
from tests.integration.ingest.own_stream import Stream
from tests.patience import PATIENCE

Event = Callable[..., bytes]


def drain_now(stream: Stream, **options: object) -> object:
    return drain(stream.settings, stream.contract, run_id="test", clock=utc_now, **options)  # type: ignore[arg-type]


def penstock(*words: str, **env: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "penstock", *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | env
    )


def test_good_events_land_and_bad_ones_are_kept_with_reasons(stream: Stream, event: Event) -> None:
    bad = event(3, user_session=None, price=-1)
    stream.produce([event(1), event(2), bad, None, b"not json"], partition=0)
    result = drain_now(stream)
    assert (result.landed, result.rejected, result.commits) == (2, 3, 1)
    assert {(r.field, r.rule, r.count) for r in result.reasons} == {
        ("price", "minimum", 1), ("user_session", "required", 1), (None, "tombstone", 1), (None, "json", 1),
    }  # fmt: skip
    assert stream.rows("SELECT value, \"offset\", len(reasons) FROM raw.rejects ORDER BY 2") == [
        (bad, 2, 2), (None, 3, 1), (b"not json", 4, 1),
    ]  # fmt: skip
    assert stream.rows("SELECT kind, run_id, landed, rejected FROM raw.commits") == [("batch", "test", 2, 3)]
    assert stream.account() == {0: (5, 5), 1: (0, 0)}


def test_a_second_drain_lands_only_what_is_new(stream: Stream, event: Event) -> None:
    stream.produce([event(number) for number in range(50)])
    drain_now(stream)
    assert drain_now(stream).landed == 0
    stream.produce([event(number) for number in range(50, 60)])
    assert drain_now(stream).landed == 10
    assert stream.event_ids() == [f"e{number:06}" for number in range(60)]
    assert stream.rows('SELECT "commit", landed FROM raw.commits ORDER BY 1') == [(1, 50), (2, 10)]


def test_a_long_drain_opens_its_file_anew_and_lands_each_event_once(
    stream: Stream, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(batch_events=1, commits_per_open=2)  # a batch is what one poll brings
    stream.produce([event(number) for number in range(30_000)])
    opened = 0
    connect = LandingConnection._connect

    def connected(*arguments: Any) -> Any:
        nonlocal opened
        opened += 1
        return connect(*arguments)

    monkeypatch.setattr(LandingConnection, "_connect", connected)
    result = drain_now(stream, limits=limits)
    assert (result.landed, result.commits > 3, opened) == (30_000, True, 1 + result.commits // 2)
    assert stream.event_ids() == [f"e{number:06}" for number in range(30_000)]


def test_the_first_batches_are_small_so_that_landing_begins_sooner(stream: Stream, event: Event) -> None:
    stream.produce([event(number) for number in range(60_000)])
    drain_now(stream, limits=Limits(first_batch_events=5_000))
    sizes = [landed for (landed,) in stream.rows('SELECT landed FROM raw.commits ORDER BY "commit"')]
    assert 5_000 <= sizes[0] < 10_000 <= sizes[1] < 20_000 <= sizes[2]
    assert sum(sizes) == 60_000


def test_lag_tools_see_all_that_has_landed(stream: Stream, event: Event) -> None:
    stream.produce([event(number) for number in range(30_000)])
    drain_now(stream, limits=Limits(batch_events=1))
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    group = f"penstock-{stream.settings.environment}-customer_events"
    committed = admin.list_group_offsets({group: None})[group]
    admin.close()
    places = [TopicPartition(stream.topic, partition) for partition in (0, 1)]
    assert [committed[place].offset for place in places] == [15_000, 15_000]


def test_key_headers_and_time_of_a_reject_are_kept(stream: Stream) -> None:
    stream.produce(
        [b"x"], partition=1, key=b"\xffkey", headers=[("h", b"\x00v")], timestamp_ms=1_714_564_800_000
    )
    drain_now(stream)
    assert stream.rows("SELECT key, headers, kafka_timestamp::VARCHAR FROM raw.rejects") == [
        (b"\xffkey", [{"key": "h", "value": b"\x00v"}], "2024-05-01 12:00:00+00")
    ]


@pytest.mark.parametrize("point", ["file_made", "checked", "inserted", "committed", "group_committed"])
def test_killed_at_any_point_nothing_is_lost_or_doubled(
    stream: Stream, event: Event, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    stream.produce([event(number) for number in range(100)] + [b"bad"])
    monkeypatch.setenv("PENSTOCK_KILL_AT", f"ingest.{point}")
    killed = penstock("ingest", "drain", "customer_events")
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    monkeypatch.delenv("PENSTOCK_KILL_AT")
    drain_now(stream)
    assert stream.event_ids() == [f"e{number:06}" for number in range(100)]
    assert stream.account() == {0: (51, 51), 1: (50, 50)}
    folder = stream.settings.landing_file("customer_events").parent
    assert [left.name for left in folder.iterdir()] == ["customer_events.duckdb"]


def test_two_drains_at_once_double_nothing(stream: Stream, event: Event) -> None:
    stream.produce([event(number) for number in range(3000)])
    drains = [penstock("ingest", "drain", "customer_events", "-o", "json") for _ in range(2)]
    results = [json.loads(one.communicate(timeout=PATIENCE)[0]) for one in drains]
    assert [one.returncode for one in drains] == [0, 0]
    assert sum(result["landed"] for result in results) == 3000
    assert stream.event_ids() == [f"e{number:06}" for number in range(3000)]


def test_two_consumers_that_share_no_lock_double_nothing(
    stream: Stream, event: Event, tmp_path: Path
) -> None:
    """As on two machines: no lock keeps them apart, the compare-and-set alone decides."""
    stream.produce([event(number) for number in range(500)])
    (stream.settings.data / "landing").mkdir(parents=True)
    drains = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "landing").symlink_to(stream.settings.data / "landing")
        drains.append(
            penstock("ingest", "drain", "customer_events", "-o", "json", PENSTOCK_DATA=str(tmp_path / name))
        )
    results = [json.loads(one.communicate(timeout=PATIENCE)[0]) for one in drains]
    assert sum(result["landed"] for result in results) == 500
    assert stream.account() == {0: (250, 250), 1: (250, 250)}


def test_aborted_transactions_never_land_and_a_drain_still_ends(stream: Stream, event: Event) -> None:
    producer = KafkaProducer(
        bootstrap_servers=stream.settings.bootstrap_servers, transactional_id=stream.topic, acks="all"
    )
    producer.init_transactions()
    for number, ending in enumerate([producer.commit_transaction, producer.abort_transaction] * 2):
        producer.begin_transaction()
        for part in range(5):
            producer.send(stream.topic, event(number * 10 + part), partition=0)
        producer.flush()
        ending()
    producer.close()
    result = drain_now(stream)
    assert result.landed == 10
    assert stream.event_ids() == [f"e{number:06}" for number in (*range(5), *range(20, 25))]
    # 4 transactions of 5 events and a marker each: the offsets pass over what never lands
    assert stream.rows('SELECT next_offset FROM raw.offsets WHERE "partition" = 0') == [(24,)]


def test_complete_until_is_the_clock_before_the_end_was_asked(stream: Stream, event: Event) -> None:
    stream.produce([event(1)])
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert drain(stream.settings, stream.contract, run_id="r", clock=lambda: moment).complete_until == moment
    earlier = moment - dt.timedelta(days=1)
    assert drain(stream.settings, stream.contract, run_id="r", clock=lambda: earlier).complete_until == moment
    assert stream.rows("SELECT complete_until FROM raw.landing")[0][0] == moment


def test_a_topic_made_anew_stops_loudly_and_goes_on_as_a_new_epoch(stream: Stream, event: Event) -> None:
    stream.produce([event(1), event(2)], partition=0)
    drain_now(stream)
    servers = stream.settings.bootstrap_servers
    assert servers is not None
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.delete_topics([stream.topic])
    admin.close()
    create_topic(servers, stream.topic, partitions=2)
    stream.produce([event(3)], partition=0)
    with pytest.raises(LandingError, match=r"topic id was .*, is"):
        drain_now(stream)
    assert drain_now(stream, begin_new_epoch=True).landed == 1
    assert stream.rows("SELECT event_id, _epoch, _offset FROM raw.customer_events ORDER BY 1") == [
        ("e000001", 1, 0), ("e000002", 1, 1), ("e000003", 2, 0),
    ]  # fmt: skip


def test_events_removed_before_they_were_read_stop_the_drain(stream: Stream, event: Event) -> None:
    stream.produce([event(1)], partition=0)
    drain_now(stream)
    stream.produce([event(number) for number in range(2, 6)], partition=0)
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.delete_records({TopicPartition(stream.topic, 0): 3})
    admin.close()
    with pytest.raises(LandingError, match=rf"{stream.topic}/0: .* offsets 1 to 2 \(2 events\)") as stopped:
        drain_now(stream)
    assert "`penstock ingest drain customer_events --accept-gap`" in stopped.value.fix
    assert stream.event_ids() == ["e000001"]


def test_another_environment_is_refused(
    stream: Stream, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.produce([event(1)])
    drain_now(stream)
    monkeypatch.setenv("PENSTOCK_ENV", "production")
    with pytest.raises(LandingError, match=r"environment local.* environment production"):
        drain(Settings.from_env(), stream.contract, run_id="r", clock=utc_now)


def test_no_broker_and_no_topic_are_clear_errors(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.delete_topics([stream.topic])
    admin.close()
    with pytest.raises(BrokerError, match=f"topic {stream.topic}: the broker .* has no such topic"):
        drain_now(stream)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    with pytest.raises(BrokerError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        drain(Settings.from_env(), stream.contract, run_id="r", clock=utc_now)
