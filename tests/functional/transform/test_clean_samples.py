"""The synthetic sample, run after run, against the example's checks of history: nothing is wrong with it.

Events are checked and landed by the code of a drain, deliberate dirt and all. The marts are those that the
example's compiled SQL makes in memory, so that many runs take seconds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from penstock.core.duckdb_file import open_duckdb
from penstock.local.synthetic import synthetic_sample
from penstock.validate.history.norm import Weight
from tests.functional.transform.compiled_marts import CompiledMarts
from tests.functional.transform.conftest import REPOSITORY
from tests.functional.transform.test_defects import SUITES, findings_of
from tests.trust.own_shop import OwnShop, Sent

DAY = 3_571  # events
RUNS = 5
SENT = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)  # after all of them, and within the contract's bounds


def landed_runs(folder: Path, seed: int, history: int, size: int) -> Iterator[list[dict[str, Any]]]:
    """What each run lands: the history first, then `RUNS` times `size` events."""
    shop = OwnShop(REPOSITORY, folder / "data")
    before = 0
    for run in range(RUNS + 1):
        count = size if run else history
        batches = synthetic_sample(count, seed, run, before=before).batches
        before += count
        shop.land(
            (Sent(key or b"", value, SENT) for batch in batches for key, value in batch.messages),
            f"run-{run}",
        )
        with open_duckdb(shop.settings.landing_file("customer_events"), read_only=True) as connection:
            rows = connection.sql(f"select * from raw.customer_events where _commit = {run + 1}")
            yield rows.to_arrow_table().to_pylist()


@pytest.mark.parametrize(("seed", "size"), [(1, DAY), (2, 3 * DAY // 2)])
def test_no_run_of_the_sample_is_stopped_or_warned(
    compiled_marts: CompiledMarts, tmp_path: Path, seed: int, size: int
) -> None:
    runs = landed_runs(tmp_path, seed, 10 * DAY, size)
    commits = [f"2026-06-01 {hour:02}:00:00Z" for hour in range(RUNS + 1)]
    connection = compiled_marts.build(next(runs), commits)
    for number, events in enumerate(runs, 1):
        compiled_marts.build_with(connection, events)
        found = findings_of(connection)
        assert [text for weight, text in found if weight is not Weight.USUAL] == [], f"run {number}"
        publish(connection)


def publish(connection: duckdb.DuckDBPyConnection) -> None:
    for file in SUITES.glob("*.yaml"):
        mart = yaml.safe_load(file.read_text())["name"]
        connection.execute(f"CREATE OR REPLACE TABLE published.{mart} AS FROM marts.{mart}")
