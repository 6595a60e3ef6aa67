"""Killed with signal 9 at every named point around each commit, flip and rename, one after the other.

Each kill is followed by what the documents say: the same command again. Then all is accounted for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.monitor.slack_stand_in import SlackStandIn
from tests.faults.fault_stream import FaultStream
from tests.faults.kill_points import STAGES, kill_publish_at_each_point, killed_at, points_of
from tests.faults.marts_by_hand import PIPELINE, run_stage
from tests.faults.small_marts import expected_marts, finished_builds, reading, refused, with_small_marts
from tests.faults.witness import Witness

DRAIN = ("ingest", "drain", PIPELINE)
IN_DRAIN = ("ingest.checked", "ingest.inserted", "ingest.committed", "ingest.group_committed")
REPEAT = "This may be a repeat"

# A point of a stage that no test here knows: add it below. That of quarantine wants a history to spoil, which
# tests/functional/transform/test_quarantine.py has.
KILLED_HERE = {"ingest", "landing", "replay", "transform", "validate", "publish", "monitor"}
assert KILLED_HERE | {"quarantine"} == STAGES


def make_older(settings: Settings) -> None:
    """Give the landing file the form of format 1."""
    with open_duckdb(settings.landing_file(PIPELINE)) as connection:
        connection.execute(f"ALTER TABLE raw.{PIPELINE} RENAME COLUMN _kafka_partition TO _partition")
        connection.execute("ALTER TABLE raw.landing DROP COLUMN huge_events")
        connection.execute("UPDATE raw.landing SET format_version = 1")


def told(points: tuple[str, ...]) -> str:
    return f"died of signal 9 at {', '.join(points)}"


@pytest.mark.slow
@pytest.mark.fault(4, "ingest killed at each named point: landing, gap, backup, restore, replay")
def test_landing(stream: FaultStream, tmp_path: Path, witness: Witness) -> None:
    killed_at(stream.settings, "ingest.file_made", *DRAIN)
    assert not stream.settings.landing_file(PIPELINE).exists()
    for number, point in enumerate(IN_DRAIN):
        stream.produce_numbers(range(number * 100, number * 100 + 100))
        killed_at(stream.settings, point, *DRAIN)
        committed = number + (point not in ("ingest.checked", "ingest.inserted"))
        account = stream.account()
        assert all(read == kept for read, kept in account.values()), account
        assert sum(read for read, _ in account.values()) == committed * 100
        run_stage(stream.settings, *DRAIN)
    for point in points_of("landing"):
        make_older(stream.settings)
        killed_at(stream.settings, point, *DRAIN)
        run_stage(stream.settings, *DRAIN)
        stream.assert_each_once(range(400))
    backup = str(tmp_path / "backup.duckdb")
    save = ("ingest", "backup", PIPELINE, backup)
    killed_at(stream.settings, "ingest.backup_copied", *save)
    assert not Path(backup).exists()
    run_stage(stream.settings, *save)
    bring_back = ("ingest", "restore", PIPELINE, backup, "--replace")
    killed_at(stream.settings, "ingest.restore_ready", *bring_back)
    stream.assert_each_once(range(400))
    run_stage(stream.settings, *bring_back)
    run_stage(stream.settings, *DRAIN)
    stream.assert_each_once(range(400))
    accept_a_gap(stream)
    replay_the_rejects(stream)
    every_point = (
        "ingest.file_made",
        *IN_DRAIN,
        "ingest.backup_copied",
        "ingest.restore_ready",
        "ingest.gap_recorded",
    )
    assert {*every_point, *points_of("replay")} == {*points_of("ingest", "replay")}
    witness.saw(told((*every_point, *points_of("replay"))))


def accept_a_gap(stream: FaultStream) -> None:
    """Of ten more events the topic has removed three before they were read."""
    stream.produce([stream.event(number) for number in range(400, 410)], partition=0)
    admin = KafkaAdminClient(bootstrap_servers=stream.settings.bootstrap_servers)
    admin.delete_records({TopicPartition(stream.topic, 0): stream.account()[0][0] + 3})
    admin.close()
    assert "--accept-gap" in refused(stream.settings, *DRAIN)
    killed_at(stream.settings, "ingest.gap_recorded", *DRAIN, "--accept-gap")
    assert stream.rows("SELECT count(*) FROM raw.gaps") == [(0,)]
    stream.assert_each_once(range(400))
    run_stage(stream.settings, *DRAIN, "--accept-gap")
    assert stream.rows("SELECT events FROM raw.gaps") == [(3,)]


def replay_the_rejects(stream: FaultStream) -> None:
    """Of 407 events that were read, four were rejected for a price below 0, which is allowed from now on."""
    contract = stream.settings.contract_file(PIPELINE)
    text = contract.read_text()
    assert "minimum: 0" in text
    contract.write_text(text.replace("minimum: 0", "minimum: -1").replace("version: 1.0.0", "version: 1.1.0"))
    count = (
        "SELECT (SELECT count(*) FROM raw.customer_events), count(replayed_commit), count(*) FROM raw.rejects"
    )
    for point in ("replay.inserted", "replay.marked", "replay.committed"):
        assert stream.rows(count) == [(403, 0, 4)]
        killed_at(stream.settings, point, "ingest", "rejects", "replay", PIPELINE)
    run_stage(stream.settings, "ingest", "rejects", "replay", PIPELINE)
    assert stream.rows(count) == [(407, 4, 4)]
    assert stream.event_ids() == [f"e{n:06}" for n in (*range(400), *range(403, 410))]
    stream.witness.counted("407 events, each once, 4 of them replayed; 3 in the gap that was accepted")


@pytest.mark.slow
@pytest.mark.fault(
    4, "transform, validate and publish killed at each named point: build record, verdict, flip"
)
def test_stages(stream: FaultStream, drain: Callable[..., str], witness: Witness) -> None:
    with_small_marts(stream)
    stream.produce_numbers(range(1_000))
    drain()
    builds = dict.fromkeys(points_of("transform"), 0) | {"transform.committed": 1}
    for point, there in builds.items():
        killed_at(stream.settings, point, "transform", PIPELINE)
        assert len(finished_builds(stream.settings)) == there
    run_stage(stream.settings, "transform", PIPELINE)
    verdicts = {"validate.judged": False, "validate.written": False, "validate.renamed": True}
    for point, is_there in verdicts.items():
        killed_at(stream.settings, point, "validate", PIPELINE)
        assert stream.settings.verdict_file(PIPELINE).exists() == is_there
    run_stage(stream.settings, "validate", PIPELINE)
    run_stage(stream.settings, "publish", PIPELINE)
    with reading(stream.settings) as reader:
        flips = kill_publish_at_each_point(stream)
    reader.assert_saw_only(expected_marts(range(1_000)))
    assert reader.looks > 10
    points = points_of("transform", "validate", "publish")
    assert set(points) == {*builds, *verdicts, *flips}
    witness.saw(told(points))
    stream.assert_each_once(range(1_000))
    witness.counted(f"a reader looked {reader.looks} times and saw whole marts as of an undisturbed run")


@pytest.mark.fault(4, "monitor killed at each named point: outbox")
def test_outbox(settings: Settings, witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """By point: how often Slack has the message at the death, how often after `monitor deliver`, and whether
    the last time says that it may be a repeat."""
    expected = {
        "monitor.stored": (0, 1, False),
        "monitor.begun": (0, 1, True),
        "monitor.sent": (1, 2, True),
        "monitor.delivered": (1, 1, False),
    }
    assert set(expected) == set(points_of("monitor"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackStandIn() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook_url)
        for point, (at_death, in_the_end, repeats) in expected.items():
            failure = ("monitor", "failure", PIPELINE, "--stage", "ingest", "--error", point)
            killed_at(settings, point, *failure)
            assert len(about(slack, point)) == at_death
            run_stage(settings, "monitor", "deliver")
            assert len(about(slack, point)) == in_the_end
            assert (REPEAT in about(slack, point)[-1]) == repeats
        order = [point for point in expected for _ in about(slack, point)]
        assert [point for text in bodies(slack) for point in expected if point in text] == order
    run_stage(settings, "monitor", "deliver")
    witness.saw(told(tuple(expected)))
    witness.counted(
        f"{len(expected)} messages, each delivered, {len(order)} requests in order; repeats say so"
    )


def about(slack: SlackStandIn, point: str) -> list[str]:
    return [body for body in bodies(slack) if point in body]


def bodies(slack: SlackStandIn) -> list[str]:
    return [json.dumps(request.body) for request in slack.received]
