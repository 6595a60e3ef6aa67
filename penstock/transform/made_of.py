"""What the rows of an incremental model are made of, as far as it is declared: a fingerprint of each part.

An incremental model makes only new rows as its code says now. So all that its code stands on counts: itself,
the models, seeds and macros above it, their configuration and columns, and the variables that they name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from penstock.transform.jinja_code import Code, what_counts

Parts = dict[str, str]  # "models/staging/x.sql" → fingerprint

# Configuration that says how dbt goes about it, or what people read, and changes no row.
_NO_ROWS = frozenset({
    "enabled", "alias", "schema", "database", "tags", "meta", "docs", "group", "access", "persist_docs",
    "full_refresh", "on_schema_change", "on_configuration_change", "static_analysis", "freshness", "grants",
    "packages", "materialized", "contract",
})  # fmt: skip
# Ours, around the rows of a model and never in them.
_OUR_HOOKS = frozenset({"attach_landing", "record_input", "detach_landing", "landing_file"})
_OURS = "penstock_shared"
_DBTS_OWN = frozenset({"dbt", "dbt_duckdb"})


class Project:
    """A parsed dbt project: its manifest, and the folder that it was read from."""

    def __init__(self, manifest: dict[str, Any], folder: Path) -> None:
        self._folder = folder
        self._nodes: dict[str, Any] = manifest["nodes"] | manifest["sources"] | manifest.get("functions", {})
        # What runs before all models may make what they call: a macro or a type of DuckDB's, a setting.
        self._hooks = sorted(
            unique_id
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] == "operation"
            and "on-run-start" in node["tags"]
            and node["package_name"] != _OURS
        )
        self._macros: dict[str, list[dict[str, Any]]] = {}
        for macro in manifest["macros"].values():
            if macro["package_name"] not in _DBTS_OWN and macro["name"] not in _OUR_HOOKS:
                called = macro["name"].split("__", 1)  # default__x answers for x, too
                for name in {macro["name"], called[-1]}:
                    self._macros.setdefault(name, []).append(macro)

    def made_of(self, model: str) -> Parts:
        """The parts of the model with this unique id."""
        parts: Parts = {}
        seen: set[str] = set()
        self._add_node(model, parts, seen)
        for hook in self._hooks:
            self._add_node(hook, parts, seen)
        return parts

    def _add_node(self, unique_id: str, parts: Parts, seen: set[str]) -> None:
        node = self._nodes.get(unique_id)
        if node is None or unique_id in seen:
            return
        seen.add(unique_id)
        if node["resource_type"] == "source":
            parts[f"source {node['source_name']}.{node['name']}"] = _hash(node["relation_name"])
            return
        where = str(node["original_file_path"])
        if node["resource_type"] == "seed":
            parts[where] = self._content(node)
        else:
            code = what_counts(node.get("raw_code") or "")
            hook = node["resource_type"] == "operation"  # several of them stand in one file
            parts[f"the hook {node['name']} ({where})" if hook else where] = _hash(code.text)
            self._add_named(code, parts, seen)
        parts[f"the configuration of {node['name']} ({where})"] = _hash(_configuration(node))
        for above in node["depends_on"].get("nodes", []):
            self._add_node(above, parts, seen)

    def _add_named(self, code: Code, parts: Parts, seen: set[str]) -> None:
        """What the code names: macros, and those that they name; variables, of dbt and of the environment."""
        for macro in [macro for word in code.words for macro in self._macros.get(word, [])]:
            if macro["unique_id"] not in seen:
                seen.add(macro["unique_id"])
                its_code = what_counts(macro["macro_sql"])
                parts[f"the macro {macro['name']} ({macro['original_file_path']})"] = _hash(its_code.text)
                self._add_named(its_code, parts, seen)
        for word, name in zip(code.words, code.words[1:], strict=False):
            if word == "var":
                parts[f"the variable {name} (dbt_project.yml)"] = _hash(
                    list(_values(self._variables(), name))
                )
            elif word == "env_var" and not name.startswith("PENSTOCK_"):
                parts[f"the environment variable {name}"] = _hash(os.environ.get(name))

    def _variables(self) -> Any:
        content = yaml.safe_load((self._folder / "dbt_project.yml").read_text(encoding="utf-8"))
        return content.get("vars") or {}

    def _content(self, seed: dict[str, Any]) -> str:
        """Of the file's bytes: of a large one dbt's own checksum is only that of its path."""
        file = self._folder / seed["original_file_path"]
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else _hash(seed["checksum"])


def _configuration(node: dict[str, Any]) -> Any:
    written = node.get("unrendered_config", {}).keys() - _NO_ROWS  # without dbt's defaults, which may change
    config = {key: value for key, value in node["config"].items() if key in written}
    for moment in ("pre-hook", "post-hook"):
        hooks = [hook["sql"] for hook in node["config"].get(moment, [])]
        config[moment] = [sql for sql in hooks if not _OUR_HOOKS.intersection(what_counts(sql).words)]
    enforced = node["config"].get("contract", {}).get("enforced")
    columns = [
        (column["name"], column["data_type"], sorted(map(json.dumps, column.get("constraints") or [])))
        for column in node["columns"].values()
    ]
    return [config, columns if enforced else []]


def _values(variables: Any, name: str) -> Iterator[Any]:
    """All values of a variable: of the project, and of each package that has its own."""
    for key, value in variables.items() if isinstance(variables, dict) else ():
        if key == name:
            yield value
        elif isinstance(value, dict):
            yield from _values(value, name)


def _hash(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
