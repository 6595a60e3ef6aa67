"""`penstock ingest drain | follow | wait | backup | restore | rejects`."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from penstock.core.command import output_option, print_result, reports_errors, run_id_option, say_aside
from penstock.core.settings import Settings
from penstock.ingest.check.tombstones import TOMBSTONE, rejects_text
from penstock.ingest.rejects.commands import rejects

if TYPE_CHECKING:
    from penstock.ingest.consume.drain import DrainResult
    from penstock.ingest.consume.follow import FollowResult
    from penstock.ingest.consume.limits import Limits
    from penstock.ingest.landing.batch import Landed
    from penstock.ingest.landing.gap import Gap
    from penstock.ingest.recovery.backup import BackupResult
    from penstock.ingest.recovery.restore import RestoreResult

_wait_option = click.option(
    "--wait", type=click.FloatRange(min=0), default=600.0, show_default=True, metavar="SECONDS",
    help="How long to wait for another process that consumes the stream.",
)  # fmt: skip

_accept_gap_option = click.option(
    "--accept-gap", is_flag=True,
    help="Go on without events that the topic removed before they were read; the landing file records them.",
)  # fmt: skip


@click.group()
def ingest() -> None:
    """Kafka → landing: consume a stream, exactly once."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    # kafka-python logs every try to connect; what is worth telling reaches us as an exception.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


ingest.add_command(rejects)


@ingest.command()
@click.argument("stream")
@click.option(
    "--new-epoch",
    is_flag=True,
    help="The topic was made anew on purpose, or its log was cut off: go on from its beginning.",
)
@_accept_gap_option
@_wait_option
@run_id_option
@output_option
@click.pass_obj
@reports_errors
def drain(
    limits: Limits | None,
    stream: str,
    new_epoch: bool,
    accept_gap: bool,
    wait: float,
    run_id: str,
    output: str,
) -> None:  # fmt: skip
    """Land all that STREAM's topic holds now, then exit."""
    from penstock.ingest.consume.drain import drain as run_drain
    from penstock.ingest.consume.limits import DEFAULT
    from penstock.ingest.consume.source import utc_now
    from penstock.ingest.contract.model import load_contract

    settings = Settings.from_env()
    result = run_drain(
        settings, load_contract(settings, stream), run_id=run_id, clock=utc_now, begin_new_epoch=new_epoch,
        accept_gap=accept_gap, wait=wait, on_landed=_tell_progress, limits=limits or DEFAULT,
    )  # fmt: skip
    print_result(result, output, _drained)


@ingest.command()
@click.argument("stream")
@_wait_option
@output_option
@reports_errors
def wait(stream: str, wait: float, output: str) -> None:
    """Consume nothing; wait until a running `follow` has landed all that STREAM's topic holds now."""
    from penstock.ingest.consume.drain import wait_until_landed
    from penstock.ingest.consume.source import utc_now
    from penstock.ingest.contract.model import load_contract

    settings = Settings.from_env()
    print_result(
        wait_until_landed(settings, load_contract(settings, stream), clock=utc_now, wait=wait),
        output,
        _drained,
    )


@ingest.command()
@click.argument("stream")
@_accept_gap_option
@run_id_option
@output_option
@click.pass_obj
@reports_errors
def follow(limits: Limits | None, stream: str, accept_gap: bool, run_id: str, output: str) -> None:
    """Land STREAM's events as they come, until stopped (Ctrl-C or SIGTERM)."""
    from penstock.ingest.consume.follow import follow as run_follow
    from penstock.ingest.consume.limits import DEFAULT
    from penstock.ingest.consume.source import utc_now
    from penstock.ingest.contract.model import load_contract

    stop = threading.Event()

    def request_stop(signum: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    settings = Settings.from_env()
    result = run_follow(
        settings, load_contract(settings, stream), run_id=run_id, clock=utc_now, stop=stop,
        accept_gap=accept_gap, limits=limits or DEFAULT,
    )  # fmt: skip
    print_result(result, output, _followed)


@ingest.command()
@click.argument("stream")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another process that holds the landing file.",
)
@output_option
@reports_errors
def backup(stream: str, file: Path, wait: float, output: str) -> None:
    """Copy STREAM's landing file, with its offsets, to FILE; a running `follow` goes on."""
    from penstock.ingest.contract.model import load_contract
    from penstock.ingest.recovery.backup import backup as run_backup

    settings = Settings.from_env()
    load_contract(settings, stream)  # a misspelt stream is reported as such
    print_result(run_backup(settings, stream, file, wait=wait), output, _backed_up)


