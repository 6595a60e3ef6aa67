"""How many rejects are too many: a share of a run's events, in the `quality` of the contract's schema object.

quality:
  - metric: invalidValues
    unit: percent
    mustBeLessOrEqualTo: 5
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import duckdb
from open_data_contract_standard.model import DataQuality, SchemaObject

from penstock.core.errors import TooManyRejects
from penstock.core.yaml_file import KeyPath, YamlFile
from penstock.ingest.contract.odcs_words import FOR_PEOPLE

_OPERATORS = {"mustBeLessOrEqualTo": "at most", "mustBeLessThan": "less than"}
_MEANT = {"type", "metric", "unit", *_OPERATORS}
_FIX = (
    "of a stream, landing checks one rule: 'metric: invalidValues', 'unit: percent', and mustBeLessOrEqualTo "
    "or mustBeLessThan with a number from 0 to 100; declare other checks in expectations/"
)


@dataclass(frozen=True)
class RejectLimit:
    """Of a run's events, `percent` may be rejects; where `or_equal` is false, fewer."""

    percent: Decimal
    or_equal: bool

    def holds(self, rejected: int, events: int) -> bool:
        """Whether so many rejects among so many events are few enough. None always are."""
        if rejected == 0:
            return True
        share, limit = 100 * rejected, self.percent * events
        return share <= limit if self.or_equal else share < limit

    def __str__(self) -> str:
        operator = "mustBeLessOrEqualTo" if self.or_equal else "mustBeLessThan"
        return f"{_OPERATORS[operator]} {self.percent} %"


def read_reject_limit(yaml_file: YamlFile, schema: SchemaObject) -> RejectLimit | None:
    """The limit that the schema object names. Raises DeclarationError for any other rule."""
    at: KeyPath = ("schema", 0, "quality")
    rules = schema.quality or []
    if len(rules) > 1:
        raise yaml_file.error((*at, 1), f"{len(rules)} quality rules of the stream", fix=_FIX)
    return _limit(yaml_file, (*at, 0), rules[0]) if rules else None


def _limit(yaml_file: YamlFile, at: KeyPath, rule: DataQuality) -> RejectLimit:
    given = rule.model_dump(exclude_none=True)
    for word in given:
        if word not in _MEANT | FOR_PEOPLE["DataQuality"]:
            raise yaml_file.error((*at, word), f"landing does not check '{word}' of a stream", fix=_FIX)
    given.setdefault("type", "library")
    for word, meant in (("type", "library"), ("metric", "invalidValues"), ("unit", "percent")):
        if given.get(word) != meant:
            raise yaml_file.error(
                (*at, word), f"quality of the stream: {word} is {given.get(word)!r}", fix=_FIX
            )
    (operator,) = _OPERATORS.keys() & given.keys()  # the standard's own schema wants just one
    percent = Decimal(str(given[operator]))
    if percent.is_nan() or not 0 <= percent <= 100:
        raise yaml_file.error((*at, operator), f"quality of the stream: {operator} is {percent}", fix=_FIX)
    return RejectLimit(percent, or_equal=operator == "mustBeLessOrEqualTo")


def check_rejects(
    connection: duckdb.DuckDBPyConnection, stream: str, limit: RejectLimit | None, run_id: str
) -> None:
    """Compare what the run has landed so far, in this attempt and those before, with the limit. A reject that
    was replayed since is none. Tombstones are not counted, neither as events nor as rejects: they break no
    rule of the contract. Raises TooManyRejects; all stays landed."""
    if limit is None:
        return
    of_run = "FROM raw.commits WHERE run_id = $1 AND kind = 'batch'"
    kept = f'FROM raw.rejects WHERE "commit" IN (SELECT "commit" {of_run})'
    of_rejects = f"{kept} AND replayed_commit IS NULL AND value IS NOT NULL"
    row = connection.execute(
        f"SELECT (SELECT coalesce(sum(landed + rejected), 0)::BIGINT {of_run}) "
        f"- (SELECT count(*) {kept} AND value IS NULL), (SELECT count(*) {of_rejects})",
        [run_id],
    ).fetchone()
    assert row is not None
    events, rejected = row
    if limit.holds(rejected, events):
        return
    top = connection.execute(
        'SELECT reason.field, reason.rule, count(*), arg_min("partition", place), arg_min("offset", place) '
        'FROM (SELECT unnest(reasons) AS reason, "partition", "offset", ("commit", "offset") AS place '
        f"{of_rejects}) GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 3",
        [run_id],
    ).fetchall()
    reasons = ", ".join(
        f"{field or 'the whole event'}: {rule} ({count}, first at partition {partition}, offset {offset})"
        for field, rule, count, partition, offset in top
    )
    raise TooManyRejects(
        f"stream {stream}: {rejected} of {events} events of this run are rejects, "
        f"{100 * rejected / events:.3g} %, the contract wants {limit}; most often {reasons}; "
        "all that is good has landed",
        fix=f"see `penstock ingest rejects ls {stream}`; mend the producer, or mend the contract and run "
        f"`penstock ingest rejects replay {stream}`",
    )
