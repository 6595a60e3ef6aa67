"""What is published has names that other engines take as they are, without quotes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from penstock.publish import ledger, mart_status

REPOSITORY = Path(__file__).resolve().parents[3]
RESERVED = {
    "Iceberg": """
        _change_ordinal _change_type _commit_snapshot_id _deleted _file
        _last_updated_sequence_number _partition _pos _row_id _spec_id
        """,
    "Spark in ANSI mode": """
        _metadata all and any as authorization both case cast check collate column constraint create
        cross current_date current_time current_timestamp current_user distinct else end escape
        except execute false fetch filter for foreign from full grant group having in inner
        intersect into is join lateral leading left natural not null offset on only or order outer
        overlaps percentile_cont percentile_disc primary recursive references right select
        session_user some sql table then time to trailing true union unique unknown user using when
        where with within
        """,
    "Snowflake": """
        account all alter and any as between by case cast check column connect connection constraint
        create cross current current_date current_time current_timestamp current_user database
        delete distinct drop else exists false following for from full grant group gscluster having
        ilike in increment inner insert intersect into is issue join lateral left like localtime
        localtimestamp minus natural not null of on or order organization qualify regexp revoke
        right rlike row rows sample schema select set some start table tablesample then to trigger
        true try_cast union unique update using values view when whenever where with
        """,
}


def example_marts() -> list[str]:
    """The names of the example's public models and of their columns."""
    names = []
    for file in sorted((REPOSITORY / "dbt_project" / "customer_events" / "models" / "marts").glob("*.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
            names += [model["name"], *(column["name"] for column in model["columns"])]
    return names


PUBLISHED = {
    "mart_status": ["mart_status", *(name for name, _, _ in mart_status._COLUMNS)],
    "publications": ["_penstock", "publications", *(name for name, _, _ in ledger._COLUMNS)],
    "the example's marts": example_marts(),
}


@pytest.mark.parametrize("engine", RESERVED)
@pytest.mark.parametrize("published", PUBLISHED)
def test_no_published_name_is_reserved_elsewhere(published: str, engine: str) -> None:
    assert len(PUBLISHED[published]) > 10
    assert set(PUBLISHED[published]) & set(RESERVED[engine].split()) == set()
