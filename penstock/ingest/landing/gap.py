"""A gap: events that a topic removed before they were read, as the landing file records it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """Offsets `from_offset` to `to_offset`, both included, that were removed before they were read."""

    partition: int
    from_offset: int
    to_offset: int
    events: int

    def described(self, topic: str) -> str:
        """Where it is and how large, for people."""
        return (
            f"{topic}/{self.partition}: the topic no longer holds offsets {self.from_offset} to "
            f"{self.to_offset} ({self.events} events)"
        )
