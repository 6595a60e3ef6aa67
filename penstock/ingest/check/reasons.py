"""Why an event is a reject, as SQL: every reason, as STRUCT(field, rule, found)[].

What a field's rules give is first a list of numbers: one for each rule of each field, NULL where the rule is
kept. Only those that are left become reasons, so that what was found is looked up for few.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock.core.duckdb_file import literal
from penstock.ingest.check.field_rules import (
    RECORD_TIMESTAMP,
    column,
    is_number,
    json_path,
    rules,
    whole_part,
)
from penstock.ingest.check.tombstones import TOMBSTONE
from penstock.ingest.contract.model import Field

_LONGEST_FOUND = 200  # characters of the value that a reason quotes
_KAFKA_SAYS = f"' (Kafka''s timestamp: ' || {RECORD_TIMESTAMP}::VARCHAR || ')'"
_EXCERPT = f"left(coalesce(json_text, ''), {_LONGEST_FOUND})"


def event_reason(longest: int) -> str:
    """Why an event cannot be split into fields at all. `longest`: bytes that it may have."""
    return f"""CASE
            WHEN value IS NULL THEN {_reason(TOMBSTONE, "'no value'")}
            WHEN octet_length(value) = 0 THEN {_reason("empty", "''")}
            WHEN octet_length(value) > {longest} THEN {_reason("size", "octet_length(value) || ' bytes'")}
            WHEN json_text IS NULL THEN {_reason("utf8", f"left(value::VARCHAR, {_LONGEST_FOUND})")}
            WHEN NOT is_json THEN {_reason("json", _EXCERPT)}
            WHEN is_too_deep THEN {_reason("depth", _EXCERPT)}
            WHEN trim(json_text, E' \\t\\r\\n') = 'null' THEN {_reason("null", _EXCERPT)}
            ELSE {_reason("object", _EXCERPT)}
        END"""


def repeated_key_reason() -> str:
    """The reason of an event that has a key twice."""
    return _reason("duplicateKey", "coalesce(first_repeated(keys), 'in an inner object')")


def _reason(rule: str, found: str) -> str:
    """A reason of the event as a whole."""
    return f"{{'field': NULL::VARCHAR, 'rule': {literal(rule)}, 'found': {found}}}"


def field_reasons(fields: Sequence[Field]) -> str:
    """Every reason of an event's fields. `fields` in the order of `tokens`."""
    numbers, broken = [], list(_broken_rules(fields))
    for group in sorted({one.group for one in broken}):
        cases = [
            f"WHEN {one.condition} THEN {n}" for n, one in enumerate(broken, start=1) if one.group == group
        ]
        numbers.append(f"CASE {' '.join(cases)} END")
    token = f"tokens[{_of([one.token for one in broken])}[n]]::VARCHAR"
    prefix = f"{_of([literal(_prefix(fields[one.token - 1])) for one in broken])}[n]"
    path = f"{_of([json_path(fields[one.token - 1]) for one in broken])}[n]"
    near = [n for n, one in enumerate(broken, start=1) if one.rule in ("maxAhead", "maxBehind")]
    kafka = f" || CASE WHEN n IN ({', '.join(map(str, near))}) THEN {_KAFKA_SAYS} ELSE '' END" if near else ""
    return f"""list_transform(
                list_filter([{", ".join(numbers)}], lambda n: n IS NOT NULL),
                lambda n: {{
                    'field': {_of([literal(fields[one.token - 1].name) for one in broken])}[n],
                    'rule': {_of([literal(one.rule) for one in broken])}[n],
                    'found': {prefix} || CASE
                        WHEN {token} IS NULL THEN 'missing'
                        ELSE left(as_sent({token}, json_text, {path}), {_LONGEST_FOUND})
                    END{kafka}
                }}
            )"""


@dataclass(frozen=True)
class _BrokenRule:
    """A rule that a field may break. Of a group only the first whose condition holds is reported."""

    rule: str
    condition: str
    token: int  # the field's number
    group: int


def _broken_rules(fields: Sequence[Field]) -> Iterator[_BrokenRule]:
    group = 0
    for number, field in enumerate(fields, start=1):
        raw, value = column("raw", field), column("value", field)
        is_missing = f"coalesce({raw}, 'null') = 'null'"
        if field.required:
            yield _BrokenRule("required", is_missing, number, group)
            has_none = f"{value} IS NULL"
        else:
            has_none = f"{value} IS NULL AND NOT {is_missing}"
        for rule, condition in _type_rules(field):
            yield _BrokenRule(rule, f"{has_none} AND {condition}", number, group)
        group += 1
        for rule, condition in rules(field):
            yield _BrokenRule(rule, f"NOT ({condition})", number, group)
            group += 1


def _type_rules(field: Field) -> list[tuple[str, str]]:
    """(rule, condition) for each part of the type that a token may break; the first that holds says it."""
    raw = column("raw", field)
    if field.kind == "integer":
        return [("overflow", f"regexp_full_match({raw}, '-?[0-9]+')"), ("type", "true")]
    if field.kind == "decimal":
        fits = rf"regexp_matches({column('number', field)}, '^-?{whole_part(field)}(\.|$)')"
        return [("type", f"NOT {is_number(raw)}"), ("scale", fits), ("overflow", "true")]
    if field.kind in ("timestamp", "date", "uuid"):
        return [(field.kind, f"starts_with({raw}, '\"')"), ("type", "true")]
    return [("type", "true")]


def _prefix(field: Field) -> str:
    """The key that stands before what was found, where it is not the field's name."""
    return "" if field.physical_name is None else json.dumps(field.key, ensure_ascii=False) + ": "


def _of(items: Sequence[object]) -> str:
    return "[" + ", ".join(map(str, items)) + "]"
