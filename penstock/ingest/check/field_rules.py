"""One field of a contract, as SQL: from its JSON token to its typed value, its rules and its reasons.

A working column of the statement is named `_<kind>_<field>`:
    raw      the JSON token as it stands (NULL: missing)
    token    the same, NULL also for a JSON null
    text     the token's text: a string without quotes and escapes
    parts    a decimal's sign, digits and exponent as sent, where the token may not be exact
    number   a decimal's exact number, without exponent
    instant  a timestamp's instant
    value    the typed value; NULL where there is none, or none that says all that was sent
"""

from __future__ import annotations

import json
import math
from decimal import MAX_PREC, Decimal, localcontext
from fractions import Fraction

from penstock.core.duckdb_file import literal, quoted
from penstock.ingest.contract.model import INTEGER_TYPES, Field

LONGEST_FOUND = 200  # characters of the value that a reason quotes

# RFC 3339, at most microseconds, no hour 24, no leap second (no instant of TIMESTAMPTZ stands for one). Zeros
# behind the microseconds say nothing, so they may be there.
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6}0*)?"
_ZONE = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_FIRST_INSTANT, _LAST_INSTANT = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"


def token_columns(field: Field, index: int) -> list[str]:
    """The field's JSON token as it stands, the same with NULL for a JSON null, and its text."""
    columns = [
        f"tokens[{index}]::VARCHAR AS {column('raw', field)}",
        f"nullif(tokens[{index}]::VARCHAR, 'null') AS {column('token', field)}",
        f"texts[{index}] AS {column('text', field)}",
    ]
    if field.kind == "decimal":
        columns.append(f"{_exact_parts(field, f'tokens[{index}]::VARCHAR')} AS {column('parts', field)}")
    return columns


def may_be_inexact_token(index: int) -> str:
    """A condition: a decimal's token may differ from what was sent. yyjson reads a number with a point as a
    double, exact for 15 digits (longer ones: `may_hold_long_number`); exponents, and zeros (1e-400 is
    read as one), are taken from the text."""
    token = f"tokens[{index}]::VARCHAR"
    return f"contains({token}, 'e') OR {token} IN ('0.0', '-0.0')"


def _exact_parts(field: Field, token: str) -> str:
    """The parts of a number as it was sent, where a token of its event may not be exact."""
    return f"""CASE WHEN exact_text IS NOT NULL AND regexp_matches({token}, '^-?[0-9]')
            THEN number_parts(json_extract_string(exact_text, {json_path(field)})) END"""


def prepared_column(field: Field) -> str:
    """What the cast starts from: a decimal's exact number, a timestamp's instant."""
    token, text = column("token", field), column("text", field)
    if field.kind == "decimal":
        parts = column("parts", field)
        number = f"""CASE WHEN {parts} IS NOT NULL THEN plain_number({parts}, number_place({parts}))
            WHEN regexp_matches({token}, '^-?[0-9]') THEN {token} END"""
        return f"{number} AS {column('number', field)}"
    return f"{_instant(field, token, text)} AS {column('instant', field)}"


def _instant(field: Field, token: str, text: str) -> str:
    """The instant of a time that is written as the contract allows, else NULL."""
    zoned = f"TRY_CAST(upper({text}) AS TIMESTAMPTZ)"
    cases = f"WHEN regexp_full_match({text}, {literal(_TIME + _ZONE)}) THEN {zoned}"
    if field.default_timezone is not None:
        local = in_zone(field.default_timezone, f"TRY_CAST(upper({text}) AS TIMESTAMP)")
        cases += f" WHEN regexp_full_match({text}, {literal(_TIME)}) THEN {local}"
    return f"CASE WHEN starts_with({token}, '\"') THEN CASE {cases} END END"


