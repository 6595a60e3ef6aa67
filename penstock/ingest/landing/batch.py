"""What a transaction of landing takes, and what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from penstock.ingest.check.checker import Checker
from penstock.ingest.check.result import Checked, Reasons


@dataclass(frozen=True)
class Batch:
    """Events as fetched, and what they do to the offsets.

    `events` has the columns partition int32, offset int64, kafka_timestamp timestamp[ms, UTC], key, value
    binary, headers list<struct<key string, value binary>>. `starts` and `ends` hold, by partition, the
    position that the fetch started from (None: no offset was stored yet) and the position after it.
    `checked`: what the check says of them, where they were checked ahead.
    """

    events: pa.Table
    starts: Mapping[int, int | None]
    ends: Mapping[int, int]
    checked: Checked | None = None

    def checked_by(self, checker: Checker, parsed: Sequence[pa.RecordBatch] | None = None) -> Batch:
        """The same, checked (`parsed`: as in `Checker.check`); nothing to do where it holds no event."""
        return replace(self, checked=checker.check(self.events, parsed)) if self.events.num_rows else self


@dataclass(frozen=True)
class Landed:
    """What one transaction did. `commit` is None when the batch moved offsets but held no event."""

    commit: int | None
    landed: int
    rejected: int
    reasons: Reasons


NOTHING = Landed(None, 0, 0, {})
