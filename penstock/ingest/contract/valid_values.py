"""Which texts a field may hold: ODCS 3.1's quality metric `invalidValues`, or 3.2's `enum`.

quality:
  - metric: invalidValues
    arguments: {validValues: [view, cart]}
    mustBe: 0
"""

from __future__ import annotations

from typing import Any

from open_data_contract_standard.model import DataQuality, SchemaProperty

from penstock.core.yaml_file import KeyPath, YamlFile
from penstock.ingest.contract.odcs_words import FOR_PEOPLE


def read_valid_values(yaml_file: YamlFile, at: KeyPath, prop: SchemaProperty) -> tuple[str, ...]:
    """The list that the property names; none where any value will do. Raises DeclarationError for any other
    rule of its quality."""
    lists: list[list[Any]] = [[item.value for item in prop.enum]] if prop.enum else []
    for index, check in enumerate(prop.quality or []):
        lists.append(_list(yaml_file, (*at, "quality", index), str(prop.name), check))
    if len(lists) > 1:
        raise yaml_file.error(
            (*at, "quality"), f"field '{prop.name}' has {len(lists)} lists of valid values", fix="keep one"
        )
    values = lists[0] if lists else []
    is_text = prop.logicalType == "string" and (prop.physicalType or "").strip().upper() != "UUID"
    if values and (not is_text or not all(isinstance(value, str) for value in values)):
        raise yaml_file.error(at, f"field '{prop.name}': only texts can have a list of valid values")
    return tuple(values)


def _list(yaml_file: YamlFile, at: KeyPath, name: str, check: DataQuality) -> list[Any]:
    given = check.model_dump(exclude_none=True)
    said = {word: value for word, value in given.items() if word not in FOR_PEOPLE["DataQuality"]}
    values = (said.pop("arguments", None) or {}).copy()
    wanted = {"metric": "invalidValues", "mustBe": 0}
    usual = {"type": ("library",), "unit": ("rows", "percent")}  # says nothing more
    meant = {word: value for word, value in said.items() if value not in usual.get(word, ())}
    if meant != wanted or set(values) != {"validValues"} or not isinstance(values["validValues"], list):
        raise yaml_file.error(
            at,
            f"field '{name}': landing does not check this quality rule",
            fix="landing checks 'metric: invalidValues' with 'arguments: {validValues: […]}' and "
            "'mustBe: 0'; declare other checks in expectations/",
        )
    if not values["validValues"]:
        raise yaml_file.error(
            at, f"field '{name}': validValues is empty", fix="name what is valid, or take it out"
        )
    return list(values["validValues"])