def in_zone(zone: str, local: str) -> str:
    """SQL of the instant of a local time (SQL of a TIMESTAMP). One that the clocks skip or repeat names no
    one instant: NULL."""
    instant = f"timezone({literal(zone)}, {local})"
    back, day_after, day_before = (
        f"timezone({literal(zone)}, {instant} {shift})"
        for shift in ("", "+ INTERVAL 1 DAY", "- INTERVAL 1 DAY")
    )
    moved = f"({day_after} - {day_before} - INTERVAL 2 DAY)"  # by how much the clocks change around then
    others = f"timezone({literal(zone)}, {instant} + {moved}), timezone({literal(zone)}, {instant} - {moved})"
    is_one = f"{moved} = INTERVAL 0 DAY OR {local} NOT IN ({others})"
    return f"CASE WHEN {back} = {local} AND ({is_one}) THEN {instant} END"


def in_years(instant: str) -> str:
    """SQL of an instant (SQL of one) of the years 1 to 9999, of UTC; NULL of any other."""
    years = f"TIMESTAMPTZ {literal(_FIRST_INSTANT)} AND TIMESTAMPTZ {literal(_LAST_INSTANT)}"
    return f"CASE WHEN {instant} BETWEEN {years} THEN {instant} END"


def value_column(field: Field) -> str:
    """The typed value; NULL where the token is missing, null, or does not fit the type without loss."""
    token, text = column("token", field), column("text", field)
    is_text = f"starts_with({token}, '\"')"
    if field.kind == "string":
        value = f"CASE WHEN {is_text} THEN {text} END"
    elif field.kind == "uuid":
        # The way back to text shows braces and missing hyphens, which the cast lets pass.
        cast = f"TRY_CAST({text} AS UUID)"
        value = f"CASE WHEN {is_text} AND {cast}::VARCHAR = lower({text}) THEN {cast} END"
    elif field.kind == "integer":
        # The way back to text shows a point, an exponent or a quote that the cast would hide.
        cast = f"TRY_CAST({token} AS {field.sql_type})"
        value = f"CASE WHEN {cast}::VARCHAR = {token} THEN {cast} END"
    elif field.kind == "decimal":
        number = column("number", field)
        value = f"CASE WHEN {_fits(field)} THEN TRY_CAST({number} AS {field.sql_type}) END"
    elif field.kind == "boolean":
        value = f"CASE {token} WHEN 'true' THEN true WHEN 'false' THEN false END"
    elif field.kind == "date":
        is_date = f"{is_text} AND regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
        value = f"CASE WHEN {is_date} AND NOT starts_with({text}, '0000') THEN TRY_CAST({text} AS DATE) END"
    else:
        value = in_years(column("instant", field))
    return f"{value} AS {column('value', field)}"


def _fits(field: Field) -> str:
    """Does the exact number have no more digits than the type holds, on either side of the point?"""
    decimals = rf"(\.[0-9]{{1,{field.scale}}}0*)?" if field.scale else r"(\.0+)?"
    return f"regexp_full_match({column('number', field)}, '-?{_whole_part(field)}{decimals}')"


def _whole_part(field: Field) -> str:
    """The digits before the point that the type holds, as a pattern."""
    return f"[0-9]{{1,{field.precision - field.scale}}}" if field.precision > field.scale else "0"


def is_good(field: Field) -> str:
    """A condition: the field has a value that fits and keeps every rule, or has none and needs none."""
    value, token = column("value", field), column("token", field)
    checks = " AND ".join([f"{value} IS NOT NULL", *(condition for _, condition in _rules(field))])
    return checks if field.required else f"({token} IS NULL OR ({checks}))"


def has_rules(field: Field) -> bool:
    """Does the contract ask for more than the type?"""
    return bool(_rules(field))


def _rules(field: Field) -> list[tuple[str, str]]:
    """(rule, condition that holds for a good value) of the contract, beyond the type."""
    value = column("value", field)
    rules = [(name, _within(field, name, bound)) for name, bound in field.bounds]
    for name, length in field.lengths:
        rules.append((name, f"length({value}) {'>=' if name == 'minLength' else '<='} {length}"))
    if field.pattern is not None:
        rules.append(("pattern", f"regexp_matches({value}, {literal(field.pattern)})"))
    if field.enum:
        rules.append(("enum", f"{value} IN ({', '.join(literal(item) for item in field.enum)})"))
    return rules


