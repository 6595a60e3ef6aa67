"""Where a dbt project declares a mart and its columns, for errors that name file and line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.core.errors import DeclarationError
from penstock.core.yaml_file import KeyPath, read_yaml

_OF_DBT = frozenset({"dbt_packages", "target"})  # folders in a project that dbt fills itself


@dataclass(frozen=True)
class Place:
    """A line of a file, counted from 1; None where the whole file is meant."""

    file: Path
    line: int | None


def declared_at(project: Path, mart: str, column: str | None = None) -> Place | None:
    """Where the dbt `project` declares `column` of `mart`; the mart's own place where it names no such column
    (or none is asked for); None where no YAML of the project names the mart."""
    for file in sorted([*project.rglob("*.yml"), *project.rglob("*.yaml")]):
        if _OF_DBT.isdisjoint(file.relative_to(project).parts):
            try:
                yaml_file = read_yaml(file)
            except DeclarationError:
                continue  # not the file that declared what was built
            if (at := _path_of(yaml_file.content, mart, column)) is not None:
                return Place(file, yaml_file.line(at))
    return None


def _path_of(content: Any, mart: str, column: str | None) -> KeyPath | None:
    for index, model in enumerate(_mappings(content, "models")):
        config = model["config"] if isinstance(model.get("config"), dict) else {}
        if mart in (model.get("name"), model.get("alias"), config.get("alias")):
            for number, declared in enumerate(_mappings(model, "columns")):
                if declared.get("name") == column:
                    return ("models", index, "columns", number, "data_type")
            return ("models", index)
    return None


def _mappings(content: Any, key: str) -> list[dict[str, Any]]:
    """The list of mappings under `key`; what is none becomes an empty mapping, so that places stay."""
    found = content.get(key) if isinstance(content, dict) else None
    return [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []
