"""What a transaction of landing takes, and what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from penstock.core.errors import LandingError
from penstock.ingest.check.checker import Checker
from penstock.ingest.check.result import Checked, Reasons
from penstock.ingest.kafka.topic import Topic


@dataclass(frozen=True)
class Batch:
    """Events as fetched, and what they do to the offsets.

    `events` has the columns partition int32, offset int64, kafka_timestamp timestamp[ms, UTC], key, value
    binary, headers list<struct<key string, value binary>>. `starts` and `ends` hold, by partition, the
    position that the fetch started from (None: no offset was stored yet) and the position after it.
    `checked`: what the check says of them, where they were checked ahead. `topic`: which one the name led to
    once they were fetched, where that was asked ahead.
    """

    events: pa.Table
    starts: Mapping[int, int | None]
    ends: Mapping[int, int]
    checked: Checked | None = None
    topic: Topic | None = None

    def checked_by(self, checker: Checker, parsed: Sequence[pa.RecordBatch] | None = None) -> Batch:
        """The same, checked (`parsed`: as in `Checker.check`); nothing to do where it holds no event."""
        return replace(self, checked=checker.check(self.events, parsed)) if self.events.num_rows else self

    def refuse_other_places(self) -> None:
        """Raises LandingError where an event does not lie within `starts` and `ends`: with offsets that do
        not cover it, it would be lost or land twice."""
        places = self.events.select(["partition", "offset"]).group_by("partition")
        spans = places.aggregate([("offset", "min"), ("offset", "max")])
        for span in spans.to_pylist():
            partition, first, last = span["partition"], span["offset_min"], span["offset_max"]
            start = self.starts.get(partition) or 0
            end = self.ends.get(partition, start)
            if first < start or last >= end:
                raise LandingError(
                    f"partition {partition}: events from offset {first} to {last} do not lie within the "
                    f"batch, from {start} to before {end}",
                    fix="nothing has changed: run again; if it stays, report it as a fault of Penstock",
                )


@dataclass(frozen=True)
class Landed:
    """What one transaction did. `commit` is None when the batch moved offsets but held no event."""

    commit: int | None
    landed: int
    rejected: int
    reasons: Reasons


NOTHING = Landed(None, 0, 0, {})