def _within(field: Field, name: str, bound: Decimal) -> str:
    """A condition: the value keeps a bound. In the column's own type, into which the bound is brought without
    a change of meaning: DuckDB would compare in a common type, which may not hold all values of both."""
    value, is_lower = column("value", field), name in ("minimum", "exclusiveMinimum")
    if field.kind == "decimal":
        highest = 10**field.precision - 1
        lowest = -highest
    else:
        lowest, highest = INTEGER_TYPES[field.sql_type]
    units = Fraction(bound) * 10**field.scale  # of the column's last decimal
    nearest = math.ceil(units) if is_lower else math.floor(units)
    if nearest == units and name.startswith("exclusive"):
        nearest += 1 if is_lower else -1
    if nearest < lowest if is_lower else nearest > highest:
        return f"{value} IS NOT NULL"  # any value will do
    if nearest > highest if is_lower else nearest < lowest:
        return f"{value} IS NULL"  # none will
    with localcontext(prec=MAX_PREC):
        text = f"{Decimal(nearest).scaleb(-field.scale):f}"
    return f"{value} {'>=' if is_lower else '<='} {literal(text)}::{field.sql_type}"


def field_reasons(field: Field) -> list[str]:
    """Every reason that the field may give, each NULL where it does not."""
    raw, token, value = (column(kind, field) for kind in ("raw", "token", "value"))
    reasons = []
    if field.required:
        found = f"CASE WHEN {raw} IS NULL THEN {_under(field)}'missing' ELSE {_under(field)}'null' END"
        reasons.append(
            f"CASE WHEN has_fields AND {token} IS NULL THEN {reason(field, 'required', found)} END"
        )
    found = f"{_under(field)}left({_found(field)}, {LONGEST_FOUND})"
    reasons.append(
        f"CASE WHEN {token} IS NOT NULL AND {value} IS NULL "
        f"THEN {reason(field, None, found, rule_sql=_type_rule(field))} END"
    )
    for name, condition in _rules(field):
        reasons.append(f"CASE WHEN NOT ({condition}) THEN {reason(field, name, found)} END")
    return reasons


def _under(field: Field) -> str:
    """SQL of the key that stands before what was found, where it is not the field's name."""
    if field.physical_name is None:
        return ""
    return literal(json.dumps(field.key, ensure_ascii=False) + ": ") + " || "


def _found(field: Field) -> str:
    # A number as it was sent, not as the double that the JSON reader made of it.
    token = column("token", field)
    exact = f"json_extract_string(as_sent, {json_path(field)})"
    return f"CASE WHEN regexp_matches({token}, '^-?[0-9]') THEN {exact} ELSE {token} END"


def _type_rule(field: Field) -> str:
    """SQL for the rule's name: which part of the type did the token break?"""
    token = column("token", field)
    if field.kind == "integer":
        return f"CASE WHEN regexp_full_match({token}, '-?[0-9]+') THEN 'overflow' ELSE 'type' END"
    if field.kind == "decimal":
        number = column("number", field)
        whole_part_fits = rf"regexp_matches({number}, '^-?{_whole_part(field)}(\.|$)')"
        return (
            f"CASE WHEN {number} IS NULL THEN 'type' WHEN {whole_part_fits} THEN 'scale' ELSE 'overflow' END"
        )
    if field.kind in ("timestamp", "date", "uuid"):
        return f"CASE WHEN starts_with({token}, '\"') THEN '{field.kind}' ELSE 'type' END"
    return "'type'"


def reason(field: Field | None, rule: str | None, found: str, *, rule_sql: str | None = None) -> str:
    """A STRUCT(field, rule, found). `rule_sql` is for a rule whose name the data decide."""
    name = literal(field.name) if field else "NULL::VARCHAR"
    return f"{{'field': {name}, 'rule': {rule_sql or literal(rule or '')}, 'found': {found}}}"


def column(kind: str, field: Field) -> str:
    """A working column of the statement; '_' keeps it apart from every name that a contract may use."""
    return quoted(f"_{kind}_{field.name}")


def json_path(field: Field) -> str:
    """The field's place in the event, as a literal: a JSON Pointer, which takes every key to the letter."""
    return literal("/" + field.key.replace("~", "~0").replace("/", "~1"))
