"""A landing file of an older format beside a real topic: what it held stays, what comes lands once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from penstock.ingest.consume.drain import drain
from penstock.ingest.consume.source import utc_now
from penstock.ingest.recovery.backup import backup
from penstock.ingest.recovery.restore import restore
from tests.integration.ingest.own_stream import Stream

Event = Callable[..., bytes]
OLDER = ["e0", "e0", "e1", "e1", "e2", "e3", "e4", "e5", "e6", "e7"]
NEWER = [f"e{number:06}" for number in range(20)]


def drain_now(stream: Stream, *, new_epoch: bool = False) -> int:
    return drain(
        stream.settings, stream.contract, run_id="test", clock=utc_now, begin_new_epoch=new_epoch
    ).landed


def test_a_drain_lands_onto_it_and_goes_on(
    stream: Stream, event: Event, unpack_older: Callable[[str, Path], None]
) -> None:
    unpack_older("landing-1", stream.settings.landing_file("customer_events"))
    stream.produce([event(number) for number in range(15)])
    assert drain_now(stream, new_epoch=True) == 15
    stream.produce([event(number) for number in range(15, 20)])
    assert drain_now(stream) == 5
    assert drain_now(stream) == 0
    assert stream.event_ids() == sorted(OLDER + NEWER)
    assert stream.rows(
        "SELECT count(*), count(DISTINCT (_epoch, _kafka_partition, _offset)) FROM raw.customer_events"
    ) == [(30, 30)]
    assert stream.rows("SELECT format_version FROM raw.landing") == [(3,)]


def test_a_backup_of_it_comes_back_as_one_of_today_and_goes_on(
    stream: Stream, event: Event, unpack_older: Callable[[str, Path], None], tmp_path: Path
) -> None:
    path, saved = stream.settings.landing_file("customer_events"), tmp_path / "saved.duckdb"
    unpack_older("landing-1", path)
    backup(stream.settings, "customer_events", saved, wait=1)
    path.unlink()
    stream.produce([event(number) for number in range(20)])
    restored = restore(
        stream.settings, stream.contract, saved, run_id="restore", clock=utc_now, begin_new_epoch=True
    )
    assert restored.to_land == 20
    assert stream.rows("SELECT format_version FROM raw.landing") == [(3,)]
    assert stream.event_ids() == OLDER
    assert drain_now(stream) == 20
    assert stream.event_ids() == sorted(OLDER + NEWER)
