"""`penstock publish <pipeline>`, and `ls`, `rollback`, `resume`: no pipeline may have these names."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from penstock.core.command import output_option, print_result, reports_errors, run_id_option, user_name
from penstock.core.declared_files import declared_files
from penstock.core.errors import PublishError
from penstock.core.settings import Settings
from penstock.core.verb_or_pipeline import VerbOrPipeline
from penstock.core.yaml_file import suggestion

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.publish.listing import ListedPublication, Listing
    from penstock.publish.publish import PublishResult


def _publish_command(pipeline: str) -> click.Command:
    @click.command(pipeline, help=f"Publish the build of {pipeline} that the gate passed.")
    @run_id_option
    @output_option
    @reports_errors
    def command(run_id: str, output: str) -> None:
        from penstock.publish.publish import publish as publish_build

        settings = Settings.from_env()
        _must_be_declared(settings, pipeline)
        print_result(publish_build(settings, pipeline, run_id=run_id, now=_now()), output, _published)

    return command


@click.group(cls=VerbOrPipeline, of_pipeline=_publish_command)
def publish() -> None:
    """Publish the build of PIPELINE that the gate passed, as a new file that replaces the old in one step.

    `penstock publish PIPELINE --help` shows the options.
    """


@publish.command()
@click.argument("pipeline")
@output_option
@reports_errors
def ls(pipeline: str, output: str) -> None:
    """List what was published of PIPELINE: every row of its ledger, and which versions are still there."""
    from penstock.publish.listing import list_publications

    settings = Settings.from_env()
    _must_be_declared(settings, pipeline)
    print_result(list_publications(settings, pipeline), output, _listed)


_by_option = click.option(
    "--by", default=lambda: user_name(), help="Who does this, for the ledger. Default: the system's user."
)  # fmt: skip
_why_option = click.option("--why", help="Why, for the ledger and for whoever reads it later.")


@publish.command()
@click.argument("pipeline")
@click.option("--to", type=int, metavar="VERSION", help="Default: the version that was served before.")
@_why_option
@_by_option
@run_id_option
@output_option
@reports_errors
def rollback(pipeline: str, to: int | None, why: str | None, by: str, run_id: str, output: str) -> None:
    """Serve an older version of PIPELINE again, and hold later publications until `resume`."""
    from penstock.publish.rollback import rollback as roll_back

    settings = Settings.from_env()
    _must_be_declared(settings, pipeline)
    result = roll_back(settings, pipeline, to=to, by=by, why=why, run_id=run_id, now=_now())
    print_result(result, output, _published)


@publish.command()
@click.argument("pipeline")
@_why_option
@_by_option
@run_id_option
@output_option
@reports_errors
def resume(pipeline: str, why: str | None, by: str, run_id: str, output: str) -> None:
    """End the hold of PIPELINE after a rollback: its next run publishes again."""
    from penstock.publish.rollback import resume as end_hold

    settings = Settings.from_env()
    _must_be_declared(settings, pipeline)
    print_result(end_hold(settings, pipeline, by=by, why=why, run_id=run_id, now=_now()), output, _published)


def _must_be_declared(settings: Settings, pipeline: str) -> None:
    """A misspelt pipeline, or a misspelt verb, is reported before anything is looked for or written."""
    file = settings.pipeline_file(pipeline)
    declared = [path.stem for path in declared_files(file.parent, ".yaml")]
    if pipeline not in declared:
        known = [*declared, *publish.commands]
        raise PublishError(
            f"no pipeline '{pipeline}': {file} does not exist",
            fix=suggestion(pipeline, known),
            where=file,
            value=pipeline,
        )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _published(result: PublishResult) -> str:
    until = _time(result.complete_until)
    headline = {
        "publish": f"version {result.version} published",
        "refresh": f"no mart changed: version {result.version} stays",
        "hold": f"on hold since the rollback to version {result.version}: nothing published; "
        f"`penstock publish resume {result.pipeline}` ends the hold",
        "rollback": f"version {result.version} is served again; on hold until "
        f"`penstock publish resume {result.pipeline}`",
        "resume": f"the hold is over; version {result.version} is served until the next publication",
    }[result.action]
    marts = [
        f"  {name}: {rows} rows{', changed' if name in result.changed_marts else ''}"
        for name, rows in result.marts.items()
    ]
    return "\n".join([f"{result.pipeline}: {headline}; complete until {until}", *marts, f"  {result.file}"])


def _listed(listing: Listing) -> str:
    if not listing.publications:
        return f"{listing.pipeline}: nothing was published yet"
    rows: list[tuple[str, ...]] = [
        ("", "seq", "version", "action", "published", "complete until", "rows", "changed", "file", "by")
    ]
    rows += [_listed_row(row, listing.folder) for row in listing.publications]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    hold = f"on hold; `penstock publish resume {listing.pipeline}` ends the hold" if listing.on_hold else ""
    return "\n".join(line.rstrip() for line in [*lines, hold] if line)


def _listed_row(row: ListedPublication, folder: Path) -> tuple[str, ...]:
    return (
        "→" if row.served else "",
        str(row.seq),
        str(row.version),
        row.action,
        _time(row.published_at),
        _time(row.complete_until),
        str(sum(row.marts.values())),
        f"{len(row.changed_marts)} of {len(row.marts)}",
        str(row.file.relative_to(folder)) if row.file else "gone",
        ": ".join(text for text in (row.by, row.why) if text),
    )


def _time(at: dt.datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "unknown"
