"""confluent-kafka with Arrow and DuckDB's `json_transform`: types, and no other rule.

What is quickly built and fast. Tuned as `confluent` is (large fetches, many messages at once, a thread that
fetches ahead, batches and chunks of our size), and it takes no more of a message than it lands. What is no
JSON goes to the rejects; `json_transform` makes a value of a wrong type null without a word, so its columns
may be null, and it keeps nothing that the contract does not name. `json_valid` and then `json_transform` is
faster than `TRY`, and than `from_json`.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from bench.confluent import columns_of, ends_of, open_consumer, tables
from bench.own_database import TABLE, close_database, open_database, store_offsets
from bench.run import Task, Timed
from penstock.core.duckdb_file import literal, quoted
from penstock.ingest.contract.model import Contract


def run(task: Task) -> Timed:
    """Land all of the topic."""
    connection = open_database(task, checked=False)
    connection.execute("SET preserve_insertion_order = false; SET wal_autocheckpoint = '1GB'")
    insert = insert_sql(task.contract())
    consumer, places = open_consumer(task)
    with ThreadPoolExecutor(1) as thread:
        coming_tables = tables(consumer, task.events, _chunk)
        began = time.perf_counter()
        consumer.assign(places)
        coming = thread.submit(next, coming_tables, None)
        while (table := coming.result()) is not None:
            coming = thread.submit(next, coming_tables, None)
            land(connection, insert, table)
    timed = close_database(connection, task, began)
    consumer.close()
    return timed


def _chunk(messages: list[Any]) -> pa.RecordBatch:
    return pa.record_batch(columns_of(messages))


def insert_sql(contract: Contract) -> str:
    """An INSERT of all of `batch` that is JSON."""
    types = {field.key: field.sql_type for field in contract.fields}
    columns = ", ".join(f"event.{quoted(field.key)}" for field in contract.fields)
    return f"""
        INSERT INTO {TABLE}
        SELECT {columns}, NULL, "partition", "offset", kafka_timestamp
        FROM (SELECT *, json_transform(text, {literal(json.dumps(types))}) AS event FROM ({_TEXTS}))
    """


_TEXTS = "SELECT * FROM (SELECT *, try(decode(value)) AS text FROM batch) WHERE json_valid(text)"


def land(connection: Any, insert: str, table: pa.Table) -> None:
    """One transaction: rows, rejects, offsets."""
    connection.register("batch", table)
    connection.execute("BEGIN")
    (landed,) = connection.execute(insert).fetchone()
    if landed < table.num_rows:
        connection.execute(
            """
            INSERT INTO raw.rejects SELECT "partition", "offset", value, 'json' FROM batch
            WHERE NOT coalesce(json_valid(try(decode(value))), false)
            """
        )
    store_offsets(connection, ends_of(table))
    connection.execute("COMMIT")
