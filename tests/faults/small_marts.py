"""customer_events with two small marts instead of its six, so that a run of all stages takes seconds.

Also what the two must hold, worked out in plain Python, and a BI tool that reads them all along.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psutil

from penstock.core.build_record import Build, read_builds
from penstock.core.settings import Settings
from tests.faults.fault_stream import BAD, FaultStream, event
from tests.faults.marts_by_hand import PIPELINE
from tests.patience import PATIENCE, next_line, until

Content = dict[str, list[list[Any]]]  # by mart, all rows in one order, as texts and whole numbers

DAILY = """
select
    event_time::date as day,
    event_type,
    count(*) as events,
    sum(price)::decimal(18, 2) as amount
from {{ ref('stg_customer_events') }}
group by all
"""
TOTAL = """
select
    count(distinct day) as days,
    sum(events)::bigint as events
from {{ ref('events_daily') }}
"""
MODELS = """
models:
  - name: events_daily
    description: One row per day and type.
    columns:
      - {name: day, data_type: date, constraints: [{type: not_null}]}
      - {name: event_type, data_type: varchar, constraints: [{type: not_null}]}
      - {name: events, data_type: bigint, constraints: [{type: not_null}]}
      - {name: amount, data_type: "decimal(18,2)", constraints: [{type: not_null}]}
  - name: events_total
    description: One row.
    columns:
      - {name: days, data_type: bigint, constraints: [{type: not_null}]}
      - {name: events, data_type: bigint, constraints: [{type: not_null}]}
"""
SUITE = """
name: {mart}
expectations:
  - type: expect_column_values_to_be_between
    kwargs: {{column: events, min_value: 1}}
"""


def with_small_marts(stream: FaultStream) -> FaultStream:
    """Leave of what the stream's project declares the staging model, and put two marts behind it."""
    project = stream.settings.dbt_project_dir(PIPELINE)
    (project / "models" / "_exposures.yml").unlink()
    for folder in (project / "models" / "marts", project / "tests", stream.settings.suites_dir(PIPELINE)):
        shutil.rmtree(folder)
        folder.mkdir()
    model(stream, "events_daily").write_text(DAILY)
    model(stream, "events_total").write_text(TOTAL)
    model(stream, "events_daily").with_name("marts.yml").write_text(MODELS)
    for mart in ("events_daily", "events_total"):
        suite(stream, mart).write_text(SUITE.format(mart=mart))
    return stream


def model(stream: FaultStream, name: str) -> Path:
    return stream.settings.dbt_project_dir(PIPELINE) / "models" / "marts" / f"{name}.sql"


def suite(stream: FaultStream, mart: str) -> Path:
    return stream.settings.suites_dir(PIPELINE) / f"{mart}.yaml"


def expected_marts(numbers: range) -> Content:
    """What the two marts hold of these numbers where nothing was disturbed: worked out without SQL."""
    days: defaultdict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for number in numbers:
        if number % 100 != BAD:
            one = json.loads(event(number))
            days[one["event_time"][:10], one["event_type"]].append(Decimal(str(one["price"])))
    daily = [
        [day, kind, len(prices), str(sum(prices).quantize(Decimal("0.01")))]
        for (day, kind), prices in sorted(days.items())
    ]
    total = [len({day for day, _ in days}), sum(map(len, days.values()))]
    return {"events_daily": daily, "events_total": [total]}


def ended(settings: Settings, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `penstock <words>` to its end, however it ends."""
    return subprocess.run(
        [sys.executable, "-m", "penstock", *words], env=os.environ | _named(settings) | env,
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


def started(settings: Settings, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "penstock", *words], env=os.environ | _named(settings),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def refused(settings: Settings, *words: str, **env: str) -> str:
    """Run `penstock <words>`, which must fail with an error for people; returns the error."""
    done = ended(settings, *words, **env)
    assert done.returncode == 1, f"penstock {' '.join(words)}: {done.returncode}: {done.stdout} {done.stderr}"
    assert "Traceback" not in done.stderr
    return f"\n{done.stderr}".rpartition("\nError: ")[2]  # the log may lie before it


def wait_until_judging(process: subprocess.Popen[str]) -> None:
    """Return once the gate has read build and suites: only then it loads Great Expectations, with pandas."""
    until(lambda: any("/pandas/" in file.path for file in psutil.Process(process.pid).memory_maps()))
    assert process.poll() is None


def in_warehouse(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(settings.warehouse_file(PIPELINE), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def finished_builds(settings: Settings) -> list[Build]:
    """What the warehouse says of its candidates."""
    with duckdb.connect(settings.warehouse_file(PIPELINE), read_only=True) as connection:
        return read_builds(connection)


def in_ledger(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    """The ledger that is served, oldest row first."""
    with duckdb.connect(settings.marts_link(PIPELINE), read_only=True) as connection:
        return connection.execute(f"SELECT {columns} FROM _penstock.publications ORDER BY seq").fetchall()


@dataclass
class Reader:
    """What a BI tool saw; known once it was stopped."""

    looks: int = 0
    failures: list[str] = field(default_factory=list)
    seen: dict[int, list[Content]] = field(default_factory=dict)

    def assert_saw_only(self, *versions: Content) -> None:
        """Each version whole, as given here by number from 1, and nothing else, at every look."""
        assert self.failures == []
        assert self.seen == {number: [content] for number, content in enumerate(versions, 1)}


@contextmanager
def reading(settings: Settings) -> Iterator[Reader]:
    """A BI tool, in a process of its own, that asks for the marts again and again while the block runs."""
    script = Path(__file__).parent / "bi_reader.py"
    process = subprocess.Popen(
        [sys.executable, str(script), str(settings.marts_link(PIPELINE))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    reader = Reader()
    try:
        assert next_line(process.stdout) == "reading\n"
        yield reader
        told = json.loads(process.communicate(timeout=PATIENCE)[0])
        reader.looks, reader.failures = told["looks"], told["failures"]
        reader.seen = {int(version): contents for version, contents in told["seen"].items()}
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def _named(settings: Settings) -> dict[str, str]:
    return {"PENSTOCK_PROJECT": str(settings.project), "PENSTOCK_DATA": str(settings.data)}
