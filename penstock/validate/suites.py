"""What must hold of each mart: `expectations/<pipeline>/<mart>.yaml`, in Great Expectations' own suite form.

Only the form is checked here, without Great Expectations (its import takes seconds): the keys, and that every
public mart has exactly one suite. `expectations.py` checks the expectations themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.core.declared_files import declared_files
from penstock.core.errors import DeclarationError
from penstock.core.yaml_file import KeyPath, YamlFile, read_yaml, suggestion

# The keys that Great Expectations writes when it saves a suite. An `id` counts in its own stores only.
_SUITE_KEYS = frozenset({"name", "expectations", "meta", "notes", "id"})
_CHECK_KEYS = frozenset({"type", "kwargs", "severity", "meta", "description", "notes", "id"})
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Check:
    """One declared expectation, and where it stands."""

    type: str
    kwargs: dict[str, Any]
    severity: str  # critical blocks; warning and info are reported
    description: str | None
    meta: dict[str, Any] | None
    notes: str | list[str] | None
    yaml: YamlFile
    at: KeyPath

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.yaml.path}:{self.yaml.line(self.at)}"

    def error(self, *path: str | int, message: str, fix: str = "") -> DeclarationError:
        """An error that names the file, and the line of `path` inside this check."""
        return self.yaml.error((*self.at, *path), message, fix=fix)


@dataclass(frozen=True)
class Suite:
    """What must hold of one mart."""

    mart: str
    checks: tuple[Check, ...]
    meta: dict[str, Any] | None
    notes: str | list[str] | None


def read_suites(folder: Path, marts: Iterable[str]) -> tuple[Suite, ...]:
    """One suite per mart, in the order of `marts`, from `folder`.

    Raises DeclarationError: a mart without a suite, a suite without a mart, a suite without a check, or a key
    that a suite does not have.
    """
    names = tuple(marts)
    for file in declared_files(folder, ".yaml", ".yml"):
        if file.stem not in names:
            raise DeclarationError(
                f"a suite for '{file.stem}', which is not a public mart",
                file=file,
                fix=f"{suggestion(file.stem, names)} Or remove the file, or give the model access: public",
            )
        if file.suffix != ".yaml":
            raise DeclarationError("a suite's file ends in .yaml", file=file, fix=f"name it {file.stem}.yaml")
    for name in names:
        if not (folder / f"{name}.yaml").exists():
            raise DeclarationError(
                f"the public mart '{name}' has no suite: nothing is published unchecked",
                file=folder / f"{name}.yaml",
                fix="create it with the checks that must hold, or take access: public from the model",
            )
    return tuple(_read_suite(folder / f"{name}.yaml") for name in names)


def _read_suite(path: Path) -> Suite:
    yaml_file = read_yaml(path)
    content = yaml_file.content
    if not isinstance(content, dict):
        raise yaml_file.error(
            (), "a suite is a mapping of keys", fix=f"known keys: {', '.join(sorted(_SUITE_KEYS))}"
        )
    _refuse_unknown_keys(yaml_file, (), content, _SUITE_KEYS)
    if content.get("name") != path.stem:
        raise yaml_file.error(
            ("name",), f"the name {content.get('name')!r} is not the mart's", fix=f"write name: {path.stem}"
        )
    expectations = content.get("expectations")
    if not isinstance(expectations, list) or not expectations:
        raise yaml_file.error(
            ("expectations",), "a suite without expectations checks nothing", fix="list at least one"
        )
    return Suite(
        mart=path.stem,
        checks=tuple(
            _check(yaml_file, ("expectations", index), item) for index, item in enumerate(expectations)
        ),
        meta=_mapping(yaml_file, (), content, "meta"),
        notes=content.get("notes"),
    )


def _check(yaml_file: YamlFile, at: KeyPath, item: Any) -> Check:
    if not isinstance(item, dict):
        raise yaml_file.error(
            at, f"an expectation is a mapping, not {item!r}", fix="write - type: …, kwargs: …"
        )
    _refuse_unknown_keys(yaml_file, at, item, _CHECK_KEYS)
    kind = item.get("type")
    if not isinstance(kind, str):
        raise yaml_file.error((*at, "type"), "an expectation needs its type", fix="write type: expect_…")
    severity = item.get("severity", "critical")  # Great Expectations' own default
    if severity not in SEVERITIES:
        raise yaml_file.error(
            (*at, "severity"), f"severity is {severity!r}", fix=suggestion(str(severity), SEVERITIES)
        )
    description = item.get("description")
    if description is not None and not isinstance(description, str):
        raise yaml_file.error((*at, "description"), f"description is {description!r}", fix="write a text")
    return Check(
        type=kind,
        kwargs=_mapping(yaml_file, at, item, "kwargs") or {},
        severity=severity,
        description=" ".join(description.split()) if description else None,
        meta=_mapping(yaml_file, at, item, "meta"),
        notes=item.get("notes"),
        yaml=yaml_file,
        at=at,
    )


def _mapping(yaml_file: YamlFile, at: KeyPath, around: dict[str, Any], key: str) -> dict[str, Any] | None:
    value = around.get(key)
    if value is not None and not isinstance(value, dict):
        raise yaml_file.error((*at, key), f"{key} is {value!r}", fix="write a mapping of keys")
    return value


def _refuse_unknown_keys(
    yaml_file: YamlFile, at: KeyPath, content: dict[Any, Any], known: frozenset[str]
) -> None:
    for key in content:
        if key not in known:
            raise yaml_file.error((*at, str(key)), f"unknown key '{key}'", fix=suggestion(str(key), known))
