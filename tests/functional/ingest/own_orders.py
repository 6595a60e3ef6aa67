"""The stream orders of one test: a landing file that is filled as a consumer fills it, without a broker."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.ingest.contract.model import Contract, load_contract
from penstock.ingest.landing.batch import Batch, Landed
from penstock.ingest.landing.file import open_landing

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    physicalName: shop_orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: price, logicalType: integer, required: true, logicalTypeOptions: {maximum: 100}}
      - {name: note, logicalType: string}
"""
NOW = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
EVENTS = pa.schema(
    {
        "partition": pa.int32(),
        "offset": pa.int64(),
        "kafka_timestamp": pa.timestamp("ms", tz="UTC"),
        "key": pa.binary(),
        "value": pa.binary(),
        "headers": pa.list_(pa.struct({"key": pa.string(), "value": pa.binary()})),
    }
)


def order(number: int, price: Any = 1, **more: Any) -> bytes:
    return json.dumps({"id": number, "price": price} | more).encode()


@dataclass
class Orders:
    """The stream orders, on topic shop_orders; its contract allows prices up to 100 until it is mended."""

    settings: Settings

    @property
    def contract(self) -> Contract:
        return load_contract(self.settings, "orders")

    def mend(self) -> None:
        """From now on prices up to 1000 are right."""
        file = self.settings.contract_file("orders")
        text = file.read_text().replace("maximum: 100}", "maximum: 1000}")
        file.write_text(text.replace("version: 1.0.0", "version: 1.1.0"))

    def land(
        self,
        *values: bytes | None,
        partition: int = 0,
        new_topic: bool = False,
        now: dt.datetime = NOW,
        run_id: str = "test",
        **message: Any,
    ) -> Landed:
        with open_landing(self.settings, self.contract) as landing:
            last = landing.connection.execute("SELECT coalesce(max(epoch), 0) FROM raw.topics").fetchone()
            assert last is not None
            topic_id = f"id{last[0] + new_topic or 1}"
            epoch = landing.epoch("cluster", topic_id, now=now, begin_new=new_topic)
            start = landing.next_offsets(epoch).get(partition)
            first = start or 0
            rows = [
                {"partition": partition, "offset": first + n, "kafka_timestamp": now, "value": value}
                | message
                for n, value in enumerate(values)
            ]
            batch = Batch(
                pa.Table.from_pylist(rows, schema=EVENTS), {partition: start}, {partition: first + len(rows)}
            )
            return landing.land(batch, epoch=epoch, run_id=run_id, now=now)

    def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        connection = open_duckdb(self.settings.landing_file("orders"), read_only=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def everything(self) -> dict[str, Sequence[tuple[Any, ...]]]:
        """All that the file holds, to compare before and after."""
        tables = ("orders", "rejects", "offsets", "commits", "topics")
        return {table: self.rows(f"SELECT * FROM raw.{table} ORDER BY ALL") for table in tables}
