"""Rejects of a real topic: a mended contract, a replay, and the consumer that goes on."""

from __future__ import annotations

from collections.abc import Callable

from own_stream import Stream

from penstock.ingest.consume import utc_now
from penstock.ingest.contract import load_contract
from penstock.ingest.drain import drain
from penstock.ingest.rejects_replay import replay


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
        "SELECT count(DISTINCT (_epoch, _partition, _offset)) FROM raw.customer_events"
    ) == [(24,)]  # fmt: skip
    assert stream.rows("SELECT count(*) FROM raw.rejects WHERE replayed_commit IS NULL") == [(0,)]
