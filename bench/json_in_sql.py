"""Our SQL: Penstock's rules where DuckDB's own JSON functions read the events, for contenders that use it.

It is the contract's SQL with another fast path, for plain events: the texts of the contract's fields,
written one after the other in the usual order and with the usual spaces, strings in quotes, give the event's
very text, and it has no backslash. Then it is one valid object, holds no other key and none twice, and each
value stands as it was sent: nothing is left to look for but types and rules. What is not plain, or not good,
is checked by the contract's whole SQL.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from penstock.core.duckdb_file import literal, quoted
from penstock.core.settings import Settings
from penstock.ingest.check.checker import REJECTS
from penstock.ingest.check.compiler import LONGEST_VALUE
from penstock.ingest.check.field_rules import column, is_good, json_path, prepared_columns, value_column
from penstock.ingest.check.result import Reasons
from penstock.ingest.contract.model import Contract, Field
from penstock.ingest.landing.batch import Batch, Landed
from penstock.ingest.landing.file import LandingFile, open_landing
from penstock.ingest.landing.offsets import move_offsets

_LOOKED_AT = 1000  # events, for the usual layout


class LandingInSql(LandingFile):
    """A landing file that checks by SQL alone, from the events' bytes on."""

    def _land(self, batch: Batch, epoch: int, run_id: str, now: dt.datetime) -> Landed:
        """One transaction: the plain and good events go straight in, by all threads; then all others are
        checked."""
        connection = self.connection
        connection.register("batch", batch.events)
        connection.execute("BEGIN")
        move_offsets(connection, batch.starts, batch.ends, epoch)
        commit = self.next_commit()
        parsed = self.insert_rows(f"({parsed_sql(connection, self.compiled.contract)})", epoch, commit)
        good = rejected = 0
        reasons: Reasons = {}
        if remaining := batch.events.num_rows - parsed:
            connection.execute(
                "CREATE OR REPLACE TEMP TABLE remaining AS SELECT * FROM batch ANTI JOIN "
                '(SELECT _kafka_partition AS "partition", _offset AS "offset" '
                f"FROM raw.{quoted(self.compiled.contract.stream)} WHERE _commit = $1) "
                'USING ("partition", "offset")',
                [commit],
            )
            good, rejected, reasons = self.check_remaining(remaining, "bench")
        if good:
            self.insert_rows("checked WHERE reasons IS NULL", epoch, commit)
        if rejected:
            self.insert_rejects(f"({REJECTS})", epoch, commit)
        self.note_commit(commit, now, run_id, parsed + good, rejected)
        connection.execute("COMMIT")
        return Landed(commit, parsed + good, rejected, reasons)


@contextmanager
def open_landing_in_sql(settings: Settings, contract: Contract) -> Iterator[LandingFile]:
    """Penstock's landing file, filled by our SQL. Raises what `open_landing` does."""
    with open_landing(settings, contract) as landing:
        yield LandingInSql(landing.file, landing.compiled)


def parsed_sql(connection: duckdb.DuckDBPyConnection, contract: Contract) -> str:
    """A SELECT of those events of `batch` that are good and written as most of them."""
    return _parsed_sql(contract, _usual_layout(connection, contract))


@dataclass(frozen=True)
class _Layout:
    """How events are usually written: the order of the fields, a space after ':' and ',' or none, and whether
    a field without a value is written as null or left out."""

    fields: tuple[str, ...]
    spaced: bool
    nulls: bool


def _usual_layout(connection: duckdb.DuckDBPyConnection, contract: Contract) -> _Layout:
    """The layout of the batch's fullest event; of several, the one that is met most."""
    found = connection.execute(
        f"""
        WITH decoded AS (SELECT try(decode(value)) AS json_text FROM batch LIMIT {_LOOKED_AT}),
        laid_out AS (
            SELECT json_keys(json_text) AS keys, contains(json_text, '": ') AS spaced,
                regexp_matches(json_text, '": ?null') AS nulls
            FROM decoded WHERE json_valid(json_text)
        )
        SELECT keys, spaced, bool_or(nulls) FROM laid_out GROUP BY keys, spaced
        ORDER BY len(keys) DESC, count(*) DESC, keys, spaced LIMIT 1
        """
    ).fetchall()
    keys, spaced, nulls = found[0] if found else ([], False, False)
    names = {field.key: field.name for field in contract.fields}
    met = [names[key] for key in dict.fromkeys(keys) if key in names]  # each once: one twice is not usual
    return _Layout((*met, *(name for name in names.values() if name not in met)), spaced, nulls)


