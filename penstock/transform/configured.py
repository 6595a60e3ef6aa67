"""Where a dbt project configures a node: in the node's own file, its YAML, or dbt_project.yml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from penstock.core.errors import DeclarationError
from penstock.core.yaml_file import KeyPath, YamlFile, read_yaml

_KINDS = {"model": "models", "seed": "seeds", "snapshot": "snapshots"}


def configured_error(
    project: Path, node: dict[str, Any], word: str, problem: str, fix: str
) -> DeclarationError:
    """An error about the configuration `word` of the node: at its line, or else in the node's file."""
    file, line = where_configured(project, node, word)
    return DeclarationError(problem, file=file, line=line, fix=fix)


def where_configured(project: Path, node: dict[str, Any], word: str) -> tuple[Path, int | None]:
    """The file and line that configure `word`; what is nearest to the node counts, as for dbt."""
    own = project / str(node["original_file_path"])
    if own.suffix in (".sql", ".py") and own.exists():
        found = re.search(rf"\b{word}['\"]?\s*[=:]", own.read_text(encoding="utf-8", errors="replace"))
        if found:
            return own, found.string.count("\n", 0, found.start()) + 1
    patch = str(node.get("patch_path") or "").partition("://")[2]
    for file, path in ((project / patch, _in_properties), (project / "dbt_project.yml", _in_project)):
        if file.is_file():
            yaml_file = read_yaml(file)
            at = path(yaml_file, node, word)
            if at is not None:
                return file, yaml_file.line(at)
    return own, None


def _in_properties(yaml_file: YamlFile, node: dict[str, Any], word: str) -> KeyPath | None:
    kind = _KINDS.get(node["resource_type"], "models")
    for index, item in enumerate(yaml_file.content.get(kind) or []):
        if item.get("name") == node["name"]:
            for at in ((kind, index, "config", word), (kind, index, word), (kind, index)):
                if at in yaml_file.lines and (word in at or word == "name"):
                    return at
    return None


def _in_project(yaml_file: YamlFile, node: dict[str, Any], word: str) -> KeyPath | None:
    """The deepest of the folders that the node lies in."""
    kind = _KINDS.get(node["resource_type"], "models")
    folders = tuple(node["fqn"])
    for depth in range(len(folders), -1, -1):
        for key in (f"+{word}", word):
            at = (kind, *folders[:depth], key)
            if at in yaml_file.lines:
                return at
    return None
