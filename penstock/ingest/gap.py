"""Gaps: events that the topic removed before they were read. Loud unless a person accepts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.core.errors import LandingError


@dataclass(frozen=True)
class Gap:
    """Offsets `from_offset` to `to_offset`, both included, that were removed before they were read."""

    partition: int
    from_offset: int
    to_offset: int
    events: int

    def told(self, topic: str) -> str:
        """Where it is and how large, for people."""
        return (
            f"{topic}/{self.partition}: the topic no longer holds offsets {self.from_offset} to "
            f"{self.to_offset} ({self.events} events)"
        )


def find_gaps(stored: Mapping[int, int], first: Mapping[int, int]) -> tuple[Gap, ...]:
    """What lies between the stored offsets and the topic's beginnings, by partition."""
    return tuple(
        Gap(partition, offset, first[partition] - 1, first[partition] - offset)
        for partition, offset in sorted(stored.items())
        if offset < first[partition]
    )


def gap_error(topic: str, gaps: Sequence[Gap], *, command: str) -> LandingError:
    """The error that names all gaps, and `command`, which goes on without these events."""
    return LandingError(
        f"{'; '.join(gap.told(topic) for gap in gaps)}: they were removed before they were read",
        fix="bring the events back (a backup, a mirror), or go on without them and record the gap: "
        f"`{command} --accept-gap`",
    )
