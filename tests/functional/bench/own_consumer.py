"""What the loops use of a KafkaConsumer, of one partition that holds a kind's events."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from bench.events import Kind
from tests.functional.bench.batches import values_of


def consumer_of(kind: Kind, events: int) -> type:
    class Consumer:
        def __init__(self, *topics: str, **settings: Any) -> None:
            self.records = [
                SimpleNamespace(partition=0, offset=offset, timestamp=0, value=value)
                for offset, value in enumerate(values_of(kind, events))
            ]

        def __iter__(self) -> Iterator[Any]:
            return iter(self.records)

        def poll(self, timeout_ms: int, max_records: int) -> dict[str, list[Any]]:
            return {"partition 0": self.records}

        def partitions_for_topic(self, topic: str) -> set[int]:
            return {0}

        def assign(self, places: list[Any]) -> None:
            pass

        def close(self) -> None:
            pass

    return Consumer
