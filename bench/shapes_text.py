"""What the shapes showed, as a section of Markdown: each bar, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence

from bench.page_parts import table, times
from bench.pairs import Ratios, Runs
from bench.shapes import Measured


def shapes_text(shapes: Sequence[Measured]) -> str:
    """Ours on the shapes that producers write."""
    text = (
        "## As producers write them\n"
        "The same events, written in other ways: each shape in a topic of its own, 0.1 % bad unless a line "
        "says otherwise. In each pair the tuned kafka-python loop reads the same shape; it checks all rules, "
        "too, and keeps what the contract does not name. *Of compact's*: MB/s, as a share of those of the "
        "same contract's compact shape. A contract of flat fields reads what stands at the top of an event, "
        "so the Debezium-like events have their row there, and beside it the envelope, which has the row "
        "once or twice more.\n\n"
        + table(
            (
                "shape", "Penstock, events/s", "MB/s", "the loop, events/s", "pairs", "lower quartile",
                "at least", "holds", "median", "aim", "of compact's", "at least", "holds",
            ),
            [_row(one) for one in shapes],
        )
        + "\n\nWhich share of the good events took the fast path, and how fast they would land if none did, "
        "by the contract's SQL alone: against the loop on the compact shape:\n\n"
        + table(
            (
                "shape", "bytes of an event", "events", "on the fast path", "SQL only, events/s",
                "of the loop's", "at least", "holds",
            ),
            [_sql_row(one) for one in shapes],
        )
    )  # fmt: skip
    typed = [
        _typed_row(one, one.typed, one.against_typed) for one in shapes if one.typed and one.against_typed
    ]
    if typed:
        text += (
            "\n\nAgainst confluent-kafka with Arrow and DuckDB's `json_transform`, which is *unchecked*: it "
            "knows types, but no rules, and drops what the contract does not name. The bar is for both "
            "clocks: to the last commit, and to the end of the whole drain, with its CHECKPOINT.\n\n"
            + table(
                (
                    "shape", "confluent-kafka, events/s", "pairs", "lower quartile", "with CHECKPOINT",
                    "at least", "holds", "median", "aim",
                ),
                typed,
            )
        )  # fmt: skip
    elif any(one.shape.typed_at_least for one in shapes):
        text += "\n\nNot run, for want of its packages: confluent-kafka with `json_transform`."
    return text


def _row(one: Measured) -> tuple[str, ...]:
    shape, ratio = one.shape, one.against_loop.ratio
    return (
        shape.label,
        f"{one.ours.rate:,.0f}",
        f"{one.bytes_a_second / 1e6:,.0f}",
        f"{one.loop.rate:,.0f}{'' if one.loop.checked else ' *unchecked*'}",
        f"{one.loop.count}",
        times(ratio.lower_quartile),
        *_bar(ratio.lower_quartile, shape.at_least),
        times(ratio.median),
        f"{shape.aim:g}" if shape.aim else "",
        *(("", "", "") if one.of_compact is None else _share(one.of_compact, shape.of_compact)),
    )


def _share(found: float, at_least: float | None) -> tuple[str, str, str]:
    return (f"{found:.2f}", *_bar(found, at_least))


def _sql_row(one: Measured) -> tuple[str, ...]:
    at_least = one.shape.sql_at_least
    return (
        one.shape.label,
        f"{one.bytes_each:,.0f}",
        f"{one.ours.events:,}",
        f"{one.fast:.1%}",
        f"{one.sql.rate:,.0f}",
        times(one.sql_of_loop),
        *_bar(one.sql_of_loop, at_least),
    )


def _typed_row(one: Measured, typed: Runs, against: Ratios) -> tuple[str, ...]:
    shape, both = one.shape, (against.ratio.lower_quartile, against.checkpointed.lower_quartile)
    return (
        shape.label,
        f"{typed.rate:,.0f}",
        f"{typed.count}",
        *(times(ratio) for ratio in both),
        *_bar(min(both), shape.typed_at_least),
        times(against.ratio.median),
        f"{shape.typed_aim:g}" if shape.typed_aim else "",
    )


def _bar(found: float, at_least: float | None) -> tuple[str, str]:
    """The bar, and whether it holds; nothing where there is none."""
    if at_least is None:
        return "", ""
    return f"{at_least:,g}", "yes" if found >= at_least else "**no**"
