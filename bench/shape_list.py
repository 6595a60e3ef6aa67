"""The shapes that landing is measured on: the same events as different producers write them.

A contract of flat fields reads what stands at the top of an event; all else lands in `_unknown`. So events of
the shape `debezium` are as a producer sends them who puts the row's fields to the top, and leaves beside them
Debezium's envelope, which has the row once or twice more.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.events import Kind


@dataclass(frozen=True)
class Shape:
    """`one_in`: it has only one in so many of the events, each of which is so many times as large as usual.

    Its bars. `at_least`: how many times as fast as the tuned loop landing is, as lower quartile of the pairs;
    `aim`: what we want as median. `typed_at_least` and `typed_aim`: the same of confluent-kafka with
    `json_transform`, which only some shapes are compared with. `of_compact`: the share of the bytes a second
    of its contract's compact shape that it reaches. `sql_at_least`: how many
    times as fast SQL alone is as the loop is on the compact shape: 200,000 events a second where that makes
    57,000."""

    name: str
    label: str
    kind: Kind
    one_in: int = 1
    at_least: float = 5
    aim: float | None = None
    typed_at_least: float | None = None
    typed_aim: float | None = None
    of_compact: float | None = 0.6
    sql_at_least: float | None = 3.5

    @property
    def compact(self) -> str:
        """The name of its contract's compact shape."""
        return "customer" if self.kind.stream == "customer_events" else "compact"


def _written(name: str, label: str) -> Shape:
    return Shape(name, label, Kind(writing=name))


def _customer(name: str, label: str, writing: str) -> Shape:
    """Of the example's own contract, with text ids and the real file's ids of 19 digits."""
    return Shape(
        name, f"`customer_events`: {label}", Kind("customer_events", writing=writing),
        at_least=7, aim=12, typed_at_least=1.6, typed_aim=2.5,
    )  # fmt: skip


SHAPES = (
    Shape("compact", "compact, no value as `null`", Kind(), at_least=8.5, aim=15),
    _written("habits", "`12.50` and last, `+02:00` and microseconds, no value left out, UTF-8"),
    _written("python", "as Python writes it: spaces"),
    _written("long-integers", "an integer of 19 digits"),
    _written("unicode-escapes", r"`\u00e9` in one field, as Python writes it"),
    _written("slash-escapes", r"`\/` in one field, as PHP writes it"),
    _written("random-order", "keys in a random order"),
    _written("pretty", "pretty-printed"),
    _written("producers", "four producers, each with its own order of keys"),
    _written("two-unknown", "two fields that the contract does not name"),
    _written("nested", "a nested object that the contract does not name"),
    _written("arrays", "three arrays that the contract does not name, one of them of objects"),
    Shape(
        "debezium", "Debezium's `before`, `after`, `source`, `op` beside the fields",
        Kind(writing="debezium"), one_in=2, sql_at_least=None,
    ),
    Shape(
        "wide", "2 kB with 130 keys, of which the contract names a tenth",
        Kind(writing="wide"), one_in=4, sql_at_least=None,
    ),
    _written("exponents", "prices as `1E3`, `-0.0`, `1250e-2`"),
    Shape(
        "missing", "in 25 % of the events one of eight optional fields is missing",
        Kind("optional_events", writing="missing"),
    ),
    Shape("bad-1", "1 % bad", Kind(bad=0.01), sql_at_least=None),
    Shape("bad-50", "50 % bad", Kind(bad=0.5), at_least=3, of_compact=None, sql_at_least=None),
    _customer("customer", "compact", "compact"),
    _customer("customer-python", "as Python writes it", "python"),
    _customer("customer-two-unknown", "two fields that it does not name", "two-unknown"),
    _customer("customer-nested", "a nested object that it does not name", "nested"),
)  # fmt: skip
