"""The contract's rules over columns that the fast path has read: which events are good, and their rows."""

from __future__ import annotations

from penstock.core.duckdb_file import quoted
from penstock.ingest.check.field_rules import RECORD_TIMESTAMP, column, has_rules, in_years, in_zone, is_good
from penstock.ingest.contract.model import Contract, Field
from penstock.ingest.parse.schema import PARSED, PLACE, is_local_column

GOOD = "_is_good"  # takes the place of `PARSED` once the rules are checked


def rules_sql(contract: Contract, relation: str) -> str:
    """A SELECT of one number for each event of `relation`, which has the columns of `parse_chunk`: 1 where
    it is parsed and keeps the rules, else 0."""
    optional = [field for field in contract.fields if not field.required]
    tokens = "".join(f", {quoted(field.name)} AS {column('token', field)}" for field in optional)
    # Of parsed events, only a time that the clocks skip or repeat, or what breaks a rule, is not good.
    ruled = [f for f in contract.fields if f.default_timezone is not None or has_rules(f)]
    rules = " AND ".join([PARSED, *map(is_good, ruled)])
    return f"""
SELECT coalesce({rules}, false)::UTINYINT
FROM (SELECT {_values(contract)}{tokens}, _kafka_timestamp AS {RECORD_TIMESTAMP}, {PARSED} FROM {relation})
"""


def rows_sql(contract: Contract, relation: str) -> str:
    """A SELECT of the good events of `relation`, which has the columns of `Checked.parsed`: the contract's
    columns, _unknown, _kafka_partition, _offset, _kafka_timestamp."""
    named = ", ".join(f"{column('value', field)} AS {quoted(field.name)}" for field in contract.fields)
    place = ", ".join(PLACE)
    return f"""
SELECT {named}, _unknown, {place}
FROM (SELECT {_values(contract)}, _unknown, {place}, {GOOD} FROM {relation})
WHERE coalesce({GOOD}, false) -- a bare column would be a filter of Arrow's own, which is slower
"""


def _values(contract: Contract) -> str:
    return ", ".join(f"{_value(field)} AS {column('value', field)}" for field in contract.fields)


def _value(field: Field) -> str:
    if field.default_timezone is None:
        return quoted(field.name)
    local = in_zone(field.default_timezone, f"timezone('UTC', {quoted(field.name)})")
    # A local time of the years 1 to 9999 may be an instant of another.
    return f"CASE WHEN {quoted(is_local_column(field))} THEN {in_years(local)} ELSE {quoted(field.name)} END"
