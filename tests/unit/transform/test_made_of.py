"""What runs before all models counts for each of them: it makes macros of DuckDB's, and sets settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.transform.made_of import Project


def node(kind: str, name: str, package: str, code: str, tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "resource_type": kind, "name": name, "package_name": package, "raw_code": code, "tags": list(tags),
        "original_file_path": "./dbt_project.yml", "config": {}, "columns": {}, "depends_on": {"nodes": []},
    }  # fmt: skip


def made_of(hook: str, package: str = "shop", moment: str = "on-run-start") -> dict[str, str]:
    nodes = {
        "model.shop.m": node("model", "m", "shop", "select usd(1)"),
        "operation.h": node("operation", f"{package}-{moment}-0", package, hook, (moment,)),
    }
    return Project({"nodes": nodes, "sources": {}, "macros": {}}, Path()).made_of("model.shop.m")


def test_a_hook_before_all_models_counts() -> None:
    one, other = (made_of(f"create or replace macro usd(x) as x * {rate}") for rate in (1, 2))
    assert one != other
    assert "the hook shop-on-run-start-0 (./dbt_project.yml)" in one


def test_our_own_hook_and_one_after_all_models_do_not() -> None:
    assert made_of("a", package="penstock_shared") == made_of("b", package="penstock_shared")
    assert made_of("a", moment="on-run-end") == made_of("b", moment="on-run-end")
