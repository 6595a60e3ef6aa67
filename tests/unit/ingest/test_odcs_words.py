"""Every word of the standard is heeded, for people, or refused: none is taken and does nothing."""

from __future__ import annotations

import importlib.resources
import json
import re
import typing
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from penstock.core.errors import DeclarationError
from penstock.ingest.contract.model import Contract, read_contract
from penstock.ingest.contract.odcs_words import FOR_PEOPLE, HEEDED, HEEDED_OPTIONS, REFUSED, REFUSED_OPTIONS

DOCS = Path(__file__).resolve().parents[3] / "docs" / "contracts.md"
GOOD: dict[str, Any] = {
    "apiVersion": "v3.2.0", "kind": "DataContract", "id": "clicks", "version": "1.0.0", "status": "active",
    "schema": [
        {
            "name": "clicks",
            "properties": [
                {"name": "id", "logicalType": "string", "primaryKey": True, "required": True},
                {"name": "thing", "logicalType": "string"},
            ],
        }
    ],
}  # fmt: skip


def models() -> dict[str, type[pydantic.BaseModel]]:
    """The standard's models that a contract may use without a refused word."""
    found: dict[str, type[pydantic.BaseModel]] = {}
    waiting: list[type[pydantic.BaseModel]] = [OpenDataContractStandard]
    while waiting:
        model = waiting.pop()
        if model.__name__ in found:
            continue
        found[model.__name__] = model
        for name, field in model.model_fields.items():
            if (field.alias or name) not in REFUSED.get(model.__name__, {}):
                waiting += _within(field.annotation)
    return found


def _within(annotation: Any) -> list[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _within(part)]


@pytest.mark.parametrize("name", sorted(models()))
def test_each_word_of_the_standard_is_in_one_list(name: str) -> None:
    words = sorted(field.alias or word for word, field in models()[name].model_fields.items())
    listed = [*HEEDED.get(name, ()), *FOR_PEOPLE.get(name, ()), *REFUSED.get(name, ())]
    assert sorted(listed) == words, "a word of the standard is new, or in no list, or in two"


def test_no_list_names_a_model_that_is_none() -> None:
    assert set(HEEDED) | set(FOR_PEOPLE) | set(REFUSED) == set(models())


def test_each_option_of_a_logical_type_is_in_one_list() -> None:
    schema = json.loads(
        importlib.resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    )
    seen = set()
    for rule in schema["$defs"]["SchemaBaseProperty"]["allOf"]:
        for logical_type in re.findall(r'"const": "(\w+)"', json.dumps(rule.get("if"))):
            options = rule["then"]["properties"].get("logicalTypeOptions", {}).get("properties", {})
            if logical_type in HEEDED_OPTIONS and options:
                seen.add(logical_type)
                listed = [*HEEDED_OPTIONS[logical_type], *REFUSED_OPTIONS[logical_type]]
                assert sorted(listed) == sorted(options), logical_type
    assert seen == {"string", "date", "timestamp", "integer", "number"}


def test_the_document_shows_the_same_lists() -> None:
    rows = re.findall(r"^\| (\w+) \| (.*) \| (.*) \| (.*) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    shown = {row[0]: [set(re.findall(r"`(\w+)`", cell)) for cell in row[1:]] for row in rows}
    for name, title in (
        ("OpenDataContractStandard", "contract"), ("SchemaObject", "stream"), ("SchemaProperty", "field"),
        ("DataQuality", "quality"), ("EnumValue", "enum"),
    ):  # fmt: skip
        expected = [set(HEEDED[name]), set(FOR_PEOPLE[name]), set(REFUSED.get(name, {}))]
        assert shown[title] == expected, title
    for logical_type, options in HEEDED_OPTIONS.items():
        if options or REFUSED_OPTIONS[logical_type]:
            assert shown[logical_type] == [set(options), set(), set(REFUSED_OPTIONS[logical_type])]


# A value of each refused word that the standard's own schema takes.
SAYING: dict[str, Any] = {
    "servers": [{"server": "s", "type": "kafka", "host": "broker:9092", "format": "json"}],
    "relationships": [{"from": "clicks.id", "to": "things.id"}],
    "unique": True, "partitioned": True, "partitionKeyPosition": 1, "encryptedName": "id_encrypted",
    "transformLogic": "upper(thing)", "transformSourceObjects": ["things"], "transformDescription": "upper",
    "properties": [{"name": "inner", "logicalType": "string"}], "items": {"logicalType": "string"},
    "map": {"key": {"logicalType": "string"}, "value": {"logicalType": "string"}},
}  # fmt: skip


def written(folder: Path, change: Any) -> Path:
    content = json.loads(json.dumps(GOOD))
    change(content)
    file = folder / "clicks.odcs.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return file


def refused(file: Path, at: str) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        read_contract(file)
    assert caught.value.line is not None
    assert at in file.read_text().splitlines()[caught.value.line - 1], str(caught.value)
    assert "Fix: " in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("model", "word"),
    [(model, word) for model, words in REFUSED.items() if model != "DataQuality" for word in words],
)
def test_a_refused_word_is_reported_with_its_line(tmp_path: Path, model: str, word: str) -> None:
    def change(contract: dict[str, Any]) -> None:
        stream = contract["schema"][0]
        thing = stream["properties"][1]
        of = {"OpenDataContractStandard": contract, "SchemaObject": stream, "SchemaProperty": thing}[model]
        of[word] = SAYING[word]
        thing["logicalType"] = {"properties": "object", "items": "array", "map": "map"}.get(word, "string")
        if word == "relationships" and model == "SchemaProperty":
            thing[word] = [{"to": "things.id"}]

    assert f"'{word}'" in refused(written(tmp_path, change), word).message or word == "servers"


