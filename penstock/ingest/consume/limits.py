"""How much, and how long: what of landing nobody declares, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of one drain or follow. A test passes smaller ones, so that it need not wait a minute."""

    batch_bytes: int = 64 * 1024 * 1024  # a batch lands when its events hold this much …
    batch_events: int = 240_000  # … or so many: most fill row groups, which are compressed when inserted
    # Of the first batch; then twice as much each time, up to the above. Until it is there, nobody lands.
    first_batch_bytes: int = 16 * 1024 * 1024
    first_batch_events: int = 60_000
    drain_linger_s: float = 5.0  # until a drain's batch lands that is not full
    follow_linger_s: float = 0.5  # that a follow's batch gathers events
    stall_s: float = 60.0  # until a drain that gets nothing gives up
    topic_answer_ms: int = 60_000  # that a batch waits to hear that the topic is still the same
    look_at_topic_s: float = 30.0  # between two looks of a follow: the same topic, more partitions?
    commits_per_open: int = 16  # until a drain opens the file anew, which gives back much memory
    # Loading the fast path takes a second or two, in which SQL checks about so many events.
    fast_drain_events: int = 300_000  # a drain of so many takes the fast path
    fast_follow_events: int = 20_000  # in one batch: from then on a follow takes it


DEFAULT = Limits()