@functools.cache
def _parsed_sql(contract: Contract, layout: _Layout) -> str:
    """A SELECT of the plain and good events of the relation `batch`: the contract's columns, _unknown (NULL),
    _kafka_partition, _offset, _kafka_timestamp."""
    by_name = {field.name: field for field in contract.fields}
    fields = [by_name[name] for name in layout.fields]
    paths = ", ".join(json_path(field) for field in fields)
    return f"""
WITH decoded AS (
    SELECT *, CASE WHEN octet_length(value) <= {LONGEST_VALUE} THEN try(decode(value)) END AS json_text
    FROM batch
),
valid AS (
    SELECT *, CASE WHEN json_valid(json_text) THEN json_text ELSE '{{}}' END AS object_text
    FROM decoded
),
split AS (
    SELECT *, json_extract_string(object_text, [{paths}]) AS texts
    FROM valid
),
named AS (
    SELECT
        *,
        {_written_again(fields, layout)} = json_text AND NOT contains(json_text, chr(92)) AS is_plain,
        {_comma(f"texts[{n}] AS {column('text', field)}" for n, field in enumerate(fields, 1))}
    FROM split
),
marked AS (
    SELECT
        {_comma(["*", *(one for field in fields for one in _marked(field))])}
    FROM named
),
prepared AS (
    SELECT
        {_comma(["*", *(one for field in fields for one in _prepared(field))])}
    FROM marked
),
typed AS (
    SELECT
        *,
        {_comma(value_column(field) for field in fields)}
    FROM prepared
),
tried AS (
    -- coalesce keeps the conditions together: pushed down to the text one by one, each computes all anew.
    SELECT *, coalesce(is_plain AND {" AND ".join(is_good(field) for field in fields)}, false) AS is_done
    FROM typed
)
SELECT
    {_comma(f"{column('value', field)} AS {quoted(field.name)}" for field in contract.fields)},
    NULL::JSON AS _unknown,
    partition AS _kafka_partition,
    "offset" AS _offset,
    kafka_timestamp AS _kafka_timestamp
FROM tried
WHERE is_done
"""


def _written_again(fields: list[Field], layout: _Layout) -> str:
    """The event's text, put together from the texts of its fields, of as few pieces as can be."""
    space = " " if layout.spaced else ""
    pieces, fixed = [], "{"
    for n, field in enumerate(fields):
        text = f"texts[{n + 1}]"
        key = ("," + space if n else "") + json.dumps(field.key, ensure_ascii=False) + ":" + space
        quote = '"' if _is_string(field) else ""
        if field.required:  # without it the event is not good
            pieces += [literal(fixed + key + quote), text]
            fixed = quote
        else:
            there = " || ".join([literal(key + quote), text] + [literal(quote)] * bool(quote))
            pieces += [literal(fixed)] * bool(fixed)
            pieces.append(f"coalesce({there}, {literal(key + 'null')})" if layout.nulls else there)
            fixed = ""
    return f"concat({', '.join([*pieces, literal(fixed + '}')])})"  # leaves out what is NULL


def _marked(field: Field) -> list[str]:
    """What the rules of a field ask of its token: is it there, what is it, what does DuckDB make of it?"""
    text, marked = column("text", field), []
    if not field.required:
        marked.append(f"{text} AS {column('token', field)}")
    if not _is_string(field):
        marked.append(f"{text} AS {column('raw', field)}")
    if field.kind == "integer":
        marked.append(f"TRY_CAST({text} AS {field.sql_type}) AS {column('cast', field)}")
    return marked


def _is_string(field: Field) -> bool:
    return field.kind in ("string", "uuid", "timestamp", "date")


def _prepared(field: Field) -> list[str]:
    if field.kind == "decimal":  # the text is the number as sent; one with an exponent is not plain
        return [f"{column('text', field)} AS {column('number', field)}"]
    return prepared_columns(field)


def _comma(items: Iterable[str]) -> str:
    return ",\n        ".join(items)
