"""Is a file a valid Open Data Contract Standard (ODCS) contract? Errors say where and what was meant.

Two checks, since each misses something: the standard's own JSON Schema (Bitol's, kept in the package
`open_data_contract_standard`), and a comparison of every key with the standard's models, which gives the
suggestion for a misspelt one. A valid word that landing would have to ignore is refused, too (`odcs_words`).
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
from open_data_contract_standard.model import CustomProperty, DataQuality, OpenDataContractStandard

from penstock.core.yaml_file import KeyPath, YamlFile, read_yaml, suggestion
from penstock.ingest.contract.odcs_words import refusal
from penstock.ingest.contract.time_limits import PREFIX, TIME_LIMITS

API_VERSIONS = ("v3.1.0", "v3.2.0")
_OF_A_FIELD = ("schema", "properties", "customProperties", "property")


@dataclass(frozen=True)
class _Word:
    """A key of a contract: where it stands, in which of the standard's models, and its value."""

    at: KeyPath
    model: type[pydantic.BaseModel]
    key: str
    value: Any


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
    _refuse_half_characters(yaml_file, yaml_file.content, ())
    _refuse_unknown_keys(yaml_file)
    _refuse_what_the_schema_refuses(yaml_file)
    _refuse_what_is_not_heeded(yaml_file)
    try:
        return yaml_file, OpenDataContractStandard.model_validate(yaml_file.content)
    except pydantic.ValidationError as exc:
        first = exc.errors()[0]
        raise yaml_file.error(tuple(first["loc"]), f"{first['msg']} (found {first['input']!r})") from exc


def _refuse_unknown_keys(yaml_file: YamlFile) -> None:
    for word in _words(yaml_file.content, OpenDataContractStandard, ()):
        known = _fields(word.model)
        if word.key not in known:
            raise yaml_file.error(word.at, f"unknown key '{word.key}'", fix=suggestion(word.key, known))


def _refuse_what_is_not_heeded(yaml_file: YamlFile) -> None:
    for word in _words(yaml_file.content, OpenDataContractStandard, ()):
        # What a quality rule may say depends on what it is a rule of: its reader refuses the rest.
        found = None if word.model is DataQuality else refusal(word.model.__name__, word.key, word.value)
        if found is not None:
            raise yaml_file.error(word.at, found.why, fix=found.fix)
        if word.model is CustomProperty and word.key == "property" and str(word.value).startswith(PREFIX):
            _refuse_custom_property(yaml_file, word)


def _refuse_custom_property(yaml_file: YamlFile, word: _Word) -> None:
    """One of ours, by its name: only what is known, and where it is heeded."""
    if word.value not in TIME_LIMITS:
        raise yaml_file.error(
            word.at,
            f"Penstock knows no custom property '{word.value}'",
            fix=suggestion(str(word.value), TIME_LIMITS),
        )
    if tuple(step for step in word.at if isinstance(step, str)) != _OF_A_FIELD:
        raise yaml_file.error(
            word.at, f"{word.value} belongs to a field", fix="write it below the field's time"
        )


def _refuse_half_characters(yaml_file: YamlFile, value: Any, at: KeyPath) -> None:
    """YAML writes half a surrogate pair as "\\ud800"; no event in UTF-8 holds one, and no SQL takes it."""
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_half_characters(yaml_file, item, (*at, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_half_characters(yaml_file, item, (*at, index))
    elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise yaml_file.error(
            at,
            f"{value!r} holds half a surrogate pair, which is no text",
            fix='write the character itself, or as one: "\\U0001F600"',
        )


def _words(value: dict[Any, Any], model: type[pydantic.BaseModel], at: KeyPath) -> Iterator[_Word]:
    """Every key, from the outermost in; what is below an unknown one is left out."""
    fields = _fields(model)
    for key, item in value.items():
        yield _Word((*at, str(key)), model, str(key), item)
        inner = _model_within(fields[key].annotation) if key in fields else None
        if inner is None:
            continue
        if isinstance(item, dict):
            yield from _words(item, inner, (*at, key))
        elif isinstance(item, list):
            for index, element in enumerate(item):
                if isinstance(element, dict):
                    yield from _words(element, inner, (*at, key, index))


def _fields(model: type[pydantic.BaseModel]) -> dict[str, pydantic.fields.FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_within(annotation: Any) -> type[pydantic.BaseModel] | None:
    """The one model in an annotation such as `list[SchemaProperty] | None`; None where there is none, or
    where several may stand (the JSON Schema checks those)."""
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
