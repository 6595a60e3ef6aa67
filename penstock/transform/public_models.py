"""What dbt's words `access: public` promise, and a build must keep: a table that is judged and published.

dbt itself takes the word for any model, and in silence for other nodes. What the gate and publish cannot
serve is refused here, before anything is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.core.errors import DeclarationError
from penstock.core.settings import Settings
from penstock.transform.configured import configured_error
from penstock.transform.marts import mart_of

_TABLES = ("table", "incremental")  # how dbt makes what can be judged, and copied out


def check_public_models(
    settings: Settings, pipeline: str, manifest: dict[str, Any], selected: list[str]
) -> None:
    """All that is public in the parsed project can be published after a build of the nodes `selected`.

    Raises DeclarationError, with file and line, where something cannot.
    """
    project = settings.dbt_project_dir(pipeline)
    for node in sorted(_public(manifest), key=lambda node: str(node["name"])):
        _check_served(node, project, pipeline, selected)
        mart_of(node, project, {}, pipeline)


def _public(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that is declared as public, also what is disabled, or of a kind of which dbt says nothing."""
    disabled = (node for nodes in manifest["disabled"].values() for node in nodes)
    for node in [*manifest["nodes"].values(), *disabled]:
        if "public" in (node.get("access"), node.get("config", {}).get("access")):
            yield node


def _check_served(node: dict[str, Any], project: Path, pipeline: str, selected: list[str]) -> None:
    """The gate can judge it, and publish can copy it."""
    what = f"the public {node['resource_type']} {node['name']}"
    config = node["config"]

    def refuse(word: str, problem: str, fix: str) -> DeclarationError:
        return configured_error(
            project, node, word, f"{what} {problem}", f"{fix}, or take `access: public` from it"
        )

    if node["resource_type"] != "model":
        raise refuse(
            "access", "cannot be published: only models can",
            "select from it in a public model of the schema marts",
        )  # fmt: skip
    if not config["enabled"]:
        raise refuse("enabled", "is disabled, so that it would vanish from what BI reads", "enable it")
    if node["language"] != "sql":
        raise refuse(
            "access", f"is written in {node['language']}, and dbt holds no contract on that",
            "select from it in a public model in SQL",
        )  # fmt: skip
    if config["materialized"] not in _TABLES:
        raise refuse(
            "materialized",
            f"is materialized as '{config['materialized']}': only tables are judged and copied out",
            "configure `materialized: table` or `incremental`",
        )
    if node["version"] is not None:
        raise refuse(
            "versions", "has versions: BI reads one table by one name", "give each version a model of its own"
        )
    if node["database"] != pipeline:
        raise refuse(
            "database", f"lies in the database {node['database']}, not in the warehouse",
            "take `database` from its configuration",
        )  # fmt: skip
    if node["unique_id"] not in selected:
        raise refuse(
            "access", f"is not built: `select` of the pipeline {pipeline} leaves it out", "select it, too"
        )
