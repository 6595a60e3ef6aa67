"""A contract, compiled once to the SQL that judges a whole batch of raw events.

The batch is a relation `batch` of raw bytes and coordinates:
    partition INTEGER, offset BIGINT, kafka_timestamp TIMESTAMPTZ, key BLOB, value BLOB,
    headers STRUCT(key VARCHAR, value BLOB)[]
The judgement makes of it the temp table `judged`, one row for each event:
    the contract's columns, _unknown, _partition, _offset, _kafka_timestamp, reasons
`reasons` is NULL for a good event, else every reason: STRUCT(field, rule, found)[]. A reason of the event
as a whole has no field.

Typing is lossless or a reject. Values are taken as JSON tokens (`json_extract`), so that "12" and 12 stay
apart, and cast only where the cast gives back what was written.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from penstock.core.duckdb_file import literal, quoted
from penstock.ingest.contract import Contract, Field

LONGEST_VALUE = 8 * 1024 * 1024  # bytes of one event; more is a reason, "size"
_LONGEST_FOUND = 200  # characters of the value that a reason quotes

# RFC 3339, at most microseconds, no hour 24, no leap second (no instant of TIMESTAMPTZ stands for one).
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_FIRST_INSTANT, _LAST_INSTANT = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"

_COMPARISONS = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}


@dataclass(frozen=True)
class Judgement:
    """The compiled contract: run `judge` on a connection prepared with `prepare`."""

    contract: Contract
    judge: str

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create the temp macros that the SQL calls; once per connection."""
        connection.execute(_macros())


def compile_judgement(contract: Contract) -> Judgement:
    """Compile the contract's rules to one CREATE TEMP TABLE … AS statement."""
    fields = contract.fields
    paths = ", ".join(_path(field) for field in fields)
    names = "[" + ", ".join(literal(field.name) for field in fields) + "]"
    known_keys = "{" + ", ".join(f'"${field.name}": null' for field in fields) + "}"
    sql = f"""
CREATE OR REPLACE TEMP TABLE judged AS
WITH decoded AS (
    SELECT *, CASE WHEN octet_length(value) <= {LONGEST_VALUE} THEN try(decode(value)) END AS json_text
    FROM batch
),
checked AS (
    SELECT
        *,
        coalesce(is_json(json_text), false) AS is_json,
        coalesce(contains(json_text, '[') OR contains(substr(json_text, 2), '{{'), false) AS is_nested
    FROM decoded
),
shaped AS (
    SELECT
        *,
        CASE WHEN is_json AND is_nested THEN is_too_deep(json_text) ELSE false END AS is_too_deep,
        CASE WHEN is_json THEN starts_with(ltrim(json_text, E' \\t\\r\\n'), '{{') ELSE false END AS is_object
    FROM checked
),
split AS (
    SELECT
        *,
        CASE WHEN is_object AND NOT is_too_deep THEN json_extract(json_text, [{paths}]) END AS tokens,
        CASE WHEN is_object AND NOT is_too_deep THEN json_extract_string(json_text, [{paths}]) END AS texts,
        CASE WHEN is_object AND NOT is_too_deep THEN json_keys(json_text) END AS keys,
        CASE WHEN is_object AND NOT is_too_deep AND may_hold_long_number(json_text)
            THEN numbers_as_strings(json_text) END AS exact_text
    FROM shaped
),
named AS (
    SELECT
        *,
        {_list(_tokens(field, index) for index, field in enumerate(fields, start=1))}
    FROM split
),
prepared AS (
    SELECT
        *,
        {_list(_prepared(field) for field in fields if field.kind in ("decimal", "timestamp"))}
    FROM named
),
typed AS (
    SELECT
        *,
        {_list(_value(field) for field in fields)},
        len(keys) <> list_count(tokens) AS has_more_keys,
        CASE WHEN is_nested AND tokens IS NOT NULL THEN repeats_a_key(json_text)
            ELSE coalesce(len(keys) <> len(list_distinct(keys)), false) END AS repeats_a_key
    FROM prepared
),
tried AS (
    SELECT
        *,
        tokens IS NOT NULL AND NOT repeats_a_key
            AND {_all(_is_good(field) for field in fields)} AS is_good
    FROM typed
),
told AS (
    SELECT *, CASE WHEN NOT is_good AND tokens IS NOT NULL THEN numbers_as_strings(json_text) END AS as_sent
    FROM tried
)
SELECT
    {_list(f"{_column('value', field)} AS {quoted(field.name)}" for field in fields)},
    CASE WHEN is_good AND has_more_keys AND NOT list_has_all({names}, keys) THEN
        unmarked(json_merge_patch(marked(json_text), {literal(known_keys)})::VARCHAR)::JSON END AS _unknown,
    partition AS _partition,
    "offset" AS _offset,
    kafka_timestamp AS _kafka_timestamp,
    CASE WHEN NOT is_good THEN list_filter(
        [
            {_event_reason()},
            CASE WHEN repeats_a_key THEN {_reason(None, "duplicateKey", _repeated_key())} END,
            {_list((reason for field in fields for reason in _field_reasons(field)), indent=12)}
        ],
        lambda reason: reason IS NOT NULL
    ) END AS reasons
FROM told
"""
    return Judgement(contract, sql)


