"""A small shop: a warehouse as `penstock transform` leaves it, suites, and a published version on demand."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from penstock.core.build_record import write_build
from penstock.core.code_version import declarations_hash
from penstock.core.settings import Settings
from tests.records import a_build, a_mart

MARTS = {
    "purchases": ["event_id", "user_id", "price", "brand"],
    "customers": ["user_id", "revenue"],
}


@dataclass
class Shop:
    settings: Settings
    build_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def warehouse(self) -> Path:
        return self.settings.warehouse_file("shop")

    def sql(self, *statements: str) -> None:
        with duckdb.connect(self.warehouse) as connection:
            for statement in statements:
                connection.execute(statement)

    def suite(self, mart: str, *expectations: dict[str, Any], **keys: Any) -> Path:
        path = self.settings.suites_dir("shop") / f"{mart}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"name": mart, "expectations": list(expectations), **keys}
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        self.declared_as_built()
        return path

    def declared_as_built(self) -> None:
        """The build is of the declarations as they are now."""
        declared = declarations_hash(self.settings, "shop", ("orders",))
        self.sql(f"update _penstock.build set declarations_hash = '{declared}'")

    def publish(self, *statements: str) -> None:
        """A published version as publish leaves it: a symlink to a file in the old storage format."""
        file = self.settings.versions_dir("shop") / "1-v1" / "shop.duckdb"
        file.parent.mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute(f"attach '{file}' as version (storage_version 'v1.0.0')")
            connection.execute("use version")
            for statement in statements:
                connection.execute(statement)
        self.settings.marts_link("shop").symlink_to("shop/1-v1/shop.duckdb")

    def verdict(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.settings.verdict_file("shop").read_text(encoding="utf-8"))
        return content


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Ten purchases of five customers, all good, and a suite per mart that holds."""
    project, data = tmp_path / "project", tmp_path / "data"
    shop = Shop(Settings(project=project, data=data, environment="local", bootstrap_servers=None))
    monkeypatch.setenv("PENSTOCK_PROJECT", str(project))
    monkeypatch.setenv("PENSTOCK_DATA", str(data))
    monkeypatch.delenv("PENSTOCK_RUN_ID", raising=False)
    pipeline = shop.settings.pipeline_file("shop")
    pipeline.parent.mkdir(parents=True)
    pipeline.write_text("name: shop\ndescription: A shop.\nowner: sales\nstreams: [orders]\n")
    shop.warehouse.parent.mkdir(parents=True)
    shop.sql(
        "create schema marts",
        "create schema _penstock",
        """create table marts.purchases as
           select 'e' || i as event_id, i % 5 as user_id, (i + 1)::decimal(12, 2) as price, 'apple' as brand
           from range(10) as t (i)""",
        """create table marts.customers as
           select user_id, sum(price) as revenue from marts.purchases group by user_id""",
    )
    with duckdb.connect(shop.warehouse) as connection:
        marts = tuple(a_mart(name, columns) for name, columns in MARTS.items())
        write_build(connection, a_build("shop", build_id=shop.build_id, marts=marts))
    shop.suite(
        "purchases",
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "price", "min_value": 0}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "event_id"}},
    )
    shop.suite("customers", {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "user_id"}})
    return shop
