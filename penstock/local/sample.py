"""What both kinds of sample events are: Kafka messages in batches, and what is wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Message = tuple[bytes | None, bytes]  # key and value


@dataclass(frozen=True)
class Batch:
    """Some messages, in the order in which they are to be sent; `done` is the share made so far, 0 to 1."""

    messages: list[Message]
    done: float


@dataclass(frozen=True)
class Sample:
    """Events to produce. `batches` can be walked once.

    `dirt` says how many messages are wrong on purpose, by kind, and `duplicates` how many are sent a second
    time; None for a file, of which nobody knows beforehand.
    """

    source: str
    batches: Iterator[Batch]
    dirt: dict[str, int] | None = field(default=None)
    duplicates: int | None = None
