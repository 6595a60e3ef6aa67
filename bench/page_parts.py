"""Each part of the result as a section of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.file_size import FileSize
from bench.history import History
from bench.idle import Idle
from bench.memory import Memory
from bench.pairs import Against, Pairs, Ratios, Runs
from bench.run import Outcome
from bench.variations import Variation

_NAMES = ("as it ships", "by SQL only")


def pairs_text(pairs: Pairs) -> str:
    """Ours against each baseline."""
    text = (
        "## Against others\n"
        f"{_rates('Penstock as it ships', pairs.ours)}; {_rates('by SQL only', pairs.sql)}. "
        "A ratio says how many times as fast Penstock was in a pair of runs that followed each other.\n\n"
        + table(
            (
                "against", "Penstock", "pairs", "min", "lower quartile", "median", "max",
                "median with CHECKPOINT", "at least, as lower quartile", "aim, as median",
            ),
            [row for against in pairs.baselines for row in _ratio_rows(against)],
        )
        + "\n\n"
        + table(
            ("baseline", "rules", "events", "events/s", "with CHECKPOINT", "peak MB", "rejects"),
            [_baseline_row(against) for against in pairs.baselines],
        )
    )  # fmt: skip
    text += (
        "\n\n*Checked* means that it landed the same good events as Penstock and found the same rejects; "
        "*unchecked* that it did not, so it does less work.\n\n"
        + "\n".join(f"- {against.label}: {against.note}" for against in pairs.baselines)
    )
    if pairs.left_out:
        text += f"\n\nNot run, for want of their packages: {', '.join(pairs.left_out)}."
    return text


def _rates(name: str, ours: Runs) -> str:
    return (
        f"{name}: {ours.rate:,.0f} events/s over {ours.events:,} events ({ours.checkpointed_rate:,.0f} with "
        f"a final CHECKPOINT on the clock; medians of {ours.count} runs), {ours.peak_rss_mb:,.0f} MB at the "
        f"peak, {ours.rejected:,} rejects"
    )


def _ratio_rows(against: Against) -> list[tuple[str, ...]]:
    return [
        _ratio_row(against, "as it ships", against.ours, at_least=against.at_least),
        _ratio_row(against, "SQL only", against.sql, at_least=None),
    ]


def _ratio_row(against: Against, which: str, ours: Ratios, *, at_least: float | None) -> tuple[str, ...]:
    ratio = ours.ratio
    return (
        against.label,
        which,
        f"{against.baseline.count}",
        *(times(value) for value in (ratio.minimum, ratio.lower_quartile, ratio.median, ratio.maximum)),
        times(ours.checkpointed.median),
        f"{at_least:g}" if at_least else "",
        f"{against.aim:g}" if against.aim else "",
    )


def _baseline_row(against: Against) -> tuple[str, ...]:
    baseline = against.baseline
    return (
        against.label,
        "checked" if baseline.checked else "*unchecked*",
        f"{baseline.events:,}",
        f"{baseline.rate:,.0f}",
        f"{baseline.checkpointed_rate:,.0f}",
        f"{baseline.peak_rss_mb:,.0f}",
        f"{baseline.rejected:,}",
    )


def profile_text(outcomes: Sequence[Outcome]) -> str:
    """Where the time of one run of each of ours went."""
    tables = [_profile_table(name, one) for name, one in zip(_NAMES, outcomes, strict=True)]
    return (
        "## Where the time goes\n"
        "One thread receives; one fetches, decodes and parses; one checks; one lands, and DuckDB adds its "
        "own.\n\n" + "\n\n".join(tables)
    )


def _profile_table(name: str, outcome: Outcome) -> str:
    cpu = sum(step.cpu for step in outcome.steps)
    rows = [
        (step.name, f"{step.cpu:.2f}", f"{step.cpu / cpu:.0%}", f"{step.wall:.2f}" if step.wall else "")
        for step in outcome.steps
    ]
    return (
        f"Penstock {name}, one run over {outcome.events:,} events, {outcome.seconds:.2f} s to the last "
        "commit:\n\n" + table(("step", "processor seconds", "share", "seconds of the landing thread"), rows)
    )


def variations_text(variations: Sequence[Variation]) -> str:
    """Ours on other events and topics."""
    rows = [
        (
            one.what,
            f"{one.events:,}",
            f"{one.rate:,.0f}",
            f"{one.megabytes_per_second:,.0f}",
            f"{one.checkpointed_rate:,.0f}",
            f"{one.peak_rss_mb:,.0f}",
        )
        for one in variations
    ]
    return "## Other events, other topics\nPenstock; one thing at a time differs from the usual.\n\n" + table(
        ("what differs", "events", "events/s", "MB/s", "with CHECKPOINT", "peak MB"), rows
    )


def memory_text(memory: Sequence[Memory]) -> str:
    """How much memory a drain needs."""
    rows = [(one.what, f"{one.events:,}", f"{one.rate:,.0f}", f"{one.peak_rss_mb:,.0f}") for one in memory]
    return (
        "## Memory\n"
        "Peak resident memory of one drain. "
        + " ".join(
            f"Penstock {name} needs {times(many.peak_rss_mb / few.peak_rss_mb)} times as much for "
            f"{many.events:,} events as for {few.events:,}."
            for name, few, many in zip(_NAMES, memory[:4:2], memory[1:4:2], strict=True)
        )
        + "\n\n"
        + table(("what", "events", "events/s", "peak MB"), rows)
    )


def idle_text(idle: Idle) -> str:
    """What `follow` costs while nothing comes, and how soon an event is there."""
    return (
        "## Following\n"
        f"`penstock ingest follow` on an empty topic used {idle.core_percent:.2f} % of a core over "
        f"{idle.watched:g} s. At {idle.events_per_second:,} events/s, once a first event had landed, with a "
        f"reader that opened the file {idle.looks} times meanwhile, an event was read "
        f"{idle.seconds_median:.2f} s after it was sent (median), {idle.seconds_p99:.2f} s "
        f"(p99), {idle.seconds_max:.2f} s (longest)."
    )


def file_size_text(size: FileSize) -> str:
    """Bytes on disk after many small batches, and after one."""
    return (
        "## File size\n"
        f"{size.events:,} events that landed in {size.commits} commits, each with the file opened anew, take "
        f"{size.small_batches / 1e6:,.1f} MB for each million; all at once {size.at_once / 1e6:,.1f} MB: "
        f"{times(size.small_batches / size.at_once)} times as much."
    )


def history_text(history: History) -> str:
    """What the checks of history cost on a year, and their back-test."""
    rows = [
        (name, f"{found:.2f}", f"{most}", "yes" if found <= most else "**no**")
        for name, found, most in (
            ("checks of history, one more day", history.checks, 2),
            (f"`penstock validate backtest --days {history.days}`", history.backtest, 60),
        )
    ]
    return (
        "## Checks of history\n"
        f"A year of {history.events:,} events is published; then one more day is judged by the example's own "
        f"suites. That gate takes {history.gate:.1f} s in all; its checks of history use "
        f"{history.checks_cpu:.2f} s of processors. In the year's back-test they stop or warn "
        f"{history.alarms} times.\n\n" + table(("", "seconds", "at most", "holds"), rows)
    )


def times(ratio: float) -> str:
    """A ratio, to three digits."""
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