def _tokens(field: Field, index: int) -> str:
    """The field's JSON token as it stands, the same with NULL for a JSON null, and its text."""
    columns = [
        f"tokens[{index}]::VARCHAR AS {_column('raw', field)}",
        f"nullif(tokens[{index}]::VARCHAR, 'null') AS {_column('token', field)}",
        f"texts[{index}] AS {_column('text', field)}",
    ]
    if field.kind == "decimal":
        columns.append(f"{_exact_parts(field, f'tokens[{index}]::VARCHAR')} AS {_column('parts', field)}")
    return _list(columns)


def _exact_parts(field: Field, token: str) -> str:
    """The parts of a number as it was sent, where the token may not be exact. yyjson reads a number with a
    point as a double, which is exact for 15 digits; longer ones, exponents, and zeros (1e-400 is read as
    one) are taken from the text."""
    as_texts = "coalesce(exact_text, numbers_as_strings(json_text))"
    may_differ = f"exact_text IS NOT NULL OR contains({token}, 'e') OR {token} IN ('0.0', '-0.0')"
    return f"""CASE WHEN ({may_differ}) AND regexp_matches({token}, '^-?[0-9]')
            THEN number_parts(json_extract_string({as_texts}, {_path(field)})) END"""


def _prepared(field: Field) -> str:
    """What the cast starts from: a decimal's exact number, a timestamp's instant."""
    token, text = _column("token", field), _column("text", field)
    if field.kind == "decimal":
        parts = _column("parts", field)
        number = f"""CASE WHEN {parts} IS NOT NULL THEN plain_number({parts}, number_place({parts}))
            WHEN regexp_matches({token}, '^-?[0-9]') THEN {token} END"""
        return f"{number} AS {_column('number', field)}"
    return f"{_instant(field, token, text)} AS {_column('instant', field)}"


def _instant(field: Field, token: str, text: str) -> str:
    """The instant of a time that is written as the contract allows, else NULL."""
    zoned = f"TRY_CAST(upper({text}) AS TIMESTAMPTZ)"
    cases = f"WHEN regexp_full_match({text}, {literal(_TIME + _ZONE)}) THEN {zoned}"
    if field.default_timezone is not None:
        local = _in_zone(field.default_timezone, f"TRY_CAST(upper({text}) AS TIMESTAMP)")
        cases += f" WHEN regexp_full_match({text}, {literal(_TIME)}) THEN {local}"
    return f"CASE WHEN starts_with({token}, '\"') THEN CASE {cases} END END"


def _in_zone(zone: str, local: str) -> str:
    """The instant of a local time. An hour that the clocks skip or repeat names no one instant: NULL."""
    instant = f"timezone({literal(zone)}, {local})"
    back, later, earlier = (
        f"timezone({literal(zone)}, {instant} {shift})"
        for shift in ("", "+ INTERVAL 1 HOUR", "- INTERVAL 1 HOUR")
    )
    return f"CASE WHEN {back} = {local} AND {later} <> {local} AND {earlier} <> {local} THEN {instant} END"


def _value(field: Field) -> str:
    """The typed value; NULL where the token is missing, null, or does not fit the type without loss."""
    token, text = _column("token", field), _column("text", field)
    is_text = f"starts_with({token}, '\"')"
    if field.kind == "string":
        value = f"CASE WHEN {is_text} THEN {text} END"
    elif field.kind == "integer":
        # The way back to text shows a point, an exponent or a quote that the cast would hide.
        cast = f"TRY_CAST({token} AS {field.sql_type})"
        value = f"CASE WHEN {cast}::VARCHAR = {token} THEN {cast} END"
    elif field.kind == "decimal":
        number = _column("number", field)
        value = f"CASE WHEN {_fits(field)} THEN TRY_CAST({number} AS {field.sql_type}) END"
    elif field.kind == "boolean":
        value = f"CASE {token} WHEN 'true' THEN true WHEN 'false' THEN false END"
    elif field.kind == "date":
        is_date = f"{is_text} AND regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
        value = f"CASE WHEN {is_date} AND NOT starts_with({text}, '0000') THEN TRY_CAST({text} AS DATE) END"
    else:
        instant = _column("instant", field)
        years = f"TIMESTAMPTZ {literal(_FIRST_INSTANT)} AND TIMESTAMPTZ {literal(_LAST_INSTANT)}"
        value = f"CASE WHEN {instant} BETWEEN {years} THEN {instant} END"
    return f"{value} AS {_column('value', field)}"


def _fits(field: Field) -> str:
    """Does the exact number have no more digits than the type holds, on either side of the point?"""
    decimals = rf"(\.[0-9]{{1,{field.scale}}}0*)?" if field.scale else r"(\.0+)?"
    return f"regexp_full_match({_column('number', field)}, '-?{_whole_part(field)}{decimals}')"