@ingest.command()
@click.argument("stream")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="A landing file is there: move it aside.")
@click.option(
    "--new-epoch",
    is_flag=True,
    help="The topic was made anew on purpose, or its log was cut off: go on from its beginning.",
)
@_accept_gap_option
@run_id_option
@output_option
@reports_errors
def restore(
    stream: str, file: Path, replace: bool, new_epoch: bool, accept_gap: bool, run_id: str, output: str
) -> None:
    """Make FILE, a backup, STREAM's landing file; a drain then lands again what the topic still holds."""
    from penstock.ingest.consume.source import utc_now
    from penstock.ingest.contract.model import load_contract
    from penstock.ingest.recovery.restore import restore as run_restore

    settings = Settings.from_env()
    result = run_restore(
        settings, load_contract(settings, stream), file, run_id=run_id, clock=utc_now, accept_gap=accept_gap,
        begin_new_epoch=new_epoch, replace=replace,
    )  # fmt: skip
    print_result(result, output, _restored)


def _tell_progress(landed: Landed) -> None:
    if landed.commit is not None:
        rejected = rejects_text(landed.rejected, "rejected", landed.reasons.get((None, TOMBSTONE), 0))
        say_aside(f"commit {landed.commit}: {landed.landed} landed, {rejected}")


def _drained(result: DrainResult) -> str:
    if result.by_another:
        seconds = f"{result.seconds:.1f} s"
        return f"{result.stream}: another process consumes it, and has landed all up to the end ({seconds})"
    tombstones = sum(reason.count for reason in result.reasons if reason.rule == TOMBSTONE)
    rejected = rejects_text(result.rejected, "rejected", tombstones)
    lines = [
        f"{result.stream}: {result.landed} landed, {rejected} in {result.commits} commits "
        f"({result.seconds:.1f} s); complete until {result.complete_until}"
    ]
    for reason in result.reasons:
        lines.append(f"  {reason.count} rejected for {reason.field or 'the whole event'}: {reason.rule}")
    lines += [f"  warning: {sudden}" for sudden in result.sudden]
    return "\n".join(lines + _gaps(result.gaps))


def _followed(result: FollowResult) -> str:
    rejected = rejects_text(result.rejected, "rejected", result.tombstones)
    counts = f"{result.landed} landed, {rejected} in {result.commits} commits"
    return "\n".join([f"{result.stream}: {counts}", *_gaps(result.gaps)])


def _backed_up(result: BackupResult) -> str:
    return (
        f"{result.stream}: {result.file} holds all up to commit {result.commit}; "
        f"complete until {result.complete_until} ({result.seconds:.1f} s)"
    )


def _restored(result: RestoreResult) -> str:
    lines = [
        f"{result.stream}: {result.file} is restored ({result.seconds:.1f} s); {result.to_land} offsets of "
        f"the topic lie after it: run `penstock ingest drain {result.stream}`"
    ]
    if result.moved_aside is not None:
        lines.append(f"  the file that was there is now {result.moved_aside}")
    return "\n".join(lines + _gaps(result.gaps))


def _gaps(gaps: tuple[Gap, ...]) -> list[str]:
    return [
        f"  gap accepted: partition {gap.partition}, offsets {gap.from_offset} to {gap.to_offset} "
        f"({gap.events} events)"
        for gap in gaps
    ]