@pytest.mark.parametrize("word", sorted(REFUSED["DataQuality"]))
@pytest.mark.parametrize("of_stream", [True, False])
def test_a_refused_word_of_a_quality_rule_is_reported(tmp_path: Path, word: str, of_stream: bool) -> None:
    def change(contract: dict[str, Any]) -> None:
        stream = contract["schema"][0]
        rule: dict[str, Any] = {"metric": "invalidValues"}
        if of_stream:
            rule |= {"unit": "percent", "mustBeLessThan": 5}
        else:
            rule |= {"arguments": {"validValues": ["a"]}, "mustBe": 0}
        if word.startswith("must"):
            rule = {key: value for key, value in rule.items() if not key.startswith("must")}
        values = {"customProperties": [{"property": "p", "value": 1}], "mustBeBetween": [1, 2]}
        values |= {"mustNotBeBetween": [1, 2], "implementation": "x"}
        rule[word] = values.get(word, 5 if word.startswith("must") else "error")
        (stream if of_stream else stream["properties"][1])["quality"] = [rule]

    with pytest.raises(DeclarationError, match=r"clicks\.odcs\.yaml:\d+: "):
        read_contract(written(tmp_path, change))


@pytest.mark.parametrize(
    ("logical_type", "option"),
    [(kind, option) for kind, options in REFUSED_OPTIONS.items() for option in options],
)
def test_a_refused_option_is_reported_with_its_line(tmp_path: Path, logical_type: str, option: str) -> None:
    formats = {"integer": "i64", "number": "f64"}
    bound = "2024-01-01" if logical_type in ("date", "timestamp") else 5
    value = formats.get(logical_type, "email") if option == "format" else bound

    def change(contract: dict[str, Any]) -> None:
        contract["schema"][0]["properties"][1] |= {
            "logicalType": logical_type, "logicalTypeOptions": {option: value},
        }  # fmt: skip

    assert f"'{option}'" in refused(written(tmp_path, change), option).message


def test_what_goes_without_saying_may_be_said(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        contract["schema"][0]["relationships"] = []
        contract["schema"][0]["properties"][1] |= {
            "unique": False, "partitioned": False, "partitionKeyPosition": -1, "semanticType": "dimension",
            "transformSourceObjects": [], "physicalName": "thing", "criticalDataElement": True,
            "classification": "restricted", "examples": ["a"], "primaryKeyPosition": -1,
            "customProperties": [{"property": "penstocks", "value": 1}],
        }  # fmt: skip

    assert isinstance(read_contract(written(tmp_path, change)), Contract)


@pytest.mark.parametrize(
    ("change", "at", "message"),
    [
        ({"semanticType": "measure"}, "semanticType", "landing computes no measure"),
        ({"physicalName": ""}, "physicalName", "is empty"),
        ({"physicalName": "id"}, "physicalName", "is the name of the field 'id'"),
        ({"physicalName": "\ud800"}, "physicalName", "half a surrogate pair"),
        ({"customProperties": [{"property": "penstock.key", "value": 1}]}, "penstock.key", "knows no custom"),
        (
            {"customProperties": [{"property": "penstock.maxAhead", "value": "1 h"}]},
            "penstock.maxAhead",
            "is for times",
        ),
        *(
            (
                {
                    "logicalType": "timestamp",
                    "customProperties": [{"property": "penstock.maxBehind", "value": value}],
                },
                "value",
                f"{value!r}, which is no length of time",
            )
            for value in ("1", 60, "1.5 h", "-1 h", "1 h ", "1 w", "99999999 d", None)
        ),
        (
            {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": False}},
            "timezone",
            "times have no zone",
        ),
        (
            {
                "logicalType": "timestamp",
                "logicalTypeOptions": {"timezone": True, "defaultTimezone": "Etc/UTC"},
            },
            "timezone: true",
            "each time has its own zone",
        ),
        ({"logicalType": "integer", "logicalTypeOptions": {"maximum": float("inf")}}, "maximum", "no bound"),
        ({"physicalType": "UUID", "logicalTypeOptions": {"minLength": 3}}, "minLength", "of a UUID"),
        (
            {"quality": [{"metric": "invalidValues", "arguments": {"validValues": []}, "mustBe": 0}]},
            "metric",
            "validValues is empty",
        ),
        (
            {
                "enum": [{"value": "a"}],
                "quality": [{"metric": "invalidValues", "arguments": {"validValues": ["a"]}, "mustBe": 0}],
            },
            "quality",
            "2 lists of valid values",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_word_that_cannot_be_heeded_as_it_stands_is_reported(
    tmp_path: Path, change: dict[str, Any], at: str, message: str
) -> None:
    file = written(tmp_path, lambda contract: contract["schema"][0]["properties"][1].update(change))
    assert message in refused(file, at).message


@pytest.mark.parametrize("key", ["same", "Id"])
def test_one_key_is_one_field(tmp_path: Path, key: str) -> None:
    def change(contract: dict[str, Any]) -> None:
        for prop in contract["schema"][0]["properties"]:
            prop["physicalName"] = key

    assert "is the key of the field 'thing'" in refused(written(tmp_path, change), "physicalName").message


def test_the_key_of_a_field_is_its_physical_name(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        contract["schema"][0]["properties"][1]["physicalName"] = "theThing"

    assert [(field.name, field.key) for field in read_contract(written(tmp_path, change)).fields] == [
        ("id", "id"), ("thing", "theThing"),
    ]  # fmt: skip
