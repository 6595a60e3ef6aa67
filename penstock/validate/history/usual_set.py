"""Which measures a mart has, without a word about them: by the names, types and values of its columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from penstock.core.duckdb_file import quoted
from penstock.validate.history.measures import (
    Measure,
    above_zero,
    distinct,
    full,
    maximum,
    mean,
    nulls,
    quantile,
    rows,
    top,
)

_FEW = 50  # different texts: their shares are a mix that can be compared
_LOOKED_AT = 50_000  # values, of many different ones
_KEY_SHARE = 0.5  # of the rows: a text with more different values names something
_ELAPSED = {"seconds", "minutes", "hours", "days", "weeks", "duration", "age", "elapsed", "ms"}
_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_FRACTIONS = {"DOUBLE": 1e-6, "FLOAT": 1e-3}


@dataclass(frozen=True)
class UsualSet:
    """The measures of a mart. `decimals`, `keys`, `texts` and `mixes` are columns of whose values more is
    asked (`shapes.py`), `known_keys` those keys that do not name a row; `copies` are the columns that make
    two rows copies of each other, none where nothing names a row."""

    simple: tuple[Measure, ...]
    decimals: tuple[str, ...]
    keys: tuple[str, ...]
    known_keys: tuple[str, ...]
    texts: tuple[str, ...]
    mixes: tuple[str, ...]
    copies: tuple[str, ...]

    def names(self) -> list[str]:
        """By what a suite calls all of them."""
        return [
            *(measure.name for measure in self.simple),
            *(f"outside({column})" for column in self.decimals),
            *(f"largest({column})" for column in self.keys),
            *(f"new({column})" for column in (*self.texts, *self.known_keys)),
            *(f"mix({column})" for column in self.mixes),
            *(["copies"] if self.copies else []),
            "hours",
        ]


def usual_set(connection: duckdb.DuckDBPyConnection, relation: str, period_column: str) -> UsualSet:
    """The usual measures of `relation` (SQL of a table), whose rows lie in time by `period_column`."""
    types = column_types(connection, relation)
    ((count,),) = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()
    columns = naming_columns(types, period_column)
    return usual_set_of(types, period_column, _different(connection, relation, columns), count)


def _different(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> dict[str, int]:
    """How many different values each column has. Of many only some are looked at, by their hash, each with
    all its rows: whether all of a column are different is said of these."""
    if not columns:
        return {}
    about = ", ".join(f"approx_count_distinct({name}), count({name})" for name in map(quoted, columns))
    ((*numbers,),) = connection.execute(f"SELECT {about} FROM {relation}").fetchall()
    found = {}
    for name, estimate, all_rows in zip(columns, numbers[::2], numbers[1::2], strict=True):
        column, one_in = quoted(name), max(1, estimate // _LOOKED_AT)
        ((count, values),) = connection.execute(
            f"SELECT count({column}), count(DISTINCT {column}) FROM {relation} "
            f"WHERE hash({column}) % {one_in} = 0"
        ).fetchall()
        if one_in > 1:
            values = all_rows if values == count else min(one_in * values, all_rows - 1)
        found[name] = values
    return found


def usual_set_of(
    types: Mapping[str, str], period_column: str, different: Mapping[str, int], count: int
) -> UsualSet:
    """The usual measures of `count` rows with columns of these types, of which those that may name something
    (`naming_columns`) have so many different values."""
    keys = [name for name in different if _is_id(name) or different[name] > max(_FEW, _KEY_SHARE * count)]
    texts = [name for name in different if name not in keys]
    naming = [name for name in keys if different[name] == count]
    measured = {name: kind for name, kind in types.items() if name != period_column}
    return UsualSet(
        simple=(
            rows(),
            full("hour", period_column),
            full("minute", period_column),
            *_of_columns(measured, keys),
        ),
        decimals=tuple(name for name, kind in measured.items() if _unit(kind)),
        keys=tuple(keys),
        known_keys=tuple(name for name in keys if name not in naming),
        texts=tuple(texts),
        mixes=tuple(name for name in texts if different[name] <= _FEW),
        copies=(period_column, *(name for name in measured if name not in naming)) if naming else (),
    )


def column_types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """The type of each column of `relation`, as DuckDB names it."""
    rows = connection.execute(f"DESCRIBE FROM {relation}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in rows}


def naming_columns(types: Mapping[str, str], period_column: str) -> list[str]:
    """The columns whose values may name something: texts, and numbers that are called ids."""
    return [name for name, kind in types.items() if name != period_column and _may_name(name, kind)]


def _of_columns(types: Mapping[str, str], keys: Collection[str]) -> Iterator[Measure]:
    for name, kind in types.items():
        yield nulls(name)
        if name in keys:
            yield distinct(name)
        elif _WHOLE.fullmatch(kind):
            yield mean(name)
            yield above_zero(name)
            if not _is_elapsed(name):
                yield maximum(name, 1.0)
                yield top(name)
        elif unit := _unit(kind):
            yield mean(name, of_positive=True)
            yield above_zero(name)
            yield quantile(name, "median", 0.5, unit)
            yield quantile(name, "p90", 0.9, unit)
            yield maximum(name, unit)
            yield top(name)


def _may_name(name: str, kind: str) -> bool:
    return kind in ("VARCHAR", "UUID") or (_is_id(name) and _WHOLE.fullmatch(kind) is not None)


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("_id")


def _is_elapsed(name: str) -> bool:
    """Does a column say for how long? One customer who comes back after a week makes the longest time of all,
    and there is nothing wrong with it."""
    return any(word in _ELAPSED for word in name.split("_"))


def _unit(kind: str) -> float | None:
    """Of a number with decimals, the last of them."""
    if decimal := _DECIMAL.fullmatch(kind):
        return float(10.0 ** -int(decimal[1]))
    return _FRACTIONS.get(kind)
