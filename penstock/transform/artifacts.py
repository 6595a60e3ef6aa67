"""What dbt's own files say of a build: `manifest.json` what is declared, `run_results.json` what happened."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.core.build_record import NodeCounts
from penstock.transform.dbt_messages import dbt_error, first_lines

_KINDS = {"unit_test": "unit test", "operation": "hook"}


@dataclass(frozen=True)
class Failure:
    """A node that failed. `line` is one line for people, `text` all that dbt said; `place` the file, and the
    line, where they are known."""

    name: str
    line: str
    text: str
    place: str


def node_counts(target: Path) -> NodeCounts:
    """Count what the build in `target` ran."""
    run = _read(target, "run_results.json")
    kinds = Counter(_kind(result["unique_id"]) for result in run["results"])
    warnings = sum(result["status"] == "warn" for result in run["results"])
    return NodeCounts(
        models=kinds["model"],
        tests=kinds["test"],
        unit_tests=kinds["unit_test"],
        warnings=warnings,
        seconds=round(float(run["elapsed_time"]), 3),
    )


def node_failures(target: Path, project: Path) -> tuple[list[Failure], int]:
    """The nodes of `project` that failed, in the order in which dbt ended them, and how many were skipped for
    it."""
    results = _read(target, "run_results.json")["results"]
    manifest = _read(target, "manifest.json")
    declared = manifest["nodes"] | manifest["unit_tests"]
    failures = []
    for result in results:
        if result["status"] not in ("error", "fail", "runtime error"):
            continue
        node = declared.get(result["unique_id"], {})
        name = node.get("name") or result["unique_id"].split(".", 1)[1]
        kind = _kind(result["unique_id"])
        tested = f" of model {node['model']}" if kind == "unit_test" else ""
        text = result["message"] or "dbt gives no reason"
        file = str(node.get("original_file_path") or "").removeprefix("./")
        error = dbt_error(text, project, node=f"{_KINDS.get(kind, kind)} {name}{tested}", file=file)
        failures.append(Failure(name, f"{error.where} failed: {first_lines(text)}", text, error.place))
    return failures, sum(result["status"] == "skipped" for result in results)


def public_models(target: Path) -> list[dict[str, Any]]:
    """The manifest's nodes of the models with `access: public` that this build built, by name."""
    built = {result["unique_id"] for result in _read(target, "run_results.json")["results"]}
    nodes = _read(target, "manifest.json")["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and node["unique_id"] in built]
    return sorted((node for node in models if node["access"] == "public"), key=lambda node: str(node["name"]))


def group_owners(target: Path) -> dict[str, str]:
    """The owner of each dbt group, by the group's name. A group may name its owner by e-mail address only."""
    groups = _read(target, "manifest.json")["groups"].values()
    owners = {
        str(group["name"]): group["owner"].get("name") or group["owner"].get("email") for group in groups
    }
    return {name: str(owner) for name, owner in owners.items() if owner}


def manifest_of(target: Path) -> dict[str, Any]:
    """All that is declared, as dbt has parsed it."""
    manifest: dict[str, Any] = _read(target, "manifest.json")
    return manifest


def invocation_of(target: Path) -> str:
    """dbt's own name for the build."""
    return str(_read(target, "run_results.json")["metadata"]["invocation_id"])


def _kind(unique_id: str) -> str:
    return unique_id.split(".", 1)[0]


def _read(target: Path, name: str) -> Any:
    return json.loads((target / name).read_bytes())
