"""The usual loop: `for message in consumer`, `json.loads`, `executemany` of a thousand rows.

As most tutorials and many services have it, with kafka-python's defaults. In its favour: rows and offsets are
one transaction, and what cannot be read as the columns' types is kept as a reject. It knows no other rule.
"""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from decimal import Decimal
from typing import Any

from kafka import KafkaConsumer

from bench.own_database import TABLE, close_database, open_database, store_offsets
from bench.run import Task, Timed

_AT_ONCE = 1000


def run(task: Task) -> Timed:
    """Land all of the topic."""
    connection = open_database(task)
    consumer = KafkaConsumer(
        task.topic, bootstrap_servers=task.servers, group_id="bench", enable_auto_commit=False,
        auto_offset_reset="earliest",
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    rejects: list[tuple[int, int, bytes, str]] = []
    ends: dict[int, int] = {}
    marks = ", ".join(["?"] * 17)
    began = time.perf_counter()
    for seen, message in enumerate(consumer, start=1):
        try:
            rows.append((*_row(json.loads(message.value)), None, *_place(message)))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as exc:
            rejects.append((message.partition, message.offset, message.value, repr(exc)))
        ends[message.partition] = message.offset + 1
        if len(rows) + len(rejects) == _AT_ONCE or seen == task.events:
            connection.execute("BEGIN")
            if rows:
                connection.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", rows)
            if rejects:
                connection.executemany("INSERT INTO raw.rejects VALUES (?, ?, ?, ?)", rejects)
            store_offsets(connection, ends)
            connection.execute("COMMIT")
            rows, rejects = [], []
        if seen == task.events:
            break
    timed = close_database(connection, task, began)
    consumer.close()
    return timed


def _row(event: dict[str, Any]) -> tuple[Any, ...]:
    return (
        uuid.UUID(event["event_id"]),
        dt.datetime.fromisoformat(event["event_time"]),
        event["event_type"],
        int(event["user_id"]),
        uuid.UUID(event["session"]),
        int(event["product_id"]),
        event.get("category"),
        event["brand"],
        round(Decimal(event["price"]), 2),
        _int32(event["quantity"]),
        bool(event["mobile"]),
        event["country"],
        event["page"],
    )


def _int32(value: Any) -> int:
    """One that DuckDB refuses would fail its whole thousand."""
    if not -(2**31) <= int(value) < 2**31:
        raise OverflowError(value)
    return int(value)


def _place(message: Any) -> tuple[int, int, dt.datetime]:
    return message.partition, message.offset, dt.datetime.fromtimestamp(message.timestamp / 1000, dt.UTC)
