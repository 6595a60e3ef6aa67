"""Tombstones: events without a value, by which Kafka learns that their key was deleted.

They hold nothing to land, so they are kept as rejects; but they break no rule, so they are kept apart.
"""

from __future__ import annotations

TOMBSTONE = "tombstone"  # the rule of their reason


def rejects_text(rejects: int, state: str, tombstones: int) -> str:
    """How many rejects there are, for people: `5 rejected (2 of them tombstones)`."""
    return f"{rejects} {state}" + (f" ({tombstones} of them tombstones)" if tombstones else "")
