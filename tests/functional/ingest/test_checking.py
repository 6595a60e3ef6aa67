"""The compiled contract against a plain model of the rules in Python (`json`, `decimal`, `datetime`)."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.ingest.things import GOOD, Checker, raw


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, "tombstone"),
        (b"", "empty"),
        (b" ", "json"),
        (b"\xff{}", "utf8"),
        (b"{", "json"),
        (b"\xef\xbb\xbf{}", "json"),
        (b"[1]", "object"),
        (b'"x"', "object"),
        (b"3", "object"),
        (b"null", "null"),
        (b" null\n", "null"),
        (b"nulls", "json"),
        (b'"null"', "object"),
        (raw(x="NaN"), "json"),
        (raw(x="-Infinity"), "json"),
        (raw(x="[1,]"), "json"),
        (raw()[:-1] + b",}", "json"),
        (raw(x='"\\ud800"'), "json"),
        (raw(x="01"), "json"),
        (raw() + b"x", "json"),
        (raw(x='"\x01"'), "json"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "depth"),
        (b"[" * 100_000 + b"]" * 100_000, "depth"),
        (raw(x="[" * 128 + "]" * 128), "depth"),
        (raw(x='[{"y":' * 64 + "1" + "}]" * 64), "depth"),
        (raw(x='"' + "x" * 9_000_000 + '"'), "size"),
        (raw()[:-1] + b',"number":1}', "duplicateKey"),
        (raw(x='{"y":{"z":1,"z":1}}'), "duplicateKey"),
    ],
)
def test_an_event_that_cannot_be_read_is_rejected_whole(
    checker: Checker, value: bytes | None, rule: str
) -> None:
    assert [(field, found) for field, found, _ in checker.reasons(value)] == [(None, rule)]


@pytest.mark.parametrize(
    ("field", "token", "rule", "found"),
    [
        ("number", '"1"', "type", '"1"'),
        ("number", "1.0", "type", "1.0"),
        ("number", "1e3", "type", "1e3"),
        ("number", "9223372036854775808", "overflow", None),
        ("number", "true", "type", None),
        ("number", "null", "required", "null"),
        ("number", "[1]", "type", "[1]"),
        ("small", "1001", "maximum", "1001"),
        ("small", "2147483648", "overflow", None),
        ("amount", "1.234", "scale", "1.234"),
        ("amount", "-0.01", "minimum", "-0.01"),
        ("amount", "1.230000000000000000001", "scale", None),
        ("amount", "1e-400", "scale", "1e-400"),
        ("amount", "12345678901", "overflow", None),
        ("amount", "1e400", "overflow", "1e400"),
        ("amount", f"1{'0' * 400}e-4000", "scale", f"1{'0' * 199}"),
        ("amount", '"1.00"', "type", None),
        ("amount", "9999999999.994999999999999999999", "scale", None),
        ("share", "1.0", "overflow", None),
        ("share", "0.000001", "scale", None),
        ("happened", '"2024-02-30T00:00:00Z"', "timestamp", None),
        ("happened", '"2024-01-01T24:00:00Z"', "timestamp", None),
        ("happened", '"2024-01-01T00:00:60Z"', "timestamp", None),
        ("happened", '"2024-01-01T00:00:00"', "timestamp", None),
        ("happened", '"2024-01-01T00:00:00.1234567Z"', "timestamp", None),
        ("happened", '"2024-01-01T00:00:00.1234560001Z"', "timestamp", None),
        ("happened", f'"2024-01-01T00:00:00.{"0" * 29}1Z"', "timestamp", None),
        ("happened", '"2024-01-01T00:00:00.123456000"', "timestamp", None),
        ("local", '"2024-07-01T12:00:00.000000100"', "timestamp", None),
        ("happened", "1714564800", "type", None),
        ("happened", '"0000-12-31T00:00:00Z"', "timestamp", None),
        ("happened", '"9999-12-31T23:59:59-01:00"', "timestamp", None),
        ("local", '"2024-03-31T02:30:00"', "timestamp", None),
        ("local", '"2024-10-27T02:30:00"', "timestamp", None),
        ("island", '"2024-04-07T01:45:00"', "timestamp", None),  # these clocks change by half an hour
        ("island", '"2024-10-06T02:15:00"', "timestamp", None),
        ("day", '"2023-02-29"', "date", None),
        ("day", '"2024-1-1"', "date", None),
        ("flag", '"true"', "type", None),
        ("flag", "1", "type", None),
        ("code", '"a"', "minLength", '"a"'),
        ("code", '"abcde"', "maxLength", None),
        ("code", '"1ab"', "pattern", None),
        ("kind", '"c"', "enum", '"c"'),
        ("thing_id", "5", "type", "5"),
        ("visit", '"{72d76fde-8bb3-4e00-8c23-a032dfed738c}"', "uuid", None),
        ("visit", '"72d76fde8bb34e008c23a032dfed738c"', "uuid", None),
        ("visit", '"72d76fde-8bb3-4e00-8c23-a032dfed738g"', "uuid", None),
        ("visit", '""', "uuid", None),
        ("visit", "72", "type", "72"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named_with_rule_and_value(
    checker: Checker, field: str, token: str, rule: str, found: str | None
) -> None:
    assert checker.reasons(raw(**{field: token})) == [(field, rule, token if found is None else found)]


def test_all_reasons_are_reported_at_once(checker: Checker) -> None:
    reasons = checker.reasons(raw(number="null", amount="-1", kind='"c"', code='"1"'))
    assert [(field, rule) for field, rule, _ in reasons] == [
        ("number", "required"),
        ("amount", "minimum"),
        ("code", "minLength"),
        ("code", "pattern"),
        ("kind", "enum"),
    ]


@pytest.mark.parametrize(
    ("field", "token", "value"),
    [
        ("number", "-0", 0),
        ("visit", '"72D76fde-8bb3-4e00-8c23-a032dfed738c"', "72d76fde-8bb3-4e00-8c23-a032dfed738c"),
        ("number", "-9223372036854775808", -(2**63)),
        ("number", "9223372036854775807", 2**63 - 1),
        ("number", "1000000000000000001", 10**18 + 1),
        ("number", "-9007199254740993", -(2**53) - 1),
        ("amount", "-0.0", Decimal("0.00")),
        ("amount", "1E3", Decimal("1000.00")),
        ("amount", "35.790", Decimal("35.79")),
        ("amount", "1.5E+1", Decimal("15.00")),
        ("amount", "0e-400", Decimal("0.00")),
        ("amount", "9999999999.99000000000000000000", Decimal("9999999999.99")),
        ("amount", "12345678.9e1", Decimal("123456789")),
        ("amount", f"0.{'0' * 500}1e502", Decimal("10.00")),
        (
            "happened",
            '"2024-01-01t12:00:00.5+05:30"',
            dt.datetime(2024, 1, 1, 6, 30, 0, 500_000, tzinfo=dt.UTC),
        ),
        ("happened", '"2024-01-01T12:00:00.123456000Z"', dt.datetime(2024, 1, 1, 12, 0, 0, 123456, dt.UTC)),
        (
            "happened",
            '"2024-01-01T12:00:00.120000000-00:00"',
            dt.datetime(2024, 1, 1, 12, 0, 0, 120000, dt.UTC),
        ),
        (
            "happened",
            f'"2024-01-01 12:00:00.5{"0" * 29}z"',
            dt.datetime(2024, 1, 1, 12, 0, 0, 500000, dt.UTC),
        ),
        ("happened", f'"2024-01-01T12:00:00.{"0" * 30}+00:00"', dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)),
        (
            "happened",
            '"9999-12-31T23:59:59.999999000Z"',
            dt.datetime(9999, 12, 31, 23, 59, 59, 999999, dt.UTC),
        ),
        ("local", '"2024-07-01T12:00:00.000001000"', dt.datetime(2024, 7, 1, 10, 0, 0, 1, dt.UTC)),
        ("local", '"2024-07-01T12:00:00"', dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)),
        ("local", '"2024-07-01T12:00:00Z"', dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)),
        ("local", '"2024-10-27T01:59:59"', dt.datetime(2024, 10, 26, 23, 59, 59, tzinfo=dt.UTC)),
        ("local", '"2024-10-27T03:00:00"', dt.datetime(2024, 10, 27, 2, tzinfo=dt.UTC)),
        ("island", '"2024-04-07T02:00:00"', dt.datetime(2024, 4, 6, 15, 30, tzinfo=dt.UTC)),
        ("island", '"2024-04-07T01:29:59"', dt.datetime(2024, 4, 6, 14, 29, 59, tzinfo=dt.UTC)),
        ("day", '"2024-02-29"', dt.date(2024, 2, 29)),
        ("flag", "false", False),
        ("thing_id", '"\\u00e9\\u0000\\"\\ud83d\\ude00"', 'é\0"😀'),
        ("code", "null", None),
    ],
)
def test_a_good_value_is_typed_as_it_was_sent(checker: Checker, field: str, token: str, value: Any) -> None:
    (row,) = checker(raw(**{field: token}))
    assert row["reasons"] is None
    assert row[field] == value


def test_fields_that_the_contract_does_not_name_keep_their_text(checker: Checker) -> None:
    unknown = '"x":1.10,"we\\"ird/~.name":{"a":[1e400,12345678901234567890.5,"7"]},"":null,"y":"$#\\"1\\""'
    (row,) = checker(raw()[:-1] + b"," + unknown.encode() + b"}")
    assert row["_unknown"] == "{" + unknown + "}"


def test_a_bad_event_does_not_touch_its_neighbours(checker: Checker) -> None:
    bad = [None, b"\xff", b"{", raw(number="x"), b"[" * 100_000, raw(number='"1"')]
    rows = checker(
        *(
            value
            for pair in zip(bad, [raw(number=str(n)) for n in range(len(bad))], strict=True)
            for value in pair
        )
    )
    assert [row["number"] for row in rows if row["reasons"] is None] == list(range(len(bad)))
    assert sum(row["reasons"] is not None for row in rows) == len(bad)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
number_texts = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
near_numbers = (
    number_texts | st.integers(-(2**64), 2**64).map(str) | st.decimals(0, 10_000, places=2).map(str)
)


@given(st.lists(near_numbers, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_numbers_are_exact_or_rejected(checker: Checker, texts: list[str]) -> None:
    rows = checker(*(raw(number=text, amount=text) for text in texts))
    for text, row in zip(texts, rows, strict=True):
        rules = {reason["field"] for reason in row["reasons"] or []}
        is_integer = re.fullmatch(r"-?[0-9]+", text) is not None and -(2**63) <= int(text) < 2**63
        assert ("number" not in rules) == is_integer, (text, row)
        exact = Decimal(text)
        fits = exact == 0 or (0 <= exact < 10**10 and exact == round_to_cents(exact))
        assert ("amount" not in rules) == fits, (text, row)
        if is_integer:
            assert row["number"] == int(text)
        if fits:
            assert row["amount"] == exact


def round_to_cents(exact: Decimal) -> Decimal:
    import decimal

    with decimal.localcontext(prec=60):
        return exact.quantize(Decimal("0.01"), rounding=decimal.ROUND_DOWN)


@given(st.lists(st.dictionaries(st.text(max_size=6), json_values, max_size=5), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_the_contract_does_not_name_comes_back_as_it_was(
    checker: Checker, objects: list[dict[str, Any]]
) -> None:
    named = {field.key for field in checker.compiled.contract.fields}
    unknown = [{key: value for key, value in one.items() if key not in named} for one in objects]
    rows = checker(*(json.dumps(GOOD | one, ensure_ascii=False).encode() for one in unknown))
    assert all(row["reasons"] is None for row in rows)
    assert [json.loads(row["_unknown"] or "{}") for row in rows] == unknown


JSON_LETTERS = '{}[]":,0123456789.eE-+ntfaul \\u'
bytes_of_any_kind = st.binary(max_size=60) | st.text(alphabet=JSON_LETTERS, max_size=60).map(str.encode)


@given(st.lists(bytes_of_any_kind, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_bytes_crash_the_judgement_and_json_is_what_rfc_8259_says(
    checker: Checker, values: list[bytes]
) -> None:
    for value, row in zip(values, checker(*values), strict=True):
        assert row["reasons"], "no such bytes hold a whole event"
        unreadable = {reason["rule"] for reason in row["reasons"]} & {"json", "utf8", "empty"}
        assert bool(unreadable) == (not is_rfc_8259(value)), value


def is_rfc_8259(value: bytes) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        parsed = json.loads(value.decode(), parse_constant=refuse)
        json.dumps(parsed, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError):
        return False
    return True
