"""One run: a contender reads one topic into a new file, in a process of its own.

`python -m bench.run <task as JSON>` runs it and prints what was found. The clock runs from the first
poll to the last commit; a second one runs until all is in the database file itself (CHECKPOINT).
"""

from __future__ import annotations

import importlib
import json
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from bench.child import REPOSITORY, BenchError, run_child
from bench.events import Truth, truth
from bench.topic import Topic
from penstock.core.settings import Settings
from penstock.ingest.contract.model import Contract, read_contract

OURS = ("ours", "ours_sql")


@dataclass(frozen=True)
class Task:
    """What a contender gets: `contender` is a module of the bench, `folder` an empty folder for its files.
    `profile`: also say where the time goes (ours only)."""

    contender: str
    servers: str
    topic: str
    contract_file: str
    events: int
    folder: str
    profile: bool = False

    def contract(self) -> Contract:
        """The contract of the events, of this topic."""
        return replace(read_contract(Path(self.contract_file)), topic=self.topic)

    def settings(self) -> Settings:
        """Those under which Penstock lands into `folder`."""
        return Settings(
            project=REPOSITORY, data=Path(self.folder), environment="bench", bootstrap_servers=self.servers
        )

    @property
    def database(self) -> Path:
        """Where a contender that is not Penstock keeps its rows."""
        return Path(self.folder) / "landing.duckdb"


@dataclass(frozen=True)
class Step:
    """A step of landing, and what it cost: seconds of the processors, and of the thread that lands."""

    name: str
    cpu: float
    wall: float


@dataclass(frozen=True)
class Timed:
    """What a contender says of itself: seconds to the last commit, and until all was in `database`;
    `fast`: the events that took the fast path (ours only)."""

    seconds: float
    checkpointed: float
    database: Path
    table: str
    steps: tuple[Step, ...] = ()
    fast: int = 0


@dataclass(frozen=True)
class Outcome:
    """A run as seen from outside. `checked`: all good events landed, and the rejects are the bad ones."""

    contender: str
    events: int
    seconds: float
    checkpointed: float
    peak_rss_mb: float
    file_mb: float
    landed: int
    rejected: int
    checked: bool
    fast: int
    steps: tuple[Step, ...] = field(default=())

    @property
    def rate(self) -> float:
        """Events per second, to the last commit."""
        return self.events / self.seconds

    @property
    def checkpointed_rate(self) -> float:
        """Events per second, until all was in the database file."""
        return self.events / self.checkpointed


Land = Callable[[Task], Timed]


def run_once(contender: str, servers: str, topic: Topic, folder: Path, *, profile: bool = False) -> Outcome:
    """Let a contender land the whole topic. Raises BenchError where it fails, or ours finds other rejects
    than there are."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        task = Task(contender, servers, topic.name, str(topic.kind.contract), topic.events, own, profile)
        found = run_child("bench.run", asdict(task))
    account = Truth(**found.pop("found"))
    checked = account == _truth(topic)
    steps = tuple(Step(**step) for step in found.pop("steps"))
    if contender in OURS and not checked:
        raise BenchError(f"{topic.name}: ours found {account}; in the topic are {_truth(topic)}")
    return Outcome(
        contender, topic.events, landed=account.landed, rejected=account.rejected, checked=checked,
        steps=steps, **found,
    )  # fmt: skip


_truths: dict[Topic, Truth] = {}


def _truth(topic: Topic) -> Truth:
    if topic not in _truths:
        _truths[topic] = truth(topic.kind, topic.events)
    return _truths[topic]


def found_in(database: Path, table: str) -> Truth:
    """What lies in the database that a contender has made."""
    with duckdb.connect(database, read_only=True) as connection:
        rows = connection.execute(
            f"SELECT count(*), sum(price)::VARCHAR, sum(user_id)::VARCHAR FROM {table}"
        ).fetchone()
        rejects = connection.execute(
            "SELECT count(*), sum(hash(value)::HUGEINT)::VARCHAR FROM raw.rejects"
        ).fetchone()
    assert rows is not None
    assert rejects is not None
    return Truth(*rows, *rejects)


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Run what the only argument describes."""
    task = Task(**json.loads(sys.argv[1]))
    run: Land = importlib.import_module(f"bench.{task.contender}").run
    if task.contender not in OURS:
        pa.scalar(0)  # pyarrow imports pandas with its first scalar: not on its clock
    timed = run(task)
    peak = _peak_rss_mb()
    found = {
        "seconds": timed.seconds,
        "checkpointed": timed.checkpointed,
        "peak_rss_mb": round(peak, 1),
        "file_mb": round(timed.database.stat().st_size / 2**20, 1),
        "fast": timed.fast,
        "found": asdict(found_in(timed.database, timed.table)),
        "steps": [asdict(step) for step in timed.steps],
    }
    shutil.rmtree(task.folder)
    Path(task.folder).mkdir()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
