"""Which tables a build offers for publishing: dbt's public models, with the columns that they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.core.build_record import Column, Mart
from penstock.core.errors import DeclarationError
from penstock.core.names import name_problem
from penstock.core.settings import Settings
from penstock.transform.artifacts import group_owners, public_models
from penstock.transform.configured import configured_error

_SCHEMA = "marts"
_NOT_PUBLIC = "or take `access: public` from it"


def candidate_marts(settings: Settings, pipeline: str, target: Path, owner: str) -> list[Mart]:
    """The marts of the build in `target`. `owner` answers for a model that names nobody itself.

    Raises DeclarationError for a public model that cannot be published: wrong schema, a name that is ours, no
    enforced contract.
    """
    owners = group_owners(target)
    project = settings.dbt_project_dir(pipeline)
    return [mart_of(node, project, owners, owner) for node in public_models(target)]


def mart_of(node: dict[str, Any], project: Path, owners: dict[str, str], pipeline_owner: str) -> Mart:
    """The mart that a public model offers. Raises DeclarationError where it cannot be published."""
    name = str(node["alias"])
    if problem := name_problem("mart", name):
        word = "alias" if node["config"].get("alias") else "name"
        raise configured_error(project, node, word, problem, f"rename the model, {_NOT_PUBLIC}")
    if node["schema"] != _SCHEMA:
        raise configured_error(
            project, node, "schema",
            f"the public model {name} lies in the schema {node['schema']}, not in {_SCHEMA}",
            f"configure `schema: {_SCHEMA}`, {_NOT_PUBLIC}",
        )  # fmt: skip
    if not node["config"]["contract"]["enforced"]:
        raise configured_error(
            project, node, "contract",
            f"the public model {name} has no enforced contract, so its columns are not known",
            "configure `contract: {enforced: true}` and list its columns with their types",
        )  # fmt: skip
    file = project / str(node["original_file_path"])
    columns = tuple(_column(column, name, file) for column in node["columns"].values())
    owner = node["config"].get("meta", {}).get("owner") or owners.get(node["group"] or "") or pipeline_owner
    return Mart(name, str(node["description"]), str(owner), columns)


def _column(column: dict[str, Any], mart: str, file: Path) -> Column:
    name = str(column["name"])
    if problem := name_problem("column", name):
        raise DeclarationError(
            f"{mart}: {problem}", file=file, fix="rename the column in the model and its YAML"
        )
    constraints = {str(constraint["type"]) for constraint in column["constraints"]}
    return Column(
        name,
        str(column["data_type"]),
        str(column["description"]),
        bool(constraints & {"not_null", "primary_key"}),
    )
