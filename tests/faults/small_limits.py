"""Run a command of Penstock with some of its own limits changed, so that a test need not wait a minute.

    python small_limits.py stall=5 poll_records=100 -- ingest drain customer_events

The code under test is the same; only how much, or how long, differs.
"""

from __future__ import annotations

import sys

from kafka import KafkaConsumer

from penstock.cli import main
from penstock.ingest import fetch, follow


def change(name: str, value: float) -> None:
    if name == "stall":  # seconds until a drain that gets nothing gives up
        fetch.Fetch.batch.__kwdefaults__["stall"] = value
    elif name == "batch_bytes":  # a batch lands when it holds this much
        fetch.BATCH_BYTES = int(value)
    elif name == "poll_records":  # at most so many events are taken from the client at once
        poll = KafkaConsumer.poll
        KafkaConsumer.poll = lambda self, timeout_ms=0: poll(self, timeout_ms, max_records=int(value))
    elif name == "look_at_topic":  # seconds between two looks of a follow at its topic
        follow._LOOK_AT_TOPIC = value
    else:
        raise ValueError(name)


if __name__ == "__main__":
    words = sys.argv[1:]
    limits = words[: words.index("--")]
    for limit in limits:
        name, _, value = limit.partition("=")
        change(name, float(value))
    sys.argv[1:] = words[len(limits) + 1 :]
    main()
