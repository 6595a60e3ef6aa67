"""A contract is read as ODCS says, and what is wrong in it is told with file, line, value and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.errors import DeclarationError
from penstock.ingest.contract.model import Contract, read_contract
from tests.bare_contract import without_limits

OURS = Path(__file__).resolve().parents[3] / "ingest" / "customer_events.odcs.yaml"


def read_changed(folder: Path, old: str, new: str) -> Contract:
    text = without_limits(OURS.read_text())
    assert old in text
    changed = folder / OURS.name
    changed.write_text(text.replace(old, new, 1))
    return read_contract(changed)


def test_our_contract_lands_the_columns_that_it_declares() -> None:
    contract = read_contract(OURS)
    assert (contract.stream, contract.topic, contract.version) == ("customer_events",) * 2 + ("1.0.0",)
    assert [(field.name, field.sql_type, field.required) for field in contract.fields] == [
        ("event_id", "VARCHAR", True),
        ("event_time", "TIMESTAMPTZ", True),
        ("event_type", "VARCHAR", True),
        ("product_id", "BIGINT", True),
        ("category_id", "BIGINT", True),
        ("category_code", "VARCHAR", False),
        ("brand", "VARCHAR", False),
        ("price", "DECIMAL(12,2)", True),
        ("user_id", "BIGINT", True),
        ("user_session", "VARCHAR", True),
    ]
    assert [field.name for field in contract.fields if field.primary_key] == ["event_id"]


def test_our_contract_limits_ids_times_and_rejects() -> None:
    contract = read_contract(OURS)
    fields = {field.name: field for field in contract.fields}
    assert {name for name, field in fields.items() if ("minimum", 1) in field.bounds} == {
        "product_id", "category_id", "user_id"
    }  # fmt: skip
    assert dict(fields["event_time"].time_limits).keys() == {"maxAhead", "maxBehind"}
    assert contract.reject_limit is not None
    assert (contract.reject_limit.holds(5, 100), contract.reject_limit.holds(6, 100)) == (True, False)


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("required: true", "requird: true", "requird", "did you mean 'required'?"),
        ("minimum: 0", "minimun: 0", "minimun", "did you mean 'minimum'?"),
        ("scope: issues", "scpe: issues", "scpe", "did you mean 'scope'?"),
        ("apiVersion: v3.1.0", "apiVersion: v2.2.2", "apiVersion", "write one of: v3.1.0"),
        ("kind: DataContract", "kind: Contract", "kind: Contract", "'Contract' is not one of"),
        ("DECIMAL(12,2)", "DOUBLE", "DOUBLE", "a number needs an exact type"),
        ("DECIMAL(12,2)", "DECIMAL(40,2)", "DECIMAL(40,2)", "38 at most"),
        ("physicalType: BIGINT", "physicalType: BIGNIT", "BIGNIT", "'integer' lands as one of: BIGINT"),
        ("logicalType: timestamp", "logicalType: time", "logicalType: time", "use one of: string"),
        ("- name: brand", "- name: _brand", "_brand", "kept for Penstock's own names"),
        ("- name: brand", "- name: Brand", "Brand", "lower-case letter"),
        ("- name: brand", "- name: price", "- name: price", "the field 'price' stands twice"),
        ("mustBe: 0", "mustBe: 1", "- metric", "landing does not check this quality rule"),
        ("minimum: 0", "multipleOf: 5", "multipleOf", "landing does not check 'multipleOf'"),
        (
            "  - name: customer_events",
            "  - name: rejects",
            "- name: rejects",
            "Penstock uses that name itself",
        ),
        (
            "  - name: customer_events",
            "  - name: clicks",
            "- name: clicks",
            "rename the file to clicks.odcs.yaml",
        ),
        ("        primaryKey: true\n", "", "properties:", "no field is the primary key"),
    ],
)
def test_what_is_wrong_is_reported_with_line_and_fix(
    tmp_path: Path, old: str, new: str, at: str, message: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_changed(tmp_path, old, new)
    assert message in str(caught.value)
    lines = (tmp_path / OURS.name).read_text().splitlines()
    assert caught.value.line is not None
    assert at in lines[caught.value.line - 1], f"line {caught.value.line} was named"


KINDS = {"number": 'physicalType: "DECIMAL(12,2)", ', "integer": "physicalType: BIGINT, ", "string": ""}


def read_limited(folder: Path, logical_type: str, limits: str) -> Contract:
    field = f"{KINDS[logical_type]}logicalType: {logical_type}, logicalTypeOptions: {{{limits}}}"
    return read_changed(folder, "- name: brand\n", f"- {{name: limited, {field}}}\n      - name: brand\n")


@pytest.mark.parametrize(
    ("logical_type", "limits"),
    [
        ("number", "minimum: 5, maximum: 4.99"),
        ("number", "exclusiveMinimum: 5, maximum: 5"),
        ("integer", "exclusiveMinimum: 5, exclusiveMaximum: 6"),
        ("integer", "minimum: -1, exclusiveMaximum: -1"),
        ("string", "minLength: 3, maxLength: 2"),
    ],
)
def test_limits_that_no_value_keeps_are_refused(tmp_path: Path, logical_type: str, limits: str) -> None:
    with pytest.raises(DeclarationError, match="no value keeps both") as caught:
        read_limited(tmp_path, logical_type, limits)
    assert caught.value.line is not None
    assert limits in (tmp_path / OURS.name).read_text().splitlines()[caught.value.line - 1]


@pytest.mark.parametrize(
    ("logical_type", "limits"),
    [
        ("number", "minimum: 5, maximum: 5"),
        ("number", "exclusiveMinimum: 5, exclusiveMaximum: 5.5"),
        ("integer", "exclusiveMinimum: 5, exclusiveMaximum: 7"),
        ("integer", "exclusiveMinimum: 5, maximum: 6"),
        ("string", "minLength: 3, maxLength: 3"),
    ],
)
def test_limits_that_one_value_keeps_are_taken(tmp_path: Path, logical_type: str, limits: str) -> None:
    assert "limited" in [field.name for field in read_limited(tmp_path, logical_type, limits).fields]


def test_a_bad_pattern_and_a_bad_zone_are_reported(tmp_path: Path) -> None:
    options = "logicalType: string\n        logicalTypeOptions: {pattern: '('}"
    with pytest.raises(DeclarationError, match="bad pattern"):
        read_changed(tmp_path, "logicalType: string", options)
    options = "logicalType: timestamp\n        logicalTypeOptions: {defaultTimezone: Mars}"
    with pytest.raises(DeclarationError, match="unknown time zone 'Mars'"):
        read_changed(tmp_path, "logicalType: timestamp", options)


def test_a_topic_of_another_name_and_the_enum_of_odcs_3_2(tmp_path: Path) -> None:
    assert (
        read_changed(tmp_path, "physicalName: customer_events", "physicalName: web.events").topic
        == "web.events"
    )
    enum = "name: brand\n        enum: [{value: acme}, {value: apple}]"
    brand = next(
        field for field in read_changed(tmp_path, "name: brand", enum).fields if field.name == "brand"
    )
    assert brand.enum == ("acme", "apple")


LIMIT = """quality:
      - metric: invalidValues
        unit: percent
        mustBeLessOrEqualTo: 5
    properties:"""


def test_how_many_rejects_are_too_many_is_read_from_the_quality_of_the_stream(tmp_path: Path) -> None:
    assert read_changed(tmp_path, "version: 1.0.0", "version: 1.0.1").reject_limit is None
    limit = read_changed(tmp_path, "properties:", LIMIT).reject_limit
    assert limit is not None
    assert (limit.holds(5, 100), limit.holds(6, 100), limit.holds(0, 0)) == (True, False, True)
    strict = read_changed(tmp_path, "properties:", LIMIT.replace("OrEqualTo: 5", "Than: 0.5")).reject_limit
    assert strict is not None
    assert (strict.holds(4, 1_000), strict.holds(5, 1_000), strict.holds(0, 10)) == (True, False, True)
    read_changed(tmp_path, "properties:", LIMIT.replace("unit", "dimension: conformity\n        unit"))


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("invalidValues", "rowCount", "metric", "metric is 'rowCount'"),
        ("percent", "rows", "unit", "unit is 'rows'"),
        ("        unit: percent\n", "", "metric", "unit is None"),
        ("mustBeLessOrEqualTo: 5", "mustBe: 5", "mustBe", "does not check 'mustBe' of a stream"),
        ("mustBeLessOrEqualTo: 5", "mustBeLessOrEqualTo: 500", "500", "mustBeLessOrEqualTo is 500"),
        ("mustBeLessOrEqualTo: 5", "mustBeLessOrEqualTo: .nan", ".nan", "mustBeLessOrEqualTo is NaN"),
        ("mustBeLessOrEqualTo", "mustBeLessOrEqulTo", "OrEqulTo", "did you mean 'mustBeLessOrEqualTo'"),
        ("unit:", "severity: warning\n        unit:", "severity", "does not check 'severity' of a stream"),
        ("unit:", "arguments: {validValues: [1]}\n        unit:", "arguments", "does not check 'arguments'"),
        ("    prop", "      - {metric: rowCount, mustBe: 1}\n    prop", "rowCount", "2 quality rules"),
    ],
)  # fmt: skip
def test_a_limit_that_is_not_understood_is_reported(
    tmp_path: Path, old: str, new: str, at: str, message: str
) -> None:
    assert old in LIMIT
    with pytest.raises(DeclarationError) as caught:
        read_changed(tmp_path, "properties:", LIMIT.replace(old, new))
    assert message in str(caught.value)
    assert "Fix: " in str(caught.value)
    lines = (tmp_path / OURS.name).read_text().splitlines()
    assert caught.value.line is not None
    assert at in lines[caught.value.line - 1], f"line {caught.value.line} was named"
