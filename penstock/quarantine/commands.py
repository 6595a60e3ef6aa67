"""`penstock quarantine ls | add | release`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from penstock.core.command import (
    output_option,
    print_result,
    reports_errors,
    run_id_option,
    say_aside,
    user_name,
)
from penstock.core.errors import PenstockError
from penstock.core.pipeline import Pipeline, load_pipeline
from penstock.core.settings import Settings

if TYPE_CHECKING:
    from penstock.quarantine.by_hand import Listed, Moved, Person


@click.group()
def quarantine() -> None:
    """First aid: commits that a pipeline's marts are built without, until somebody releases them.

    The gate puts them there where a pipeline says `on_anomaly: quarantine`, and people do with `add`. They
    stay in landing: nothing is lost. Each move is told in Slack and kept with its name and reason.
    """


@quarantine.command()
@click.argument("pipeline")
@output_option
@reports_errors
def ls(pipeline: str, output: str) -> None:
    """Show what the marts of PIPELINE are built without, since when, and why."""
    from penstock.quarantine.by_hand import listed

    settings = Settings.from_env()
    load_pipeline(settings, pipeline)
    print_result(listed(settings, pipeline), output, _listed_text)


def _move(command: Callable[..., None]) -> click.Command:
    """A verb of `quarantine` by which a person moves commits."""
    whole = reports_errors(command)
    for decorator in (
        output_option,
        run_id_option,
        click.option("--by", default=lambda: user_name(), help="Who. Default: the system's user."),
        click.option("--why", required=True, help="Why, for whoever reads it later."),
    ):
        whole = decorator(whole)
    return quarantine.command()(whole)


@_move
@click.argument("pipeline")
@click.argument("stream")
@click.argument("commits")
def add(pipeline: str, stream: str, commits: str, why: str, by: str, run_id: str, output: str) -> None:
    """Build the marts of PIPELINE without COMMITS (3, or 3-5) of STREAM from now on.

    `raw.commits` of the landing file says what landed in which commit. The next build makes all rows anew.
    """
    from penstock.quarantine.by_hand import add as put_in

    settings = Settings.from_env()
    declared = load_pipeline(settings, pipeline)
    moved = put_in(settings, declared, stream, commits, _person(by, why, run_id))
    _tell(settings, declared, moved)
    print_result(moved, output, _moved_text)


@_move
@click.argument("pipeline")
@click.argument("stream", required=False)
@click.argument("commits", required=False)
def release(
    pipeline: str, stream: str | None, commits: str | None, why: str, by: str, run_id: str, output: str
) -> None:
    """Build the marts of PIPELINE with COMMITS (3, or 3-5) of STREAM again; without these, with all.

    The gate judges them anew. What it refuses then waits for people: it is not put into quarantine again.
    """
    from penstock.quarantine.by_hand import release as let_out

    settings = Settings.from_env()
    declared = load_pipeline(settings, pipeline)
    moved = let_out(settings, pipeline, stream, commits, _person(by, why, run_id))
    _tell(settings, declared, moved)
    print_result(moved, output, _moved_text)


def _tell(settings: Settings, pipeline: Pipeline, moved: Moved) -> None:
    from penstock.quarantine.told import tell

    try:
        tell(settings, pipeline, moved.moves)
    except PenstockError as exc:  # it is done, whoever hears of it
        say_aside(f"Nobody else hears of it: {exc.message}")


def _person(by: str, why: str, run_id: str) -> Person:
    from penstock.quarantine.by_hand import Person

    return Person(by, why, dt.datetime.now(dt.UTC), run_id)


def _moved_text(moved: Moved) -> str:
    from penstock.core.quarantine import commits_text

    name = moved.pipeline
    into = {"quarantine": "in quarantine", "release": "released"}
    lines = [
        f"{name}: {commits_text(move.stream, [(move.first_commit, move.last_commit)])}: {into[move.action]}"
        for move in moved.moves
    ]
    run = f"penstock transform {name}, penstock validate {name}, penstock publish {name}"
    lines.append(f"It counts with the next build, which makes all rows anew. Run: {run}")
    return "\n".join(lines)


def _listed_text(listed: Listed) -> str:
    from penstock.core.quarantine import commits_text

    if not listed.inside:
        return f"{listed.pipeline}: nothing is in quarantine"
    return "\n".join(
        f"{commits_text(one.stream, [(one.first_commit, one.last_commit)])}  {one.events:,} events  "
        f"since {one.since}  by {one.by}: {one.why}"
        for one in listed.inside
    )
