"""Bytes on disk: events that landed in many small batches, as `follow` lands them, and the same all at once.

`python -m bench.file_size <order as JSON>` lands both ways, in a process of its own.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.child import run_child
from bench.events import Kind
from bench.limit import fetched
from bench.pairs import Say
from bench.run import Task
from bench.topic import Topic, make_topic
from penstock.core.settings import Settings
from penstock.ingest.consume.source import utc_now
from penstock.ingest.contract.model import Contract
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing

_COMMITS = 200


@dataclass(frozen=True)
class FileSize:
    """Bytes for each million events, both ways."""

    events: int
    commits: int
    small_batches: float
    at_once: float


def run_file_size(servers: str, folder: Path, events: int, say: Say) -> FileSize:
    """Land `events` both ways. Raises BenchError."""
    topic = Topic(Kind(), events)
    make_topic(servers, topic)
    task = Task("", servers, topic.name, str(topic.kind.contract), events, str(folder / "file_size"))
    found = run_child("bench.file_size", asdict(task))
    per_million = [size / events * 1e6 for size in found]
    say(f"file: {per_million[0] / 1e6:,.1f} MB in small batches, {per_million[1] / 1e6:,.1f} MB at once")
    return FileSize(events, _COMMITS, *per_million)


def _land(settings: Settings, contract: Contract, events: pa.Table, commits: int) -> int:
    """Land `events`, the file opened and closed for each commit. Returns the file's size."""
    rows = -(-events.num_rows // commits)
    for first in range(0, events.num_rows, rows):
        part = events.slice(first, rows)
        start = first or None
        batch = Batch(events=part, starts={0: start}, ends={0: first + part.num_rows})
        with open_landing(settings, contract) as landing:
            epoch = landing.epoch("bench", "bench", now=utc_now())
            landing.land(batch, epoch=epoch, run_id="bench", now=utc_now())
    return settings.landing_file(contract.stream).stat().st_size


def _of_one_partition(events: pa.Table) -> pa.Table:
    """The same, one behind the other: a batch's offsets must cover its events."""
    count = events.num_rows
    places = {"partition": pa.array(np.zeros(count, np.int32)), "offset": pa.array(np.arange(count))}
    return pa.table({name: places.get(name, events[name]) for name in events.column_names})


def main() -> None:
    """Land what the only argument describes both ways; print both sizes."""
    task = Task(**json.loads(sys.argv[1]))
    settings, contract = task.settings(), task.contract()
    folders = {name: replace(settings, data=settings.data / name) for name in ("read", "small", "once")}
    events = _of_one_partition(
        pa.concat_tables([batch.events for batch in fetched(folders["read"], contract)])
    )
    print(
        json.dumps(
            [_land(folders["small"], contract, events, _COMMITS), _land(folders["once"], contract, events, 1)]
        )
    )


if __name__ == "__main__":
    main()
