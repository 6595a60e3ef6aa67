"""Makes the landing file of format 2 in this folder, with the code that wrote that format.

Run in a checkout of commit 4bd5ffe, the last one of format 2, with its dependencies:

    PYTHONPATH=. python <this file> <folder to write to>

It holds three events of epoch 1, partition 0: e0 and e1 of commit 1, and e2 of commit 2. Its `brand` has
40 kB, so that format 2 said in a comment that the file holds huge events.
"""

import datetime as dt
import gzip
import json
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing

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


def event(number, brand):
    return json.dumps({
        "event_id": f"e{number}", "event_time": f"2026-11-02T11:{number:02}:00Z", "event_type": "purchase",
        "product_id": 7, "category_id": 9, "category_code": "electronics.audio", "brand": brand,
        "price": 10.25, "user_id": number % 3, "user_session": f"s{number % 3}",
    }).encode()  # fmt: skip


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path.cwd(), Path(folder) / "data", "local", None)
        for first, values in ((0, [event(0, "acme"), event(1, "acme")]), (2, [event(2, "x" * 40_000)])):
            with open_landing(settings, load_contract(settings, STREAM)) as landing:
                epoch = landing.epoch("cluster", "first", now=START)
                rows = [
                    {"partition": 0, "offset": first + n, "value": value} for n, value in enumerate(values)
                ]
                events = pa.Table.from_pylist(rows, EVENTS)
                batch = Batch(events, {0: first or None}, {0: first + len(rows)})
                landing.land(batch, epoch=epoch, run_id="drain", now=START)
        packed = gzip.compress(settings.landing_file(STREAM).read_bytes(), 9, mtime=0)
        (target / "landing-2.duckdb.gz").write_bytes(packed)


main(Path(sys.argv[1]))
