"""How DuckDB stores a landing file: what costs much to compress, and gains little, is left as it is; long
texts are compressed by zstd; and many threads write no larger file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.ingest.check.checker import open_checker
from penstock.ingest.contract.model import load_contract
from penstock.ingest.decode.columns import SCHEMA
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import LandingFile, open_landing
from penstock.ingest.recovery.backup import backup
from tests.functional.ingest.own_orders import NOW

CHUNK = 1_000
TEXT = '{"event_id":"<id>","event_time":"2026-11-02T12:00:00Z","event_type":"view","product_id":1,'
TEXT += '"category_id":1,"price":1.5,"user_id":1,"user_session":"<id>"<more>}'
EVENTS = """
SELECT
    0::INTEGER AS "partition", n AS "offset", NULL::TIMESTAMPTZ AS kafka_timestamp, NULL::BLOB AS key,
    encode(replace($text, '<id>', sha256(n::VARCHAR))) AS value,
    NULL::STRUCT(key VARCHAR, value BLOB)[] AS headers
FROM range($first, $last) AS t (n)
ORDER BY n
"""


def land(landing: LandingFile, first: int, last: int, *, letters: int = 0) -> None:
    """Land events of these offsets by the fast path, each with a text of so many letters that the contract
    does not name."""
    more = f',"more":"{"<id>" * (letters // 64)}"' if letters else ""
    with duckdb.connect() as connection:
        given = {"text": TEXT.replace("<more>", more), "first": first, "last": last}
        table = connection.sql(EVENTS, params=given).to_arrow_table().cast(SCHEMA)
    events = pa.Table.from_batches(table.to_batches(max_chunksize=CHUNK), schema=SCHEMA)
    with open_checker(landing.compiled, fast=True) as checker:
        batch = Batch(events, {0: first or None}, {0: last}).checked_by(checker)
    assert landing.land(batch, epoch=1, run_id="test", now=NOW).landed == last - first


def compressed(file: Path) -> dict[str, set[str]]:
    """How the texts of each column are compressed."""
    with open_duckdb(file, read_only=True) as connection:
        rows = connection.execute(
            "SELECT column_name, compression FROM pragma_storage_info('raw.customer_events') "
            "WHERE segment_type IN ('VARCHAR', 'JSON')"
        ).fetchall()
    found: dict[str, set[str]] = {}
    for column, compression in rows:
        found.setdefault(column, set()).add(compression)
    return found


def test_the_text_that_names_an_event_is_stored_as_it_is_also_in_a_backup(
    settings: Settings, tmp_path: Path
) -> None:
    with open_landing(settings, load_contract(settings, "customer_events")) as landing:
        landing.epoch("cluster", "id1", now=NOW)
        land(landing, 0, 30_000)
    copy = tmp_path / "copy.duckdb"
    backup(settings, "customer_events", copy, wait=0)
    for file in (settings.landing_file("customer_events"), copy):
        assert compressed(file)["event_id"] == {"Uncompressed"}
        assert "Uncompressed" not in compressed(file)["user_session"]


def test_long_texts_are_compressed_by_zstd_and_short_ones_are_not(settings: Settings) -> None:
    contract, file = load_contract(settings, "customer_events"), settings.landing_file("customer_events")
    with open_landing(settings, contract) as landing:
        landing.epoch("cluster", "id1", now=NOW)
        land(landing, 0, 30_000, letters=128)
    assert not any("ZSTD" in how for how in compressed(file).values())
    with open_landing(settings, contract) as landing:
        land(landing, 30_000, 60_000, letters=1280)
    assert "ZSTD" in compressed(file)["_unknown"]
    assert compressed(file)["event_id"] == {"Uncompressed"}
    with open_duckdb(file, read_only=True) as connection:
        rows = connection.execute(
            "SELECT len(_unknown->>'more'), count(DISTINCT _unknown->>'more') "
            "FROM raw.customer_events GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert rows == [(128, 30_000), (1280, 30_000)]


def test_on_a_machine_of_many_processors_the_file_is_no_larger(settings: Settings) -> None:
    sizes = []
    for threads in (1, 8):
        own = replace(settings, data=settings.data / str(threads))
        with open_landing(own, load_contract(own, "customer_events")) as landing:
            landing.epoch("cluster", "id1", now=NOW)
            landing.connection.execute(f"SET threads = {threads}")
            land(landing, 0, 100_000)
        sizes.append(own.landing_file("customer_events").stat().st_size)
    assert sizes[1] < 1.1 * sizes[0]
