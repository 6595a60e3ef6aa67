"""The columns that Penstock itself gives to landing may be named in Iceberg, Spark and Snowflake, too."""

from __future__ import annotations

import pytest
from sqlfluff.core import dialect_selector

from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.ingest.landing.schema import create_landing

# Columns of metadata, which Iceberg keeps for itself in every table, and Spark and Snowflake for files.
_METADATA = {
    "_file", "_pos", "_deleted", "_spec_id", "_partition", "_row_id", "_last_updated_sequence_number",
    "_commit_snapshot_id", "_change_type", "_change_ordinal", "_metadata",
}  # fmt: skip


@pytest.fixture
def own_columns(settings: Settings) -> set[str]:
    """Lower-case names of all columns, and of the fields of structs, that no contract declares."""
    contract = load_contract(settings, "customer_events")
    path = settings.landing_file("customer_events")
    create_landing(path, contract, "local")
    with open_duckdb(path, read_only=True) as connection:
        columns = {
            name for (name,) in connection.execute("SELECT column_name FROM duckdb_columns()").fetchall()
        }
    return (columns - {field.name for field in contract.fields}) | {"field", "rule", "found"}


def test_no_column_of_landing_is_one_of_metadata(own_columns: set[str]) -> None:
    assert {"_kafka_partition", "_offset", "replayed_commit"} <= own_columns
    assert own_columns & _METADATA == set()


@pytest.mark.parametrize("engine", ["snowflake", "sparksql", "databricks"])
def test_no_column_of_landing_is_a_reserved_word(own_columns: set[str], engine: str) -> None:
    reserved = {word.lower() for word in dialect_selector(engine).sets("reserved_keywords")}
    assert {"join", "on"} <= reserved
    assert own_columns & reserved == set()
