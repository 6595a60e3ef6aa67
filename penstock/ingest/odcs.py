"""Is a file a valid Open Data Contract Standard (ODCS) contract? Errors say where and what was meant.

Two checks, since each misses something: the standard's own JSON Schema (Bitol's, kept in the package
`open_data_contract_standard`), and a comparison of every key with the standard's models, which gives the
suggestion for a misspelt one.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import types
import typing
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
from open_data_contract_standard.model import OpenDataContractStandard

from penstock.core.yaml_file import KeyPath, YamlFile, read_yaml, suggestion

API_VERSIONS = ("v3.1.0", "v3.2.0")


def read_odcs(path: Path) -> tuple[YamlFile, OpenDataContractStandard]:
    """Read, check and parse an ODCS file. Raises DeclarationError for the first problem, by line."""
    yaml_file = read_yaml(path)
    if not isinstance(yaml_file.content, dict):
        raise yaml_file.error((), "a contract is a mapping of keys", fix="see the ODCS documentation")
    version = yaml_file.content.get("apiVersion")
    if version not in API_VERSIONS:
        raise yaml_file.error(
            ("apiVersion",), f"apiVersion is {version!r}", fix=f"write one of: {', '.join(API_VERSIONS)}"
        )
    _refuse_unknown_keys(yaml_file, yaml_file.content, OpenDataContractStandard, ())
    _refuse_what_the_schema_refuses(yaml_file)
    try:
        return yaml_file, OpenDataContractStandard.model_validate(yaml_file.content)
    except pydantic.ValidationError as exc:
        first = exc.errors()[0]
        raise yaml_file.error(tuple(first["loc"]), f"{first['msg']} (found {first['input']!r})") from exc


def _refuse_unknown_keys(
    yaml_file: YamlFile, value: Any, model: type[pydantic.BaseModel], at: KeyPath
) -> None:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for key, item in value.items():
        if key not in fields:
            raise yaml_file.error((*at, str(key)), f"unknown key '{key}'", fix=suggestion(str(key), fields))
        inner = _model_within(fields[key].annotation)
        if inner is None:
            continue
        if isinstance(item, dict):
            _refuse_unknown_keys(yaml_file, item, inner, (*at, key))
        elif isinstance(item, list):
            for index, element in enumerate(item):
                if isinstance(element, dict):
                    _refuse_unknown_keys(yaml_file, element, inner, (*at, key, index))


def _model_within(annotation: Any) -> type[pydantic.BaseModel] | None:
    """The one model in an annotation such as `list[SchemaProperty] | None`; None where there is none, or
    where several may stand (the JSON Schema judges those)."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) in (typing.Union, list):
        found = {model for part in typing.get_args(annotation) if (model := _model_within(part))}
        return found.pop() if len(found) == 1 else None
    return None


def _refuse_what_the_schema_refuses(yaml_file: YamlFile) -> None:
    errors = sorted(
        _validator().iter_errors(_json_types(yaml_file.content)), key=lambda e: len(e.absolute_path)
    )
    if errors:
        error = jsonschema.exceptions.best_match(errors)
        at = tuple(error.absolute_path)
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            known = error.schema.get("properties", {})
            unknown = next(key for key in error.instance if key not in known)
            raise yaml_file.error((*at, unknown), f"unknown key '{unknown}'", fix=suggestion(unknown, known))
        raise yaml_file.error(at, error.message[:300])


@functools.cache
def _validator() -> Any:
    schema = (
        importlib.resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    )
    return jsonschema.Draft201909Validator(json.loads(schema))


def _json_types(content: Any) -> Any:
    # YAML has dates, JSON has texts.
    return json.loads(json.dumps(content, default=lambda value: value.isoformat()))
