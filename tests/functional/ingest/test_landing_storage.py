"""How DuckDB stores a landing file: what costs much to compress, and gains little, is left as it is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.ingest.decode.columns import SCHEMA
from penstock.ingest.landing.batch import Batch
from penstock.ingest.landing.file import open_landing
from penstock.ingest.recovery.backup import backup
from tests.functional.ingest.own_orders import NOW

TEXT = '{"event_id":"<id>","event_time":"2026-11-02T12:00:00Z","event_type":"view","product_id":1,'
TEXT += '"category_id":1,"price":1.5,"user_id":1,"user_session":"<id>"}'
EVENTS = f"""
SELECT
    0::INTEGER AS "partition", n AS "offset", NULL::TIMESTAMPTZ AS kafka_timestamp, NULL::BLOB AS key,
    encode(replace('{TEXT}', '<id>', sha256(n::VARCHAR))) AS value,
    NULL::STRUCT(key VARCHAR, value BLOB)[] AS headers
FROM range(30000) AS t (n)
ORDER BY n
"""


def compressed(file: Path) -> dict[str, set[str]]:
    """How the texts of each column are compressed."""
    with open_duckdb(file, read_only=True) as connection:
        rows = connection.execute(
            "SELECT column_name, compression FROM pragma_storage_info('raw.customer_events') "
            "WHERE segment_type = 'VARCHAR'"
        ).fetchall()
    found: dict[str, set[str]] = {}
    for column, compression in rows:
        found.setdefault(column, set()).add(compression)
    return found


def test_the_text_that_names_an_event_is_stored_as_it_is_also_in_a_backup(
    settings: Settings, tmp_path: Path
) -> None:
    contract = load_contract(settings, "customer_events")
    with duckdb.connect() as connection:
        events: pa.Table = connection.sql(EVENTS).to_arrow_table().cast(SCHEMA)
    with open_landing(settings, contract) as landing:
        epoch = landing.epoch("cluster", "id1", now=NOW)
        landed = landing.land(
            Batch(events, {0: None}, {0: events.num_rows}), epoch=epoch, run_id="test", now=NOW
        )
    assert landed.landed == events.num_rows
    copy = tmp_path / "copy.duckdb"
    backup(settings, "customer_events", copy, wait=0)
    for file in (settings.landing_file("customer_events"), copy):
        assert compressed(file)["event_id"] == {"Uncompressed"}
        assert "Uncompressed" not in compressed(file)["user_session"]
