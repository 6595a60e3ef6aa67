"""Rejects of a real topic: a mended contract, a replay, and the consumer that goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from penstock.cli import main
from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.source import utc_now
from penstock.ingest.contract.model import load_contract
from penstock.ingest.rejects.replay import replay
from tests.integration.ingest.own_stream import Stream


def test_between_two_drains_a_replay_doubles_and_loses_nothing(
    stream: Stream, event: Callable[..., bytes]
) -> None:
    def drain_now() -> tuple[int, int]:
        contract = load_contract(stream.settings, "customer_events")
        result = drain(stream.settings, contract, run_id="drain", clock=utc_now)
        return result.landed, result.rejected

    stream.produce(event(number, event_type="gift" if number < 5 else "view") for number in range(20))
    assert drain_now() == (15, 5)
    before = stream.rows("SELECT * FROM raw.offsets ORDER BY ALL")

    file = stream.contract.file
    file.write_text(file.read_text().replace("validValues: [", "validValues: [gift, "))
    mended = load_contract(stream.settings, "customer_events")
    result = replay(stream.settings, mended, where={}, dry_run=False, run_id="replay", clock=utc_now)
    assert (result.landed, result.still_rejected) == (5, 0)
    assert stream.rows("SELECT * FROM raw.offsets ORDER BY ALL") == before
    # Staging reads what has a newer commit than it has read.
    assert stream.rows(
        "SELECT event_id FROM raw.customer_events WHERE _commit > "
        "(SELECT max(\"commit\") FROM raw.commits WHERE kind = 'batch') ORDER BY 1"
    ) == [(f"e{number:06}",) for number in range(5)]

    assert drain_now() == (0, 0)
    stream.produce(event(number, event_type="gift") for number in range(20, 24))
    assert drain_now() == (4, 0)
    assert stream.event_ids() == [f"e{number:06}" for number in range(24)]
    assert stream.rows(
        "SELECT count(DISTINCT (_epoch, _kafka_partition, _offset)) FROM raw.customer_events"
    ) == [(24,)]  # fmt: skip
    assert stream.rows("SELECT count(*) FROM raw.rejects WHERE replayed_commit IS NULL") == [(0,)]


def test_a_run_with_too_many_rejects_fails_after_landing_also_when_it_is_tried_again(
    stream: Stream, event: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drained(run_id: str) -> tuple[int, str]:
        monkeypatch.setenv("PENSTOCK_RUN_ID", run_id)  # as a task of Airflow has it
        result = CliRunner().invoke(main, ["ingest", "drain", "customer_events"])
        return result.exit_code, result.output

    limit = "    quality: [{metric: invalidValues, unit: percent, mustBeLessOrEqualTo: 10}]\n    properties:"
    file = stream.contract.file
    file.write_text(file.read_text().replace("    properties:", limit))
    stream.produce(event(number, price=-1 if number < 2 else 1) for number in range(20))
    assert drained("first")[0] == 0

    stream.produce(
        event(number, event_type="gift", price=-1 if number < 22 else 1) for number in range(20, 25)
    )
    stream.produce(event(number) for number in range(25, 30))
    for _ in range(2):
        exit_code, output = drained("second")
        assert exit_code == 1
        (error,) = (line for line in output.splitlines() if line.startswith("Error: "))
        assert re.sub(r", first at partition [01], offset \d+", "", error) == (
            "Error: stream customer_events: 5 of 10 events of this run are rejects, 50 %, the contract wants "
            "at most 10 %; most often event_type: enum (5), price: minimum (2); all that is good has landed"
        )
        assert error.count(", first at partition ") == 2
    assert len(stream.event_ids()) == 23
    assert sum(read for read, _ in stream.account().values()) == 30
    assert drained("third")[0] == 0  # another run, its own share

    file.write_text(file.read_text().replace("validValues: [", "validValues: [gift, "))
    replay_all = ["ingest", "rejects", "replay", "customer_events"]
    assert CliRunner().invoke(main, replay_all).exit_code == 0
    exit_code, output = drained("second")  # its task was cleared, 2 of its rejects are left
    assert exit_code == 1
    assert "2 of 10 events of this run are rejects, 20 %" in output
    file.write_text(file.read_text().replace("minimum: 0", "minimum: -1"))
    assert CliRunner().invoke(main, replay_all).exit_code == 0
    assert drained("second")[0] == 0
