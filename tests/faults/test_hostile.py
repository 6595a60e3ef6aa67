"""Hostile messages: each lands as it was sent, or is rejected for the reasons that the documents name."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from tests.faults.conftest import Broker, Run
from tests.faults.contract_model import ContractModel, Verdict, difference, with_deep_stack
from tests.faults.hostile_events import Hostile, Message
from tests.faults.hostile_values import CONTRACT, LAST_TIMESTAMP
from tests.faults.raw_producer import Place, send_all
from tests.faults.witness import Witness
from tests.patience import lines, until

EVENTS = 10_000
PARTITIONS = 3
MOST_MEMORY = 700  # MB of the drain's process at its peak


@pytest.mark.fault(7, f"{EVENTS:,} hostile messages, seeded")
def test_each_hostile_message_lands_as_sent_or_is_rejected_with_reasons(
    own_broker: Broker, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, penstock: Run,
    witness: Witness,
) -> None:  # fmt: skip
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    print(f"SEED={seed}")
    topic = f"things_{uuid.uuid4().hex[:8]}"
    contract = CONTRACT.format(topic=topic)
    declared = tmp_path / "project" / "ingest" / "things.odcs.yaml"
    declared.parent.mkdir(parents=True)
    declared.write_text(contract)
    monkeypatch.setenv("PENSTOCK_PROJECT", str(tmp_path / "project"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", own_broker.servers)
    _create_topic(own_broker.servers, topic)
    messages = Hostile(seed).messages(EVENTS)
    sent = send_all(own_broker.servers, topic, messages, partitions=PARTITIONS)
    model = ContractModel(contract)
    verdicts: dict[Place, Verdict] = with_deep_stack(
        lambda: {place: model.check(message.value) for place, message in sent.items()}
    )
    should_land = [place for place, verdict in verdicts.items() if verdict.values is not None]
    kinds = Counter(message.what for message in messages)
    witness.saw(
        f"seed {seed}: " + ", ".join(f"{count} {what}" for what, count in kinds.most_common()) + ", "
        f"{sum(message.value is None for message in messages)} tombstones; by the documents "
        f"{len(should_land):,} should land"
    )

    told, peak = _drain(penstock)
    rows, rejects, offsets = _landed(settings)
    assert told["landed"] + told["rejected"] == EVENTS == sum(offsets.values())
    assert not rows.keys() & rejects.keys()
    assert rows.keys() | rejects.keys() == sent.keys()
    assert len(rows) == told["landed"]
    differing = [
        f"{place} {sent[place].what}: {found}\n    {(sent[place].value or b'')[:1_500]!r}"
        for place, verdict in verdicts.items()
        if (found := difference(verdict, rows.get(place), rejects.get(place)))
    ]
    assert not differing, f"SEED={seed}: {len(differing)} differ:\n" + "\n".join(differing[:5])
    for place, message in sent.items():
        _assert_kept_as_sent(message, rows.get(place), rejects.get(place))
    assert peak < MOST_MEMORY, f"SEED={seed}"
    witness.counted(
        f"{len(rows):,} landed + {len(rejects):,} rejected = produced, to the offset; a model in Python "
        f"agrees on each value, unknown field and reason; peak {peak:.0f} MB"
    )


def _create_topic(servers: str, topic: str) -> None:
    """A topic that takes messages from any time, and keeps them: those of 2024 are past any usual retention,
    and go as soon as the broker looks."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    any_time = {"message.timestamp.after.max.ms": str(2**63 - 1), "retention.ms": "-1"}
    admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=any_time)])
    admin.close()


def _drain(penstock: Run) -> tuple[dict[str, Any], float]:
    """What the drain told, and the most memory (MB) that its process had."""
    process = penstock("ingest", "drain", "things", "-o", "json", batch_bytes=2_000_000)
    stdout, stderr = ("".join(lines(pipe)) for pipe in (process.stdout, process.stderr))
    until(lambda: os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, stderr
    told: dict[str, Any] = json.loads(stdout)
    assert told["commits"] > 1
    return told, usage.ru_maxrss / 1024


Rows = Mapping[Place, dict[str, Any]]


def _landed(settings: Settings) -> tuple[Rows, Rows, dict[int, int]]:
    """By place, the rows and the rejects; by partition, the next offset. Each place once, or it fails."""
    file = settings.landing_file("things")
    connection = open_duckdb(file, read_only=True)
    try:
        found = []
        for sql in (
            "SELECT _kafka_partition AS place, _offset AS at, * FROM raw.things",
            'SELECT "partition" AS place, "offset" AS at, * FROM raw.rejects',
        ):
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            by_place = {(row["place"], row["at"]): row for row in rows}
            assert len(by_place) == len(rows), "a place twice"
            found.append(by_place)
        offsets = dict(connection.execute('SELECT "partition", next_offset FROM raw.offsets').fetchall())
    finally:
        connection.close()
    return found[0], found[1], offsets


def _assert_kept_as_sent(message: Message, row: dict[str, Any] | None, reject: dict[str, Any] | None) -> None:
    """The message's time (none where it is after year 9999), and a reject's very bytes."""
    time = message.timestamp_ms if message.timestamp_ms <= LAST_TIMESTAMP else None
    if row is not None:
        assert _milliseconds(row["_kafka_timestamp"]) == time
    if reject is not None:
        assert reject["reasons"]
        assert (reject["key"], reject["value"]) == (message.key, message.value)
        assert _milliseconds(reject["kafka_timestamp"]) == time
        assert _pairs(reject["headers"] or ()) == [
            (name.decode(errors="backslashreplace"), value) for name, value in message.headers
        ]


def _milliseconds(time: dt.datetime | None) -> int | None:
    return (
        None
        if time is None
        else (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    )


def _pairs(headers: Sequence[Mapping[str, Any]]) -> list[tuple[str, bytes | None]]:
    return [(header["key"], header["value"]) for header in headers]
