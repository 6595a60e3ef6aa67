"""What a topic no longer holds, though it should. Loud unless a person accepts it.

A gap: events that were removed before they were read. A log that was cut off: it ends before what was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.core.errors import LandingError
from penstock.ingest.landing.gap import Gap


def find_gaps(stored: Mapping[int, int], first: Mapping[int, int]) -> tuple[Gap, ...]:
    """What lies between the stored offsets and the topic's beginnings, by partition."""
    return tuple(
        Gap(partition, offset, first[partition] - 1, first[partition] - offset)
        for partition, offset in sorted(stored.items())
        if offset < first[partition]
    )


def find_cuts(stored: Mapping[int, int], end: Mapping[int, int]) -> dict[int, int | None]:
    """Of the partitions that end before their stored offset: where they end; None where there is none."""
    return {
        partition: end.get(partition)
        for partition, offset in sorted(stored.items())
        if offset > end.get(partition, -1)
    }


def cut_error(
    topic: str, stored: Mapping[int, int], cuts: Mapping[int, int | None], *, command: str
) -> LandingError:
    """The error that names, for each partition that was cut off, our offset and the broker's end, and
    `command`, which goes on from what the broker holds."""
    places = (
        f"{topic}/{partition}: the landing file has read up to offset {stored[partition]}, the topic "
        + ("does not have this partition" if end is None else f"ends at offset {end}")
        for partition, end in cuts.items()
    )
    return LandingError(
        f"{'; '.join(places)}: the topic's log was cut off",
        fix="check KAFKA_BOOTSTRAP_SERVERS; if the broker lost these events for good, go on with what it "
        f"holds now, as a new generation: `{command} --new-epoch`",
    )


def regrown_error(topic: str, stored: Mapping[int, int], cut: Mapping[int, int]) -> LandingError:
    """The error for a log that was cut off before what was read and has grown past it again."""
    places = (
        f"{topic}/{partition}: the landing file has read up to offset {stored.get(partition)}, the topic's "
        f"log was cut off at offset {end} and has grown again"
        for partition, end in cut.items()
    )
    return LandingError(
        f"{'; '.join(places)}: the same offsets now hold other events",
        fix="bring back a backup from before the cut (`penstock ingest restore`), or move the landing file "
        "aside to read the topic from its beginning; a drain by itself would pass over these events",
    )


def gap_error(topic: str, gaps: Sequence[Gap], *, command: str) -> LandingError:
    """The error that names all gaps, and `command`, which goes on without these events."""
    return LandingError(
        f"{'; '.join(gap.described(topic) for gap in gaps)}: they were removed before they were read",
        fix="bring the events back (a backup, a mirror), or go on without them and record the gap: "
        f"`{command} --accept-gap`",
    )
