"""`penstock ingest rejects ls | show | replay | export`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from penstock.core.command import (
    json_line,
    output_option,
    print_result,
    reports_errors,
    run_id_option,
    say,
    say_aside,
)
from penstock.core.printable import on_one_line
from penstock.core.settings import Settings
from penstock.ingest.check.tombstones import TOMBSTONE, rejects_text

if TYPE_CHECKING:
    from penstock.ingest.rejects.replay import ReplayResult
    from penstock.ingest.rejects.report import RejectList, ShownReject

_PLACE = re.compile(r"(?P<topic>[^/]+)/(?P<partition>\d{1,9})/(?P<offset>\d{1,18})")
_AROUND = 30  # characters shown on each side of what a reason points at


@click.group()
def rejects() -> None:
    """Events that broke the contract: count them, look at them, check them again."""


@rejects.command("ls")
@click.argument("stream", required=False)
@output_option
@reports_errors
def ls(stream: str | None, output: str) -> None:
    """Count STREAM's rejects, or those of all streams, by day, field and reason, with the place of one of
    each. A stream that cannot be read is reported at the end, with exit code 1."""
    from penstock.ingest.contract.model import load_contract
    from penstock.ingest.rejects.report import list_all_rejects, list_rejects

    settings = Settings.from_env()
    if stream is not None:
        print_result(list_rejects(settings, load_contract(settings, stream)), output, _listed)
        return
    lists, errors = list_all_rejects(settings)
    print_result([*lists, *errors], output, lambda _: "\n".join(_listed(one) for one in lists))
    for error in errors:
        say_aside(f"Error: {error}")
    if errors:
        sys.exit(1)


@rejects.command()
@click.argument("place", metavar="TOPIC/PARTITION/OFFSET")
@output_option
@reports_errors
def show(place: str, output: str) -> None:
    """Show one reject: its text as far as it can be decoded, every reason, and where each points."""
    from penstock.ingest.rejects.report import show_reject

    parts = _PLACE.fullmatch(place)
    if parts is None:
        raise click.BadParameter(
            f"'{place}' is no <topic>/<partition>/<offset>", param_hint="TOPIC/PARTITION/OFFSET"
        )
    shown = show_reject(
        Settings.from_env(), parts["topic"], int(parts["partition"]), int(parts["offset"])
    )  # fmt: skip
    print_result(shown, output, lambda found: "\n\n".join(_shown(one) for one in found))


@rejects.command()
@click.argument("stream")
@click.option(
    "--where", "conditions", multiple=True, metavar="reason=RULE|field=NAME",
    help="Only rejects with such a reason. Both: one reason with both.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would land, and change nothing.")
@click.option(
    "--wait", type=click.FloatRange(min=0), default=600.0, show_default=True, metavar="SECONDS",
    help="How long to wait for another process that consumes the stream.",
)  # fmt: skip
@run_id_option
@output_option
@reports_errors
def replay(
    stream: str, conditions: tuple[str, ...], dry_run: bool, wait: float, run_id: str, output: str
) -> None:
    """Check STREAM's rejects again under today's contract; those that pass land, once."""
    from penstock.ingest.consume.source import utc_now
    from penstock.ingest.contract.model import load_contract
    from penstock.ingest.rejects.replay import WHERE_KEYS
    from penstock.ingest.rejects.replay import replay as run_replay

    where: dict[str, str] = {}
    for condition in conditions:
        key, _, value = condition.partition("=")
        if key not in WHERE_KEYS or not value or key in where:
            known = " or ".join(f"{name}=…" for name in WHERE_KEYS)
            raise click.BadParameter(f"'{condition}': write {known}, each once", param_hint="--where")
        where[key] = value
    settings = Settings.from_env()
    result = run_replay(
        settings, load_contract(settings, stream), where=where, dry_run=dry_run, run_id=run_id,
        clock=utc_now, wait=wait,
    )  # fmt: skip
    print_result(result, output, _replayed)


@rejects.command()
@click.argument("stream")
@click.option(
    "-o", "--output", type=click.Choice(["json"]), default="json", show_default=True,
    help="NDJSON is the only form.",
)  # fmt: skip
@reports_errors
def export(stream: str, output: str) -> None:
    """Print all of STREAM's rejects as NDJSON, one object a line; bytes that are no UTF-8 as base64."""
    from penstock.ingest.contract.model import load_contract
    from penstock.ingest.rejects.report import export_rejects

    settings = Settings.from_env()
    for one in export_rejects(settings, load_contract(settings, stream)):
        say(json_line(one))


def _listed(result: RejectList) -> str:
    tombstones = sum(one.open for one in result.counts if one.rule == TOMBSTONE)
    still_open = rejects_text(result.open, "open", tombstones)
    lines = [f"{result.stream}: {still_open}, {result.replayed} replayed"]
    for one in result.counts:
        text = (
            f"  {one.day}  {one.field or 'the whole event'}: {one.rule}  "
            f"{one.open} open, {one.replayed} replayed  e.g. {one.example}"
        )
        lines.append(on_one_line(text))
    return "\n".join(lines)


def _shown(one: ShownReject) -> str:
    state = "open" if one.replayed_commit is None else f"replayed in commit {one.replayed_commit}"
    lines = [
        f"{one.place} (stream {one.stream}, epoch {one.epoch}): {state}",
        f"  rejected {one.rejected_at} in commit {one.commit}, contract {one.contract_version}; "
        f"Kafka's time {one.kafka_timestamp}",
        on_one_line(f"  key: {one.key}"),
        *(on_one_line(f"  header {name}: {value}") for name, value in one.headers),
        on_one_line(f"  value: {one.text}"),
    ]
    for why in one.reasons:
        lines.append(on_one_line(f"  {why.field or 'the whole event'}: {why.rule}, found {why.found}"))
        if why.at is not None and one.text is not None:
            start = max(why.at - _AROUND, 0)
            excerpt = one.text[start : why.at + _AROUND]
            # One character for each: the mark must stand below what it points at.
            lines.append("    " + "".join(letter if letter.isprintable() else "·" for letter in excerpt))
            lines.append("    " + " " * (why.at - start) + f"^ character {why.at}")
    return "\n".join(lines)


def _replayed(result: ReplayResult) -> str:
    would = "would land" if result.dry_run else "landed"
    under = f" under commit {result.commit}" if result.commit is not None else ""
    lines = [
        f"{result.stream}: {result.checked} rejects checked again: {result.landed} {would}{under}, "
        f"{result.still_rejected} stay"
    ]
    for reason in result.reasons:
        lines.append(
            f"  {reason.count} still rejected for {reason.field or 'the whole event'}: {reason.rule}"
        )
    return "\n".join(lines)
