"""A contract, compiled once to the SQL that checks a whole batch of raw events.

Events that the fast path has read are the relation `parsed` (`parse.schema`): typed values. All others are
the relation `remaining`, raw bytes and coordinates:
    partition INTEGER, offset BIGINT, kafka_timestamp TIMESTAMPTZ, key BLOB, value BLOB,
    headers STRUCT(key VARCHAR, value BLOB)[]
Of it `check` makes the temp table `checked`, one row for each event:
    the contract's columns, _unknown, _kafka_partition, _offset, _kafka_timestamp, reasons
`reasons` is NULL for a good event, else every reason: STRUCT(field, rule, found)[]. A reason of the event
as a whole has no field.

Typing is lossless or a reject. Values are taken as JSON tokens (`json_extract`), so that "12" and 12 stay
apart, and cast only where the cast gives back what was written.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from penstock.core.duckdb_file import literal, quoted
from penstock.ingest.check.field_rules import (
    column,
    is_good,
    json_path,
    may_be_inexact,
    prepared_columns,
    raw_column,
    text_columns,
    value_column,
)
from penstock.ingest.check.parsed_rules import rows_sql, rules_sql
from penstock.ingest.check.reasons import event_reason, field_reasons, repeated_key_reason
from penstock.ingest.contract.model import Contract
from penstock.ingest.parse.schema import parsed_schema

LONGEST_VALUE = 8 * 1024 * 1024  # bytes of one event; more is a reason, "size"


@dataclass(frozen=True)
class CompiledContract:
    """A contract as SQL."""

    contract: Contract
    parsed_schema: pa.Schema
    rules_sql: str  # SELECT of one number for each event of `parsed`: 1 if it is good
    rows_sql: str  # SELECT of the good events of `parsed`, once these are marked
    checked_sql: str  # SELECT of what `checked` holds, from the relation `remaining`

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create the temp macros that the SQL calls; once per connection."""
        connection.execute(_macros())

    def check(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the temp table `checked` of `remaining`."""
        connection.execute(f"CREATE OR REPLACE TEMP TABLE checked AS {self.checked_sql}")


@functools.cache  # `follow` opens the landing file anew for each batch
def compile_contract(contract: Contract) -> CompiledContract:
    """Compile the contract's rules to SQL."""
    fields = contract.fields
    paths = ", ".join(json_path(field) for field in fields)
    without_known = literal(json.dumps({field.key: None for field in fields}))  # merge patches: null removes
    without_marked = literal(json.dumps({"$" + field.key: None for field in fields}))
    inexact = [may_be_inexact(field) for field in fields if field.kind == "decimal"]
    sql = f"""
WITH decoded AS (
    SELECT *, CASE WHEN octet_length(value) <= {LONGEST_VALUE} THEN try(decode(value)) END AS json_text
    FROM remaining
),
parsed AS (
    SELECT *, TRY_CAST(json_text AS JSON) AS json FROM decoded
),
shaped AS (
    SELECT
        *,
        CASE
            WHEN starts_with(json::VARCHAR, '{{') THEN json
            WHEN regexp_matches(json::VARCHAR, '^\\s*[{{]') THEN json
        END AS object,
        contains(json_text, chr(92)) AS has_escapes
    FROM parsed
),
split AS (
    -- An event without fields has a list of NULLs, not a NULL: taking an element of a NULL list makes a copy
    -- of the batch's first event's, which may be of 1 MB, for each such event.
    SELECT
        *,
        json_extract(coalesce(object, '{{}}'::JSON), [{paths}]) AS tokens,
        json_keys(object) AS keys
    FROM shaped
),
named AS (
    SELECT
        *,
        {_list(raw_column(field, index) for index, field in enumerate(fields, start=1))}
    FROM split
),
exact AS (
    SELECT *, CASE WHEN {" OR ".join(inexact) or "false"} THEN numbers_as_strings(json_text) END AS exact_text
    FROM named
),
read AS (
    SELECT
        {_list(["*", *(one for field in fields for one in text_columns(field))])}
    FROM exact
),
prepared AS (
    SELECT
        {_list(["*", *(one for field in fields for one in prepared_columns(field))])}
    FROM read
),
typed AS (
    SELECT
        *,
        {_list(value_column(field) for field in fields)}
    FROM prepared
),
tried AS (
    SELECT
        *,
        object IS NOT NULL
            AND {_all(is_good(field) for field in fields)} AS has_good_fields
    FROM typed
),
parted AS (
    SELECT
        *,
        CASE WHEN has_good_fields AND len(keys) <> list_count(tokens)
            THEN json_merge_patch(object, {without_known}::JSON) END AS unknown
    FROM tried
),
searched AS (
    SELECT
        *,
        CASE
            WHEN unknown IS NOT NULL AND NOT is_too_deep(unknown::VARCHAR) THEN all_keys(unknown::VARCHAR)
        END AS unknown_keys,
        CASE WHEN unknown IS NOT NULL THEN may_differ(unknown::VARCHAR) END AS may_differ
    FROM parted
),
sorted_out AS (
    SELECT
        *,
        CASE
            WHEN NOT has_good_fields THEN false
            WHEN unknown IS NULL THEN NOT ends_with_comma(json_text)
            WHEN unknown_keys IS NULL THEN false
            WHEN len(keys) <> list_count(tokens) + len(unknown_keys[1]) OR repeat_one(unknown_keys) THEN false
            WHEN may_hold_comma(json_text) OR may_differ AND may_hold_nan(unknown::VARCHAR)
                THEN is_json(json_text)
            ELSE true
        END AS is_good
    FROM searched
),
-- Below, all but the last step is about events that are not good.
read_again AS (
    SELECT
        *,
        CASE WHEN is_good THEN NULL WHEN json IS NULL THEN false ELSE is_json(json_text) END AS is_json,
        CASE WHEN NOT is_good AND json IS NOT NULL THEN is_too_deep(json_text) END AS is_too_deep
    FROM sorted_out
),
explained AS (
    SELECT
        *,
        is_json AND NOT is_too_deep AND object IS NOT NULL AS has_fields,
        CASE
            WHEN has_fields AND (len(keys) <> list_count(tokens) OR brackets(json_text) > 1)
                THEN repeat_one(all_keys(json_text))
        END AS repeats_a_key,
        CASE WHEN has_fields THEN {field_reasons(fields)} END AS field_reasons
    FROM read_again
)
SELECT
    {_list(f"{column('value', field)} AS {quoted(field.name)}" for field in fields)},
    CASE
        WHEN NOT is_good OR unknown IS NULL THEN NULL
        WHEN may_hold_minus_zero(json_text)
            OR may_differ AND (may_hold_exponent(json_text) OR contains(unknown::VARCHAR, 'e999'))
            THEN unmarked(json_merge_patch(marked(json_text), {without_marked})::VARCHAR)::JSON
        WHEN may_differ AND (may_hold_long_fraction(json_text) OR may_be_rounded(unknown::VARCHAR))
            THEN made_small(json_merge_patch(enlarged(json_text), {without_known})::VARCHAR)::JSON
        ELSE unknown
    END AS _unknown,
    partition AS _kafka_partition,
    "offset" AS _offset,
    kafka_timestamp AS _kafka_timestamp,
    CASE
        WHEN is_good THEN NULL
        WHEN NOT has_fields THEN [{event_reason(LONGEST_VALUE)}]
        WHEN repeats_a_key THEN list_prepend({repeated_key_reason()}, field_reasons)
        ELSE field_reasons
    END AS reasons
FROM explained
"""
    return CompiledContract(
        contract, parsed_schema(contract), rules_sql(contract, "parsed"), rows_sql(contract, "parsed"), sql
    )


def _list(items: Iterable[str], *, indent: int = 8) -> str:
    return (",\n" + " " * indent).join(items)


def _all(conditions: Iterable[str]) -> str:
    return "\n            AND ".join(conditions)


@functools.cache
def _macros() -> str:
    return importlib.resources.files("penstock.ingest.check").joinpath("json_rules.sql").read_text("utf-8")
