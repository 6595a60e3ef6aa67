"""Synthetic events in a real topic, landed: the deliberate dirt is found again to the row."""

from __future__ import annotations

import subprocess
import sys

from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.local.broker import create_topic
from penstock.local.produce import produce
from penstock.local.summary import compare, landed_of
from penstock.local.synthetic import synthetic_sample
from tests.patience import PATIENCE

STREAM = "customer_events"


def test_what_was_spoilt_is_rejected_and_what_was_sent_twice_is_a_copy(kafka_settings: Settings) -> None:
    topic = load_contract(kafka_settings, STREAM).topic
    bootstrap = str(kafka_settings.bootstrap_servers)
    create_topic(bootstrap, topic)
    drain = [sys.executable, "-m", "penstock", "ingest", "drain", STREAM, "--run-id"]
    subprocess.run([*drain, "before"], check=True, timeout=PATIENCE)  # what other tests may have left there
    produced = produce(bootstrap, topic, synthetic_sample(20_000, 42, 0))
    subprocess.run([*drain, "this"], check=True, timeout=PATIENCE)
    landed = landed_of(kafka_settings, STREAM, "this", produced.places)
    compare(produced, landed)
    by_field: dict[str | None, int] = {}
    for reason in landed.reasons:
        by_field[reason["field"]] = by_field.get(reason["field"], 0) + reason["count"]
    assert by_field == {None: 8, "user_session": 8, "price": 16, "event_type": 8, "event_time": 8}
    assert (landed.landed, landed.rejected, landed.copies) == (19_952, 48, 100)
    assert landed.from_before == 0
