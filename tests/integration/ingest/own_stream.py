"""The stream customer_events of one test: a topic and a data folder of its own, ways to fill and count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.ingest.contract.model import Contract


@dataclass(frozen=True)
class Stream:
    """The stream customer_events of a project of the test's own, on a topic of its own."""

    settings: Settings
    contract: Contract

    @property
    def topic(self) -> str:
        return self.contract.topic

    def produce(
        self, values: Iterable[bytes | None], *, partition: int | None = None, **message: Any
    ) -> None:
        producer = KafkaProducer(bootstrap_servers=self.settings.bootstrap_servers, linger_ms=20)
        for number, value in enumerate(values):
            at = partition if partition is not None else number % 2
            producer.send(self.topic, value, partition=at, **({"key": b"k"} | message))
        producer.flush()
        producer.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = open_duckdb(self.settings.landing_file("customer_events"), read_only=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def event_ids(self) -> list[str]:
        return sorted(row[0] for row in self.rows("SELECT event_id FROM raw.customer_events"))

    def account(self) -> dict[int, tuple[int, int]]:
        """By partition: events that the offsets say were read, events that are there (rows and rejects, each
        place counted once; a place twice makes the second number too large)."""
        return {
            partition: (read, kept)
            for partition, read, kept in self.rows(
                'SELECT o."partition", o.next_offset, count(p.place) FROM raw.offsets o LEFT JOIN ('
                "  SELECT _kafka_partition AS part, _offset AS place FROM raw.customer_events "
                '  UNION ALL SELECT "partition", "offset" FROM raw.rejects) p ON p.part = o."partition" '
                "GROUP BY ALL"
            )
        }
