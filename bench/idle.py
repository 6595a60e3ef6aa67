"""`penstock ingest follow`: what it costs while nothing comes, and how soon an event is there to be read."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from kafka import KafkaProducer

from bench.child import REPOSITORY, BenchError
from bench.events import Kind, messages
from bench.pairs import Say
from penstock.core.duckdb_file import open_duckdb
from penstock.core.errors import PenstockError
from penstock.local.broker import create_topic

_TOPIC = "bench-idle"
_IDLE = 30.0  # seconds that an idle `follow` is watched: it looks after its topic every 30 s
_BUSY = 10  # seconds of events
_PER_SECOND = 1000
_PAUSE = 0.05  # seconds between two looks of the reader


@dataclass(frozen=True)
class Idle:
    """`core_percent`: of one core, on an empty topic. Seconds until an event was read from the file."""

    core_percent: float
    watched: float
    events_per_second: int
    seconds_median: float
    seconds_p99: float
    seconds_max: float
    looks: int


def run_idle(servers: str, folder: Path, say: Say) -> Idle:
    """Watch a `follow` on a topic of its own. Raises BenchError."""
    create_topic(servers, _TOPIC, 1)
    with _follow(servers, folder / "idle") as (process, landing):
        percent, watched = _watch(process, landing)
        say(f"idle follow: {percent:.2f} % of a core")
        delays, looks = _delays(servers, landing)
    cuts = statistics.quantiles(delays, n=100)
    say(f"an event is there after {cuts[98]:.2f} s (p99)")
    return Idle(percent, watched, _PER_SECOND, statistics.median(delays), cuts[98], max(delays), looks)


@contextmanager
def _follow(servers: str, folder: Path) -> Iterator[tuple[psutil.Process, Path]]:
    """A running `follow`, and the landing file that it writes."""
    declared = Kind().contract.read_text(encoding="utf-8")
    contract = folder / "ingest" / "events.odcs.yaml"
    contract.parent.mkdir(parents=True)
    contract.write_text(declared.replace("physicalType: topic", f"physicalName: {_TOPIC}"), encoding="utf-8")
    env = {
        **os.environ, "PENSTOCK_PROJECT": str(folder), "PENSTOCK_DATA": str(folder / "data"),
        "PENSTOCK_ENV": "bench", "KAFKA_BOOTSTRAP_SERVERS": servers,
    }  # fmt: skip
    log = folder / "follow.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock", "ingest", "follow", "events"],
            cwd=REPOSITORY, env=env, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield psutil.Process(process.pid), folder / "data" / "landing" / "events.duckdb"
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(30)
    if ended != 0:
        raise BenchError(f"follow ended with {ended}: {log.read_text(encoding='utf-8')[-1000:]}")


def _watch(process: psutil.Process, landing: Path) -> tuple[float, float]:
    """The share of a core that it uses once it has come to rest, in percent, and for how long it was seen."""
    deadline = time.monotonic() + 60
    while not landing.exists() or process.cpu_percent(interval=1.0) > 20:
        if time.monotonic() > deadline:
            raise BenchError("follow did not come to rest within 60 s")
    used, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(_IDLE)
    watched = time.monotonic() - began
    return 100 * (sum(process.cpu_times()[:2]) - used) / watched, round(watched, 1)


def _delays(servers: str, landing: Path) -> tuple[list[float], int]:
    """Of each event, the seconds from its sending until a reader found it in the file; and how often the
    reader opened the file. What `follow` does only for its first event is done before."""
    events = _BUSY * _PER_SECOND
    _produce(servers, 1, [])
    deadline = time.monotonic() + 60
    while _newest_offset(landing) < 0 and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    sent: list[float] = []
    producing = threading.Thread(target=_produce, args=(servers, events, sent))
    producing.start()
    delays: list[float] = []
    looks = 0
    deadline = time.monotonic() + _BUSY + 60
    while len(delays) < events and time.monotonic() < deadline:
        there = _newest_offset(landing)  # offset 0 is the first event's
        now = time.monotonic()
        looks += 1
        delays += [now - moment for moment in sent[len(delays) : max(there, 0)]]
        time.sleep(_PAUSE)
    producing.join()
    if len(delays) < events:
        raise BenchError(f"of {events} events, follow landed {len(delays)} in time")
    return delays, looks


def _produce(servers: str, events: int, sent: list[float]) -> None:
    """Send events one by one, `_PER_SECOND`; `sent` gets the moment of each."""
    producer = KafkaProducer(bootstrap_servers=servers)
    began = time.monotonic()
    for part in messages(Kind(bad=0), events):
        for key, value, _ in part:
            time.sleep(max(0.0, began + len(sent) / _PER_SECOND - time.monotonic()))
            sent.append(time.monotonic())
            producer.send(_TOPIC, value, key=key)
    producer.flush()
    producer.close()


def _newest_offset(landing: Path) -> int:
    try:
        with open_duckdb(landing, read_only=True, wait=5.0) as connection:
            row = connection.execute("SELECT coalesce(max(_offset), -1) FROM raw.events").fetchone()
    except PenstockError:  # held for longer than that: not read yet
        return -1
    return int(row[0]) if row else -1
