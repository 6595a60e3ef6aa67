"""Values of a key that should stay: a product's category, its brand, and about its price.

Of the keys that came again since the last publication: which share has another value now. No history says
what is usual of that, so the limits are given.

- type: expect_values_of_keys_to_stay
  kwargs:
    key: product_id
    columns: [category_id, brand, latest_price]
    warn_percent: 10   # of the keys
    stop_percent: 20
    min_keys: 20       # of fewer that came again nothing is judged
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from penstock.core.build_record import candidate_table
from penstock.core.duckdb_file import quoted
from penstock.validate.history.findings import finding_id
from penstock.validate.history.norm import Weight
from penstock.validate.history.scales import number_text

KEYS_CHECK = "expect_values_of_keys_to_stay"

_OTHER_NUMBER = math.log(1.6)  # so many times as high or as low, a number with decimals is another one


@dataclass(frozen=True)
class KeyQuestion:
    """What a suite asks: the key, the columns whose values should stay, and from which percent of the keys on
    others are unusual, or stop the run. `accepted`: ids of what people said is meant."""

    key: str
    columns: Sequence[str]
    warn_percent: float = 10
    stop_percent: float = 20
    min_keys: int = 20
    accepted: Collection[str] = ()


@dataclass(frozen=True)
class Moved:
    """A column whose values have not stayed, with an example."""

    column: str
    keys: int
    others: int
    weight: Weight
    example: str
    key: str
    id: str

    def text(self) -> str:
        """One line."""
        share = number_text(100 * self.others / self.keys)
        came_again = f"the {self.keys} values of {self.key} that came again"
        return f"{self.column} has changed for {share} % of {came_again}, e.g. {self.example}"

    def as_json(self) -> dict[str, object]:
        """The same as data."""
        return {
            "id": self.id, "measure": self.column, "column": self.column, "keys": self.keys,
            "changed": self.others, "stops": self.weight is Weight.IMPOSSIBLE, "example": self.example,
            "text": self.text(),
        }  # fmt: skip


def moved(
    connection: duckdb.DuckDBPyConnection, mart: str, published: str, question: KeyQuestion
) -> tuple[int, list[Moved]]:
    """How many keys of the candidate of `mart` came again, and the columns of which too many have another
    value than in `published` (SQL of a table)."""
    candidate = candidate_table(mart)
    key = quoted(question.key)
    others = {column: _is_another(connection, candidate, column) for column in question.columns}
    examples = ", ".join(
        f"any_value({key}::VARCHAR || ': ' || coalesce(before.{quoted(column)}::VARCHAR, 'null') || ' → ' || "
        f"coalesce(now.{quoted(column)}::VARCHAR, 'null')) FILTER ({condition})"
        for column, condition in others.items()
    )
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in others.values())
    row = connection.execute(
        f"SELECT count(*), {counts}, {examples} FROM {candidate} AS now JOIN {published} AS before "
        f"USING ({key}) WHERE hash(now) <> hash(before)"
    ).fetchone()
    assert row is not None
    keys, numbers, texts = row[0], row[1 : 1 + len(others)], row[1 + len(others) :]
    if keys < question.min_keys:
        return keys, []
    found = [
        Moved(column, keys, number, weight, text, question.key, _id(mart, question, column, keys, number))
        for column, number, text in zip(others, numbers, texts, strict=True)
        if (weight := _weight(100 * number / keys, question))
    ]
    unaccepted = [one for one in found if one.id not in question.accepted]
    return keys, sorted(unaccepted, key=lambda one: -one.others)


def _id(mart: str, question: KeyQuestion, column: str, keys: int, others: int) -> str:
    """Of this very change: after the next publication, or with other data, it is another one."""
    return finding_id(mart, KEYS_CHECK, question.key, column, str(keys), str(others))


def _is_another(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> str:
    """A condition: the value is another one than before."""
    name = quoted(column)
    ((_, kind, *_),) = connection.execute(f"DESCRIBE SELECT {name} FROM {relation}").fetchall()
    if str(kind).startswith(("DECIMAL", "DOUBLE", "FLOAT")):
        small = "0.01"  # an amount of nothing has no ratio
        ratio = f"ln((abs(now.{name}) + {small})::double / (abs(before.{name}) + {small})::double)"
        return f"abs({ratio}) > {_OTHER_NUMBER}"
    return f"now.{name} IS DISTINCT FROM before.{name}"


def _weight(percent: float, question: KeyQuestion) -> Weight:
    if percent > question.stop_percent:
        return Weight.IMPOSSIBLE
    return Weight.UNUSUAL if percent > question.warn_percent else Weight.USUAL
