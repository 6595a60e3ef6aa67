"""Files of older and newer formats, as the doctor sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.doctor.examine import examine
from penstock.doctor.finding import Finding

STREAM = "customer_events"


@pytest.fixture
def older(settings: Settings, unpack_older: Callable[[str, Path], None]) -> Path:
    path = settings.landing_file(STREAM)
    unpack_older("landing-1", path)
    return path


def of(path: Path, settings: Settings) -> list[Finding]:
    return [finding for finding in examine(settings).findings if finding.where.startswith(str(path))]


def test_an_older_landing_file_is_examined_whole_and_waits_for_its_writer(
    settings: Settings, older: Path
) -> None:
    before = older.read_bytes()
    found = of(older, settings)
    assert [finding.what for finding in found if finding.severity != "info"] == [
        "is of format 1; this Penstock writes format 3"
    ]
    assert {finding.what.split(":")[0] for finding in found if finding.severity == "info"} == {
        "a gap was accepted by run gap at 2026-11-02 16",
        "6 of the offsets 0 to 10 hold no event",
    }
    assert older.read_bytes() == before


def test_an_older_landing_file_that_is_ill_is_reported(settings: Settings, older: Path) -> None:
    with open_duckdb(older) as connection:
        connection.execute("DELETE FROM raw.customer_events WHERE event_id = 'e5'")
        connection.execute("INSERT INTO raw.customer_events FROM raw.customer_events WHERE event_id = 'e6'")
    told = "\n".join(finding.what for finding in of(older, settings) if finding.severity == "error")
    assert "1 rejects are marked as replayed, but have no row" in told
    assert "1 events are there more than once" in told


def test_a_newer_landing_file_is_reported_and_not_looked_into(settings: Settings, older: Path) -> None:
    with open_duckdb(older) as connection:
        connection.execute("UPDATE raw.landing SET format_version = 99")
    (found,) = of(older, settings)
    assert found.severity == "error"
    assert found.what.startswith("a landing file of format 99; this Penstock knows formats up to 3")
    assert found.fix == "a newer Penstock has written it: run that version here, too"


def test_an_older_warehouse_waits_for_transform_and_a_newer_one_is_reported(
    settings: Settings, unpack_older: Callable[[str, Path], None]
) -> None:
    path = settings.warehouse_file(STREAM)
    unpack_older("warehouse-1", path)
    told = [(finding.severity, finding.what) for finding in of(path, settings)]
    assert told[0] == ("warning", "is of format 1; this Penstock builds format 2")
    with open_duckdb(path) as connection:
        connection.execute("CREATE TABLE _penstock.warehouse AS SELECT 99 AS format_version")
    (found,) = of(path, settings)
    assert (found.severity, found.what.partition(";")[0]) == ("error", "a warehouse of format 99")
