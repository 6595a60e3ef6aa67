from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.core.errors import DeclarationError
from penstock.core.settings import Settings
from penstock.transform.artifacts import node_counts, node_failures
from penstock.transform.dbt_messages import first_lines
from penstock.transform.marts import candidate_marts

BINDER_ERROR = "Runtime Error in model a (models/a.sql)\n  Binder Error: no x\n\n  LINE 1: select x\n  ^"
SETTINGS = Settings(Path("/project"), Path("/data"), "local", None)


def result(unique_id: str, status: str = "success", message: str | None = None) -> dict[str, Any]:
    return {"unique_id": unique_id, "status": status, "message": message}


def model(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "unique_id": f"model.shop.{name}", "resource_type": "model", "name": name, "alias": name,
        "access": "public", "schema": "marts", "original_file_path": f"models/{name}.sql", "group": None,
        "description": "All of them.",
        "config": {"contract": {"enforced": True}, "meta": {}},
        "columns": {
            "id": {"name": "id", "data_type": "bigint", "description": "Its name.",
                   "constraints": [{"type": "not_null"}]},
            "size": {"name": "size", "data_type": "decimal(12,2)", "description": "", "constraints": []},
        },
        **changes,
    }  # fmt: skip


def artifacts(
    target: Path,
    results: list[dict[str, Any]],
    nodes: list[dict[str, Any]],
    groups: dict[str, Any] | None = None,
) -> Path:
    (target / "run_results.json").write_text(json.dumps({"results": results, "elapsed_time": 1.23456}))
    manifest = {
        "nodes": {node["unique_id"]: node for node in nodes if node["resource_type"] != "unit_test"},
        "unit_tests": {node["unique_id"]: node for node in nodes if node["resource_type"] == "unit_test"},
        "groups": groups or {},
    }
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


def test_counts_nodes_by_kind(tmp_path: Path) -> None:
    ran = [
        result("model.shop.a"), result("model.shop.b"), result("test.shop.c", "warn"),
        result("test.shop.d", "pass"), result("unit_test.shop.a.e", "pass"),
        result("operation.shop.f"), result("exposure.shop.g", "no-op"),
    ]  # fmt: skip
    counts = node_counts(artifacts(tmp_path, ran, []))
    assert (counts.models, counts.tests, counts.unit_tests, counts.warnings) == (2, 2, 1, 1)
    assert counts.seconds == 1.235


def test_failures_name_node_file_and_error(tmp_path: Path) -> None:
    unit_test = {
        "unique_id": "unit_test.shop.a.says", "resource_type": "unit_test", "name": "says", "model": "a",
        "original_file_path": "models/a.yml",
    }  # fmt: skip
    ran = [
        result("model.shop.a", "error", BINDER_ERROR),
        result("unit_test.shop.a.says", "fail", "actual differs from expected:\n\n@@,b"),
        result("operation.shop.shop-on-run-start-0", "error", "disk full"),
        result("model.shop.b", "skipped"),
    ]  # fmt: skip
    failures, skipped = node_failures(artifacts(tmp_path, ran, [model("a"), unit_test]), tmp_path)
    assert [failure.line for failure in failures] == [
        "model a (models/a.sql) failed: Binder Error: no x",
        "unit test says of model a (models/a.yml) failed: actual differs from expected: @@,b",
        "hook shop.shop-on-run-start-0 failed: disk full",
    ]
    assert skipped == 1


def test_a_long_error_is_cut() -> None:
    assert first_lines("x" * 1000) == "x" * 300 + "…"


def test_a_mart_is_a_public_model_that_was_built(tmp_path: Path) -> None:
    nodes = [model("b"), model("a"), model("inner", access="protected"), model("not_built")]
    ran = [result(f"model.shop.{name}") for name in ("a", "b", "inner")]
    marts = candidate_marts(SETTINGS, "shop", artifacts(tmp_path, ran, nodes), "shop-team")
    assert [mart.name for mart in marts] == ["a", "b"]
    assert marts[0].owner == "shop-team"
    assert [(column.name, column.data_type, column.not_null) for column in marts[0].columns] == [
        ("id", "bigint", True), ("size", "decimal(12,2)", False),
    ]  # fmt: skip


def test_the_model_then_its_group_then_the_pipeline_says_who_owns_a_mart(tmp_path: Path) -> None:
    config = {"contract": {"enforced": True}, "meta": {"owner": "its-own"}}
    nodes = [model("a", group="g", config=config), model("b", group="g"), model("c", group="nameless")]
    groups = {
        "group.shop.g": {"name": "g", "owner": {"name": "the-group"}},
        "group.shop.nameless": {"name": "nameless", "owner": {"email": "them@example.com"}},
    }
    ran = [result(node["unique_id"]) for node in nodes]
    marts = candidate_marts(SETTINGS, "shop", artifacts(tmp_path, ran, nodes, groups), "shop-team")
    assert [mart.owner for mart in marts] == ["its-own", "the-group", "them@example.com"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (model("mart_status"), "'mart_status' cannot name a mart"),
        (model("a", columns={"_id": {"name": "_id"}}), "a: the column name '_id' begins with '_'"),
        (model("a", schema="staging"), "the public model a lies in the schema staging, not in marts"),
        (model("a", config={"contract": {"enforced": False}}), "the public model a has no enforced contract"),
    ],
)
def test_a_public_model_that_cannot_be_published_is_refused(
    broken: dict[str, Any], message: str, tmp_path: Path
) -> None:
    target = artifacts(tmp_path, [result(broken["unique_id"])], [broken])
    with pytest.raises(DeclarationError) as caught:
        candidate_marts(SETTINGS, "shop", target, "shop-team")
    assert caught.value.message.startswith(
        f"/project/dbt_project/shop/models/{broken['name']}.sql: {message}"
    )
