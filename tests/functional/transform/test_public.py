"""What is public and cannot be served is refused before anything is built, with the line that says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.core.errors import DeclarationError
from penstock.core.settings import Settings
from penstock.transform.public_models import check_public_models

PIPELINE = "shop"
CONTRACT = "contract={'enforced': true}"
PROJECT = """\
name: shop
version: 1.0.0
profile: shop
models:
  shop:
    marts:
      +access: public
      +schema: marts
      +materialized: table
      looks:
        +materialized: view
"""
PROFILE = "shop: {target: w, outputs: {w: {type: duckdb, path: '%s'}}}\n"
SCHEMA = "{% macro generate_schema_name(name, node) %}{{ name or 'main' }}{% endmacro %}\n"
FILES = {
    "marts/ok.sql": "{{ config(%s) }} select 1 as id",
    "marts/ok_too.sql": "{{ config(materialized='incremental', on_schema_change='fail', alias='renamed', %s) }} select 1 as id",  # noqa: E501
    "marts/by_folder/../looks/by_folder.sql": "{{ config(%s) }} select 1 as id",
    "marts/a_view.sql": "{{ config(\n    materialized='view', %s) }} select 1 as id",
    "marts/outside.sql": "{{ config(materialized='external') }} select 1 as id",
    "marts/kept.sql": "{{ config(materialized='materialized_view', %s) }} select 1 as id",
    "marts/switched_off.sql": "{{ config(enabled=false, %s) }} select 1 as id",
    "marts/elsewhere.sql": "{{ config(database='other', %s) }} select 1 as id",
    "marts/staged.sql": "{{ config(schema='staging', %s) }} select 1 as id",
    "marts/ours.sql": "{{ config(alias='mart_status', %s) }} select 1 as id",
    "marts/free.sql": "select 1 as id",
    "marts/py.py": "def model(dbt, session):\n    return session.sql('select 1 as id')\n",
    "marts/versioned_v1.sql": "{{ config(%s) }} select 1 as id",
    "marts/not_selected.sql": "{{ config(%s) }} select 1 as id",
}
YAML = """\
models:
  - name: versioned
    columns: [{name: id, data_type: integer}]
    versions:
      - v: 1
"""
SEED = "seeds:\n  - name: countries\n    config: {access: public}\n"
SNAPSHOT = """\
snapshots:
  - name: history
    relation: ref('ok')
    config:
      access: public
      unique_key: id
      strategy: check
      check_cols: all
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Any]]:
    """A project with one public node of each kind, as dbt has parsed it."""
    root = tmp_path_factory.mktemp("public")
    settings = Settings(root, root / "data", "local", None)
    project = settings.dbt_project_dir(PIPELINE)
    names = sorted(
        Path(name).stem for name in FILES if not name.endswith("_v1.sql") and name.endswith(".sql")
    )
    columns = "".join(
        f"  - name: {name}\n    columns: [{{name: id, data_type: integer}}]\n" for name in names
    )
    files = {
        "dbt_project.yml": PROJECT,
        "profiles.yml": PROFILE % settings.warehouse_file(PIPELINE),
        "macros/generate_schema_name.sql": SCHEMA,
        "models/columns.yml": "models:\n" + columns,
        "models/versioned.yml": YAML,
        "seeds/countries.csv": "code\nde\n",
        "seeds/countries.yml": SEED,
        "snapshots/history.yml": SNAPSHOT,
    } | {f"models/{name}": code.replace("%s", CONTRACT) for name, code in FILES.items()}
    for name, content in files.items():
        path = (project / name).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    words = ["--project-dir", project, "--profiles-dir", project, "--target-path", root / "target"]
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run([dbt, "--log-path", root / "logs", "parse", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return settings, json.loads((root / "target/manifest.json").read_text())


def check(parsed: tuple[Settings, dict[str, Any]], *names: str, selected: bool = True) -> None:
    """Check the project as if these were its only nodes."""
    settings, manifest = parsed
    nodes = {key: node for key, node in manifest["nodes"].items() if node["name"] in names}
    disabled = {key: value for key, value in manifest["disabled"].items() if key.rsplit(".", 1)[-1] in names}
    assert len(nodes) + len(disabled) == len(names)
    small = manifest | {"nodes": nodes, "disabled": disabled}
    check_public_models(settings, PIPELINE, small, list(nodes) if selected else [])


def test_tables_are_served_also_incremental_ones_and_by_another_name(
    parsed: tuple[Settings, dict[str, Any]],
) -> None:
    check(parsed, "ok", "ok_too")


@pytest.mark.parametrize(
    ("name", "where", "told"),
    [
        ("a_view", "models/marts/a_view.sql:2", "the public model a_view is materialized as 'view'"),
        ("by_folder", "dbt_project.yml:11", "is materialized as 'view'"),
        ("outside", "models/marts/outside.sql:1", "is materialized as 'external'"),
        ("kept", "models/marts/kept.sql:1", "is materialized as 'materialized_view'"),
        ("switched_off", "models/marts/switched_off.sql:1", "is disabled"),
        ("elsewhere", "models/marts/elsewhere.sql:1", "lies in the database other, not in the warehouse"),
        ("staged", "models/marts/staged.sql:1", "lies in the schema staging, not in marts"),
        ("ours", "models/marts/ours.sql:1", "'mart_status' cannot name a mart"),
        ("free", "models/marts/free.sql", "has no enforced contract"),
        ("py", "dbt_project.yml:7", "is written in python"),
        ("versioned", "models/versioned.yml:4", "has versions"),
        ("countries", "seeds/countries.yml:3", "the public seed countries cannot be published"),
        ("history", "snapshots/history.yml:5", "the public snapshot history cannot be published"),
    ],
)
def test_what_cannot_be_served_is_refused_at_its_line(
    parsed: tuple[Settings, dict[str, Any]], name: str, where: str, told: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        check(parsed, name)
    project = parsed[0].dbt_project_dir(PIPELINE)
    assert caught.value.message.startswith(f"{project / where}: ")
    assert told in caught.value.message
    assert "`access: public`" in caught.value.fix or name == "free"


def test_a_public_model_that_select_leaves_out_is_refused(parsed: tuple[Settings, dict[str, Any]]) -> None:
    with pytest.raises(DeclarationError, match="`select` of the pipeline shop leaves it out"):
        check(parsed, "not_selected", selected=False)


def test_transform_refuses_before_anything_is_built(
    make_shop: Callable[..., Any], own_project: Path, make_event: Callable[..., Any], tmp_path: Path
) -> None:
    mart = own_project / "dbt_project/customer_events/models/marts/products.sql"
    mart.write_text("{{ config(materialized='view') }}\n" + mart.read_text())
    shop = make_shop(tmp_path / "data", own_project)
    shop.landing.land([make_event("a")])
    done = shop.transform()
    assert done.returncode == 1
    error, fix = done.stderr.splitlines()[-2:]
    assert error.startswith(f"Error: {mart}:1: the public model products is materialized as 'view'")
    assert "`materialized: table`" in fix
    assert not shop.warehouse.exists()
