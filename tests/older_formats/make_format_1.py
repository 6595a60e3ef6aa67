"""Makes the files of format 1 in this folder, with the code that wrote that format.

Run in a checkout of commit a296384, the last one of format 1, with its dependencies:

    PYTHONPATH=. python <this file> <folder to write to>

What it lands is fixed, so that tests can count on it:

| commit | what | rows | rejects |
|---|---|---|---|
| 1 | epoch 1, partition 0, offsets 0 to 3 | e0 e1 e2 e3 | |
| 2 | epoch 1, partition 1, offsets 0 to 4 | e4, e0 once more | no JSON; a price below 0; a new type |
| 3 | the rejects were replayed under today's contract | e5 | |
| 4 | epoch 1, partition 0, from offset 10 on: 4 to 9 are an accepted gap | e6 | |
| 5 | epoch 2, the topic was made anew: partition 0, offsets 0 and 1 | e7, and e1 once more | |

After commit 3 the warehouse was built; it holds e0 to e5. It is the warehouse of the same data folder.
"""

import datetime as dt
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
from penstock.ingest.gap import Gap
from penstock.ingest.rejects_replay import replay

from penstock.core.settings import Settings
from penstock.ingest.contract import load_contract
from penstock.ingest.landing import Batch, open_landing

CHECKOUT = Path.cwd()
STREAM = "customer_events"
START = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
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


def event(number, **changes):
    fields = {
        "event_id": f"e{number}", "event_time": f"2026-11-02T11:{number:02}:00Z", "event_type": "purchase",
        "product_id": 7, "category_id": 9, "category_code": "electronics.audio", "brand": "acme",
        "price": 10.25, "user_id": number % 3, "user_session": f"s{number % 3}",
    }  # fmt: skip
    return json.dumps(fields | changes).encode()


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        for declared in ("dags", "ingest", "dbt_project"):
            shutil.copytree(CHECKOUT / declared, project / declared)
        settings = Settings(project, Path(folder) / "data", "local", None)
        contract = settings.contract_file(STREAM)
        today = contract.read_text()
        contract.write_text(today.replace(", purchase]", "]"))
        make(settings, lambda: contract.write_text(today))
        for kind, file in (
            ("landing", settings.landing_file(STREAM)),
            ("warehouse", settings.warehouse_file(STREAM)),
        ):
            packed = gzip.compress(file.read_bytes(), 9, mtime=0)
            (target / f"{kind}-1.duckdb.gz").write_bytes(packed)


def make(settings, mend):
    clock = START

    def tick():
        nonlocal clock
        clock += dt.timedelta(hours=1)
        return clock

    def land(values, partition, first, new_topic=False):
        with open_landing(settings, load_contract(settings, STREAM)) as landing:
            topic = "second" if new_topic else "first"
            epoch = landing.epoch("cluster", topic, now=tick(), begin_new=new_topic)
            start = landing.next_offsets(epoch).get(partition)
            if start is not None and start < first:
                gap = Gap(partition, start, first - 1, first - start)
                landing.accept_gaps([gap], epoch=epoch, run_id="gap", now=clock)
                start = first
            rows = [
                {"partition": partition, "offset": first + n, "kafka_timestamp": clock, "key": b"k",
                 "value": value, "headers": [{"key": "h", "value": b"\x00"}]}
                for n, value in enumerate(values)
            ]  # fmt: skip
            batch = Batch(
                pa.Table.from_pylist(rows, EVENTS), {partition: start}, {partition: first + len(rows)}
            )
            landing.land(batch, epoch=epoch, run_id="drain", now=clock)
            landing.complete_until(clock)

    views = {"event_type": "view"}
    land([event(n, **views) for n in range(4)], 0, 0)
    land(
        [event(4, **views), b"no json", event(8, **views, price=-1), event(5),
         event(0, **views, brand="copy")],
        1, 0,
    )  # fmt: skip
    mend()
    done = replay(
        settings, load_contract(settings, STREAM), where={}, dry_run=False, run_id="replay", clock=tick
    )
    assert (done.landed, done.still_rejected) == (1, 2)
    env = os.environ | {"PENSTOCK_PROJECT": str(settings.project), "PENSTOCK_DATA": str(settings.data)}
    subprocess.run([sys.executable, "-m", "penstock", "transform", STREAM], env=env, check=True)
    land([event(6, channel="app")], 0, 10)
    land([event(7, **views), event(1, **views, brand="copy")], 0, 0, new_topic=True)


main(Path(sys.argv[1]).absolute())
