"""The result as Markdown: the page in the docs, and what a terminal shows."""

from __future__ import annotations

from collections.abc import Sequence

from bench.machine import Machine
from bench.pairs import Against, Pairs
from bench.result import Result


def page(result: Result) -> str:
    """Tables of what was run."""
    parts = [_head(result)]
    if result.pairs is not None:
        parts.append(_pairs(result.pairs))
    parts.append(_machine(result.machine))
    return "\n\n".join(parts) + "\n"


def _head(result: Result) -> str:
    return (
        "# How fast landing is\n"
        f"Made by `make bench` in {result.minutes:g} minutes on one machine, which the broker shares. Events "
        "come from a real Kafka: unless a line says otherwise, JSON of some 300 bytes with 13 typed columns, "
        "0.1 % of them bad, 4 partitions, zstd. All checks of the contract are on; rows, rejects and offsets "
        "are one transaction. The clock runs from the first poll to the last commit."
    )


def _pairs(pairs: Pairs) -> str:
    rows = [_rival(against) for against in pairs.rivals]
    ours = pairs.ours
    text = (
        "## Against others\n"
        f"Penstock: {ours.rate:,.0f} events/s over {ours.events:,} events "
        f"({ours.checkpointed_rate:,.0f} with a final CHECKPOINT on the clock), {ours.peak_rss_mb:,.0f} MB "
        f"at the peak, {ours.rejected:,} rejects: medians of {ours.pairs} turns. A ratio says how many times "
        "as fast Penstock was in a pair of turns that followed each other.\n\n"
        + table(
            (
                "against", "events", "events/s", "with CHECKPOINT", "peak MB", "rejects", "pairs", "min",
                "lower quartile", "median", "max", "median with CHECKPOINT", "at least", "aim",
            ),
            rows,
        )
    )  # fmt: skip
    if not all(against.checked for against in pairs.rivals):
        text += "\n\n*unchecked*: it did not find the rejects that Penstock found, so it does less work."
    if pairs.left_out:
        text += f"\n\nNot run, for want of their packages: {', '.join(pairs.left_out)}."
    return text


def _rival(against: Against) -> tuple[str, ...]:
    ratio = against.ratio
    return (
        against.label if against.checked else f"{against.label} (*unchecked*)",
        f"{against.events:,}",
        f"{against.rate:,.0f}",
        f"{against.checkpointed_rate:,.0f}",
        f"{against.peak_rss_mb:,.0f}",
        f"{against.rejected:,}",
        f"{against.pairs}",
        *(times(value) for value in (ratio.minimum, ratio.lower_quartile, ratio.median, ratio.maximum)),
        times(against.checkpointed.median),
        f"{against.at_least:g}" if against.at_least else "",
        f"{against.aim:g}" if against.aim else "",
    )


def _machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        "## The machine\n"
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB; {machine.system}; Python "
        f"{machine.python}; Kafka {machine.kafka}; {versions}. Load when the bench began: {machine.load:g}."
    )


def times(ratio: float) -> str:
    """A ratio, to three digits."""
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