def _whole_part(field: Field) -> str:
    """The digits before the point that the type holds, as a pattern."""
    return f"[0-9]{{1,{field.precision - field.scale}}}" if field.precision > field.scale else "0"


def _is_good(field: Field) -> str:
    value, token = _column("value", field), _column("token", field)
    checks = " AND ".join([f"{value} IS NOT NULL", *(condition for _, condition in _rules(field))])
    return checks if field.required else f"({token} IS NULL OR ({checks}))"


def _rules(field: Field) -> list[tuple[str, str]]:
    """(rule, condition that holds for a good value) of the contract, beyond the type."""
    value = _column("value", field)
    rules = [(name, f"{value} {_COMPARISONS[name]} {bound}") for name, bound in field.bounds]
    for name, length in field.lengths:
        rules.append((name, f"length({value}) {'>=' if name == 'minLength' else '<='} {length}"))
    if field.pattern is not None:
        rules.append(("pattern", f"regexp_matches({value}, {literal(field.pattern)})"))
    if field.enum:
        rules.append(("enum", f"{value} IN ({', '.join(literal(item) for item in field.enum)})"))
    return rules


def _event_reason() -> str:
    """Why the event cannot be split into fields at all."""
    excerpt = f"left(coalesce(json_text, ''), {_LONGEST_FOUND})"
    return f"""CASE
                WHEN value IS NULL THEN {_reason(None, "value", "'null'")}
                WHEN octet_length(value) > {LONGEST_VALUE}
                    THEN {_reason(None, "size", "octet_length(value) || ' bytes'")}
                WHEN json_text IS NULL THEN {_reason(None, "utf8", f"left(value::VARCHAR, {_LONGEST_FOUND})")}
                WHEN NOT is_json THEN {_reason(None, "json", excerpt)}
                WHEN is_too_deep THEN {_reason(None, "depth", excerpt)}
                WHEN NOT is_object THEN {_reason(None, "object", excerpt)}
            END"""


def _repeated_key() -> str:
    repeated = "list_filter(keys, lambda key: len(list_filter(keys, lambda other: other = key)) > 1)[1]"
    return f"coalesce({repeated}, 'in an inner object')"


def _field_reasons(field: Field) -> list[str]:
    raw, token, value = (_column(kind, field) for kind in ("raw", "token", "value"))
    reasons = []
    if field.required:
        found = f"CASE WHEN {raw} IS NULL THEN 'missing' ELSE 'null' END"
        reasons.append(
            f"CASE WHEN tokens IS NOT NULL AND {token} IS NULL THEN {_reason(field, 'required', found)} END"
        )
    found = f"left({_found(field)}, {_LONGEST_FOUND})"
    reasons.append(
        f"CASE WHEN {token} IS NOT NULL AND {value} IS NULL "
        f"THEN {_reason(field, None, found, rule_sql=_type_rule(field))} END"
    )
    for name, condition in _rules(field):
        reasons.append(f"CASE WHEN NOT ({condition}) THEN {_reason(field, name, found)} END")
    return reasons


def _found(field: Field) -> str:
    # A number as it was sent, not as the double that the JSON reader made of it.
    token = _column("token", field)
    exact = f"json_extract_string(as_sent, {_path(field)})"
    return f"CASE WHEN regexp_matches({token}, '^-?[0-9]') THEN {exact} ELSE {token} END"


def _type_rule(field: Field) -> str:
    """SQL for the rule's name: which part of the type did the token break?"""
    token = _column("token", field)
    if field.kind == "integer":
        return f"CASE WHEN regexp_full_match({token}, '-?[0-9]+') THEN 'overflow' ELSE 'type' END"
    if field.kind == "decimal":
        number = _column("number", field)
        whole_part_fits = rf"regexp_matches({number}, '^-?{_whole_part(field)}(\.|$)')"
        return (
            f"CASE WHEN {number} IS NULL THEN 'type' WHEN {whole_part_fits} THEN 'scale' ELSE 'overflow' END"
        )
    if field.kind in ("timestamp", "date"):
        return f"CASE WHEN starts_with({token}, '\"') THEN '{field.kind}' ELSE 'type' END"
    return "'type'"


def _reason(field: Field | None, rule: str | None, found: str, *, rule_sql: str | None = None) -> str:
    name = literal(field.name) if field else "NULL::VARCHAR"
    return f"{{'field': {name}, 'rule': {rule_sql or literal(rule or '')}, 'found': {found}}}"


def _column(kind: str, field: Field) -> str:
    """A working column of the statement; '_' keeps it apart from every name that a contract may use."""
    return quoted(f"_{kind}_{field.name}")


def _path(field: Field) -> str:
    return literal(f"$.{field.name}")


def _list(items: Iterable[str], *, indent: int = 8) -> str:
    return (",\n" + " " * indent).join(items)


def _all(conditions: Iterable[str]) -> str:
    return "\n            AND ".join(conditions)


def _macros() -> str:
    return importlib.resources.files("penstock.ingest").joinpath("json_rules.sql").read_text("utf-8")
