"""One field of a contract, as SQL: from its JSON token to its typed value, its rules and its reasons.

A working column of the statement is named `_<kind>_<field>`:
    raw      the JSON token as it stands (NULL: missing)
    token    of a field that need not be there, the same with NULL for a JSON null
    text     of a token that is a string, its text without quotes and escapes
    parts    a decimal's sign, digits and exponent as sent, where the token may not be exact
    number   a decimal's exact number, without exponent
    cast     what DuckDB makes of a token or text in the field's type
    instant  a timestamp's instant
    value    the typed value; NULL where there is none, or none that says all that was sent
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from decimal import MAX_PREC, Decimal, localcontext
from fractions import Fraction

from penstock.core.duckdb_file import literal, quoted
from penstock.ingest.contract.model import INTEGER_TYPES, Field

# RFC 3339, at most microseconds, no hour 24, no leap second (no instant of TIMESTAMPTZ stands for one). Zeros
# behind the microseconds say nothing, so they may be there.
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6}0*)?"
_ZONE = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_VISIBLE = r"[^\s\pZ\p{Cc}\p{Cf}]"  # white space of any script, and what only steers, says nothing
RECORD_TIMESTAMP = "kafka_timestamp"
_FIRST_INSTANT, _LAST_INSTANT = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"


def raw_column(field: Field, index: int) -> str:
    """The field's JSON token as it stands."""
    return f"tokens[{index}]::VARCHAR AS {column('raw', field)}"


def may_be_inexact(field: Field) -> str:
    """A condition: a decimal's token may differ from what was sent. yyjson reads a number with a point or an
    exponent as a double, which is exact for 15 digits and may be zero where the number is not."""
    raw = column("raw", field)
    # Where the key may be spelled with escapes, all numbers of the event are looked at; that takes longer.
    spelled = literal(r"\\u00[2-7]" if re.fullmatch(r"[ !#-.0-[\]-~]*", field.key) else r"\\")
    key = re.escape(json.dumps(field.key, ensure_ascii=False)) + r"\s*:\s*-?"
    is_long = f"regexp_matches(json_text, {literal(key + '[0-9]*(?:[0-9]{8}[.eE]|[.][0-9]{8})')})"
    has_exponent = f"regexp_matches(json_text, {literal(key + '[0-9.]+[eE]')})"
    return f"""CASE
                WHEN contains({raw}, 'e') THEN true
                WHEN has_escapes AND regexp_matches(json_text, {spelled})
                    THEN {raw} IN ('0.0', '-0.0') OR may_hold_long_number(json_text)
                WHEN {raw} IN ('0.0', '-0.0') THEN {is_long} OR {has_exponent}
                ELSE {is_long}
            END"""


def text_columns(field: Field) -> list[str]:
    """What is read from the token alone."""
    raw, columns = column("raw", field), []
    if not field.required:
        columns.append(f"nullif({raw}, 'null') AS {column('token', field)}")
    if field.kind in ("string", "uuid", "timestamp", "date"):
        inside = f"CASE WHEN has_escapes THEN json_extract_string({raw}, '$') "
        inside += f"ELSE substr({raw}, 2, length({raw}) - 2) END"
        columns.append(f"CASE WHEN starts_with({raw}, '\"') THEN {inside} END AS {column('text', field)}")
    elif field.kind == "integer":
        columns.append(f"TRY_CAST({raw} AS {field.sql_type}) AS {column('cast', field)}")
    elif field.kind == "decimal":
        exact = f"number_parts(json_extract_string(exact_text, {json_path(field)}))"
        has_exact = f"exact_text IS NOT NULL AND {is_number(raw)}"
        columns.append(f"CASE WHEN {has_exact} THEN {exact} END AS {column('parts', field)}")
    return columns


def prepared_columns(field: Field) -> list[str]:
    """What is made of that: a UUID, a decimal's exact number, a timestamp's instant."""
    text = column("text", field)
    if field.kind == "uuid":
        return [f"TRY_CAST({text} AS UUID) AS {column('cast', field)}"]
    if field.kind == "decimal":
        raw, parts = column("raw", field), column("parts", field)
        exact = f"plain_number({parts})"
        return [f"CASE WHEN {parts} IS NOT NULL THEN {exact} ELSE {raw} END AS {column('number', field)}"]
    if field.kind == "timestamp":
        return [f"{_instant(field, text)} AS {column('instant', field)}"]
    return []


def is_number(raw: str) -> str:
    """A condition: the token (SQL of it) is a number."""
    return f"regexp_matches({raw}, '^-?[0-9]')"


