from __future__ import annotations

import datetime as dt
import sqlite3
import sys
from collections.abc import Callable
from subprocess import Popen

import pytest

from penstock.core.errors import PenstockError
from penstock.monitor.message import Message
from penstock.monitor.outbox import Outbox, Summary
from tests.patience import PATIENCE

AT = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
Keep = Callable[..., int]

ADDER = """
import datetime as dt, sys
from pathlib import Path
from penstock.monitor.message import Message
from penstock.monitor.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
for number in range(25):
    outbox.add(Message(f"{sys.argv[2]} {number}", []), pipeline="p", stage="s", run_id="r", channel=None,
               at=dt.datetime.now(dt.UTC))
"""


def test_nobody_has_written_yet_then_reading_makes_no_file(outbox: Outbox) -> None:
    assert outbox.entries() == []
    assert outbox.pending() == []
    assert outbox.summary() == Summary()
    assert not outbox.path.exists()


def test_a_message_comes_back_as_it_was_put_in(outbox: Outbox) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "é 🚨 'quoted'"}}]
    number = outbox.add(
        Message("text; drop table messages", blocks), pipeline="p", stage="s", run_id="r", channel="#c", at=AT
    )
    (entry,) = outbox.pending()
    assert entry == outbox.entry(number)
    assert (entry.text, entry.blocks, entry.created_at) == ("text; drop table messages", blocks, AT)
    assert (entry.pipeline, entry.stage, entry.run_id, entry.channel) == ("p", "s", "r", "#c")
    assert (entry.state, entry.attempts, entry.maybe_taken) == ("pending", 0, False)


def test_the_summary_counts_by_state_and_by_run(outbox: Outbox, keep: Keep) -> None:
    keep("pending")
    outbox.refused(keep("refused"), error="e")
    outbox.delivered(keep("delivered"), at=AT, receipt={})
    outbox.add(
        Message("t", []), pipeline="p", stage="s", run_id="mine", channel=None, at=AT, unsent="not configured"
    )
    assert outbox.summary() == Summary(pending=1, delivered=1, unsent=1, refused=1)
    assert outbox.summary("mine") == Summary(unsent=1)
    assert outbox.summary("nobody's") == Summary()


def test_all_that_is_not_delivered_is_shown_and_the_newest_of_what_is(outbox: Outbox, keep: Keep) -> None:
    keep("pending")
    for number in range(25):
        outbox.delivered(keep(f"delivered {number}"), at=AT, receipt={})
    shown = [entry.text for entry in outbox.entries()]
    assert shown == ["pending", *(f"delivered {number}" for number in range(5, 25))]


def test_several_processes_write_at_once_and_nothing_is_lost(outbox: Outbox) -> None:
    adders = [Popen([sys.executable, "-c", ADDER, str(outbox.path), name]) for name in "abc"]
    assert [adder.wait(timeout=PATIENCE) for adder in adders] == [0, 0, 0]
    entries = outbox.pending()
    assert [entry.id for entry in entries] == list(range(1, 76))
    for name in "abc":
        own = [entry.text for entry in entries if entry.text.startswith(name)]
        assert own == [f"{name} {number}" for number in range(25)]


def test_a_file_that_is_no_outbox_is_named_and_not_touched(outbox: Outbox, keep: Keep) -> None:
    outbox.path.parent.mkdir(parents=True)
    outbox.path.write_bytes(b"not a database, but precious" * 50)
    with pytest.raises(PenstockError, match=rf"{outbox.path}: the outbox cannot be used"):
        keep("text")
    assert outbox.path.read_bytes().startswith(b"not a database, but precious")


def test_an_outbox_of_a_newer_version_is_refused(outbox: Outbox, keep: Keep) -> None:
    keep("text")
    database = sqlite3.connect(outbox.path)
    database.execute("pragma user_version = 2")
    database.close()
    with pytest.raises(PenstockError, match="made by another version of Penstock \\(format 2, here 1\\)"):
        outbox.pending()
