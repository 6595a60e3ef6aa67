"""What the checks of history cost the gate, and how long their back-test takes, on a year of a busy shop.

The example's own models and suites judge it. Its events are made by SQL straight into a landing file: how
they land is measured elsewhere.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.child import REPOSITORY, BenchError, run_child
from bench.pairs import Say
from penstock.core.settings import Settings
from penstock.ingest.consume.source import utc_now
from penstock.ingest.contract.model import load_contract
from penstock.ingest.landing.file import LandingFile, open_landing
from penstock.ingest.landing.offsets import move_offsets

_PIPELINE = "customer_events"
_DAYS, _AT_ONCE = 365, 73  # days of history; of one commit
_FIRST_DAY = dt.date(2025, 9, 1)
_EVENTS_OF_SESSION = 4.0  # on average
_KEPT = 0.81  # of a day's sessions, on average: no day is like the other


@dataclass(frozen=True)
class History:
    """Seconds, where one more day is new: of the whole gate as a process, and inside it of the checks of
    history alone, which have used `checks_cpu` seconds of processors. `backtest`: of all days."""

    events: int
    days: int
    gate: float
    checks: float
    checks_cpu: float
    backtest: float
    alarms: int


def run_history(folder: Path, events: int, say: Say) -> History:
    """Build, judge and publish a year of so many events, then one more day. Raises BenchError."""
    settings = Settings(REPOSITORY, folder / "history", "local", None)
    sessions = round(events / _DAYS / _EVENTS_OF_SESSION / _KEPT)
    for first in range(0, _DAYS, _AT_ONCE):
        landed = _land(settings, first, min(first + _AT_ONCE, _DAYS), sessions)
    say(f"history: {landed:,} events of {_DAYS} days have landed")
    for stage in ("transform", "validate", "publish"):
        say(f"history: {stage} of all: {_penstock(settings, stage, _PIPELINE)[0]:.1f} s")
    _land(settings, _DAYS, _DAYS + 1, sessions)
    _penstock(settings, "transform", _PIPELINE)
    inside = run_child("bench.history", {"data": str(settings.data)})
    gate, _ = _penstock(settings, "validate", _PIPELINE)
    say(f"history: one more day: gate {gate:.1f} s, of which checks of history {inside['checks']:.2f} s")
    seconds, said = _penstock(settings, "validate", "backtest", _PIPELINE, "--days", str(_DAYS))
    say(f"history: backtest {seconds:.1f} s")
    alarms = sum(check["stopped"] + check["warned"] for check in said["checks"])
    return History(landed, _DAYS, gate, backtest=seconds, alarms=alarms, **inside)


def _land(settings: Settings, first: int, last: int, sessions: int) -> int:
    """Land the days number `first` to `last` in one commit. Returns how many events the file then holds."""
    contract = load_contract(settings, _PIPELINE)
    with open_landing(settings, contract) as landing:
        now = utc_now()
        epoch, commit = landing.epoch("bench", "bench", now=now), landing.next_commit()
        start = landing.next_offsets(epoch).get(0)
        rows = landing.insert_rows(f"({_events(first, last, sessions, start or 0)})", epoch, commit)
        move_offsets(landing.connection, {0: start}, {0: (start or 0) + rows}, epoch)
        landing.note_commit(commit, now, "bench", rows, 0)
        landing.complete_until(now)
        return _count(landing)


def _count(landing: LandingFile) -> int:
    ((count,),) = landing.connection.execute(f"SELECT count(*) FROM raw.{_PIPELINE}").fetchall()
    return int(count)


def _events(first: int, last: int, sessions: int, offset: int) -> str:
    """Rows as `insert_rows` takes them. Everything follows from the number of the session."""
    return f"""
    WITH sessions AS (
        SELECT
            s, DATE '{_FIRST_DAY}' + (s // {sessions})::INTEGER AS day,
            unnest(range(1 + (hash(s, 'size') % 7)::BIGINT)) AS nth
        FROM range({first * sessions}, {last * sessions}) AS t (s)
        WHERE hash(s, 'kept') % 100 < 76 + hash(s // {sessions}, 'day') % 8 + 8 * (isodow(day) // 6)
    ),
    events AS (
        SELECT
            *,
            day::TIMESTAMP AT TIME ZONE 'UTC' + to_seconds(
                (hash(s, 'a') % 41000 + hash(s, 'b') % 41000 + nth * (20 + hash(s, nth) % 60))::BIGINT
            ) AS moment,
            1 + (3000 * pow(hash(s, nth, 'product') % 1000000 / 1e6, 2))::BIGINT AS product
        FROM sessions
    )
    SELECT
        'e' || s || '-' || nth AS event_id,
        moment AS event_time,
        CASE WHEN nth = 0 OR hash(s, nth, 'type') % 10 < 7 THEN 'view'
            WHEN hash(s, nth, 'type') % 10 < 9 THEN 'cart' ELSE 'purchase' END AS event_type,
        product AS product_id,
        100 + product % 40 AS category_id,
        CASE WHEN product % 5 > 0 THEN 'category.' || product % 40 END AS category_code,
        CASE WHEN product % 11 > 0 THEN 'brand' || product % 97 END AS brand,
        (1 + product * 7919 % 50000 / 100)::DECIMAL(12, 2) AS price,
        1 + (hash(s, 'user') % {40 * sessions})::BIGINT AS user_id,
        'visit-' || s AS user_session,
        NULL AS _unknown,
        0 AS _kafka_partition,
        {offset} - 1 + row_number() OVER () AS _offset,
        moment AS _kafka_timestamp
    FROM events
    """


def _penstock(settings: Settings, *words: str) -> tuple[float, Any]:
    """Seconds of `penstock <words>`, and its JSON. Raises BenchError where it fails."""
    env = os.environ | {"PENSTOCK_PROJECT": str(settings.project), "PENSTOCK_DATA": str(settings.data)}
    began = time.monotonic()
    command = [sys.executable, "-m", "penstock", *words, "-o", "json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(words)}: {done.stderr.strip()[-2000:]}", fix="mend what it says")
    return time.monotonic() - began, json.loads(done.stdout)


def main() -> None:
    """Judge what lies in the folder that the only argument names; print what the checks of history cost."""
    from penstock.validate.gate import validate
    from penstock.validate.quiet import quiet

    with quiet():  # Great Expectations
        from penstock.validate.history import expectation

    settings = Settings(REPOSITORY, Path(json.loads(sys.argv[1])["data"]), "local", None)
    spent = {"checks": 0.0, "checks_cpu": 0.0}
    kinds: list[Any] = [expectation.ExpectNewPeriodsToResembleHistory, expectation.ExpectValuesOfKeysToStay]
    for kind in kinds:
        kind._validate = _timed(kind._validate, spent)
    validate(settings, _PIPELINE, "bench")
    print(json.dumps(spent))


def _timed(judge: Any, spent: dict[str, float]) -> Any:
    def timed(*arguments: Any, **named: Any) -> Any:
        with _adding_to(spent):
            return judge(*arguments, **named)

    return timed


@contextmanager
def _adding_to(spent: dict[str, float]) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    spent["checks"] += time.perf_counter() - wall
    spent["checks_cpu"] += time.process_time() - cpu


if __name__ == "__main__":
    main()