def _instant(field: Field, text: str) -> str:
    """The instant of a time that is written as the contract allows, else NULL."""
    zoned = f"TRY_CAST(upper({text}) AS TIMESTAMPTZ)"
    cases = f"WHEN regexp_full_match({text}, {literal(_TIME + _ZONE)}) THEN {zoned}"
    if field.default_timezone is not None:
        local = in_zone(field.default_timezone, f"TRY_CAST(upper({text}) AS TIMESTAMP)")
        cases += f" WHEN regexp_full_match({text}, {literal(_TIME)}) THEN {local}"
    return f"CASE {cases} END"


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
    raw, text, cast = (column(kind, field) for kind in ("raw", "text", "cast"))
    if field.kind == "string":
        value = text
    elif field.kind == "uuid":
        # The way back to text shows braces and missing hyphens, which the cast lets pass.
        value = f"CASE WHEN {cast}::VARCHAR = lower({text}) THEN {cast} END"
    elif field.kind == "integer":
        # The way back to text shows a point, an exponent or a quote that the cast would hide.
        value = f"CASE WHEN {cast}::VARCHAR = {raw} THEN {cast} END"
    elif field.kind == "decimal":
        value = f"CASE WHEN {_fits(field)} THEN TRY_CAST({column('number', field)} AS {field.sql_type}) END"
    elif field.kind == "boolean":
        value = f"CASE {raw} WHEN 'true' THEN true WHEN 'false' THEN false END"
    elif field.kind == "date":
        is_date = f"regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
        value = f"CASE WHEN {is_date} AND NOT starts_with({text}, '0000') THEN TRY_CAST({text} AS DATE) END"
    else:
        value = in_years(column("instant", field))
    return f"{value} AS {column('value', field)}"


def _fits(field: Field) -> str:
    """Does the exact number have no more digits than the type holds, on either side of the point?"""
    decimals = rf"(\.[0-9]{{1,{field.scale}}}0*)?" if field.scale else r"(\.0+)?"
    return f"regexp_full_match({column('number', field)}, '-?{whole_part(field)}{decimals}')"


def whole_part(field: Field) -> str:
    """The digits before the point that the type holds, as a pattern."""
    return f"[0-9]{{1,{field.precision - field.scale}}}" if field.precision > field.scale else "0"


def is_good(field: Field) -> str:
    """A condition: the field has a value that fits and keeps every rule, or has none and needs none."""
    value, token = column("value", field), column("token", field)
    checks = " AND ".join([f"{value} IS NOT NULL", *(condition for _, condition in rules(field))])
    return checks if field.required else f"({token} IS NULL OR ({checks}))"


def has_rules(field: Field) -> bool:
    """Does the contract ask for more than the type?"""
    return bool(rules(field))


def rules(field: Field) -> list[tuple[str, str]]:
    """(rule, condition that holds for a good value) of the contract, beyond the type."""
    value = column("value", field)
    rules = [(name, _within(field, name, bound)) for name, bound in field.bounds]
    for name, length in field.lengths:
        rules.append((name, f"length({value}) {'>=' if name == 'minLength' else '<='} {length}"))
    if field.pattern is not None:
        rules.append(("pattern", f"regexp_matches({value}, {literal(field.pattern)})"))
    if field.enum:
        rules.append(("enum", f"{value} IN ({', '.join(literal(item) for item in field.enum)})"))
    if not field.may_be_blank:
        # The first letter says it nearly always; the pattern is many times as slow.
        shows = f"regexp_matches({value}, {literal(_VISIBLE)})"
        rules.append(("blank", f"CASE WHEN unicode({value}) BETWEEN 33 AND 126 THEN true ELSE {shows} END"))
    rules += [(name, _near(field, name, length)) for name, length in field.time_limits]
    return rules


def _near(field: Field, name: str, length: dt.timedelta) -> str:
    """A condition: the time lies no further from Kafka's timestamp. Without one, nothing is asked. Kafka's
    may be any number, a time of ours is of the years 1 to 9999: so only the latter is moved."""
    sign, compare = ("-", "<=") if name == "maxAhead" else ("+", ">=")
    moved = f"epoch_us({column('value', field)}) {sign} {length // dt.timedelta(microseconds=1)}"
    return f"coalesce({moved} {compare} epoch_us({RECORD_TIMESTAMP}), true)"


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
        return "true"  # any value will do
    if nearest > highest if is_lower else nearest < lowest:
        return f"{value} IS NULL"  # none will
    with localcontext(prec=MAX_PREC):
        text = f"{Decimal(nearest).scaleb(-field.scale):f}"
    return f"{value} {'>=' if is_lower else '<='} {literal(text)}::{field.sql_type}"


def column(kind: str, field: Field) -> str:
    """A working column of the statement; '_' keeps it apart from every name that a contract may use."""
    return quoted(f"_{kind}_{field.name}")


def json_path(field: Field) -> str:
    """The field's place in the event, as a literal: a JSON Pointer, which takes every key to the letter."""
    return literal("/" + field.key.replace("~", "~0").replace("/", "~1"))
