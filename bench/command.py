"""`python -m bench`: what `make bench` runs."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bench.child import REPOSITORY, BenchError
from bench.events import Kind
from bench.file_size import run_file_size
from bench.history import run_history
from bench.idle import run_idle
from bench.machine import this_machine
from bench.memory import run_memory
from bench.page import page
from bench.pairs import BASELINES, Say, run_pairs
from bench.result import Result
from bench.run import OURS, Outcome, run_once
from bench.shape_list import SHAPES
from bench.shapes import run_shapes
from bench.topic import Topic, make_topic, own_broker
from bench.variations import run_variations
from penstock.core.command import output_option, print_result, reports_errors

_BASELINES = [baseline.name for baseline in BASELINES]
_SHAPES = [shape.name for shape in SHAPES]
_PARTS = ("pairs", "shapes", "profile", "variations", "memory", "idle", "file_size", "history")


@click.command()
@click.option("--events", type=click.IntRange(min=1000), default=2_000_000, show_default=True, metavar="N")
@click.option(
    "--pairs", type=click.IntRange(min=1), default=7, show_default=True, help="Pairs of each baseline."
)
@click.option(
    "--against", type=click.Choice(_BASELINES), multiple=True, help="Only this baseline; may be repeated."
)
@click.option("--shape", type=click.Choice(_SHAPES), multiple=True, help="Only this shape; may be repeated.")
@click.option("--part", type=click.Choice(_PARTS), multiple=True, help="Only this part; may be repeated.")
@click.option(
    "--page", "page_file", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the tables to this Markdown file.",
)  # fmt: skip
@output_option
@reports_errors
def bench(
    events: int, pairs: int, against: tuple[str, ...], shape: tuple[str, ...], part: tuple[str, ...],
    page_file: Path | None, output: str,
) -> None:  # fmt: skip
    """How fast is landing? Against baselines, in pairs; on the shapes that producers write; on variations;
    its memory, idling and file size. And what do the gate's checks of history cost on a year?"""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    began = time.monotonic()
    machine = this_machine()
    parts = part or _PARTS

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - began:5.0f} s  {text}", err=True)

    data = REPOSITORY / "data"  # on the disk where landing files lie, not in a /tmp that may be memory
    data.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=data) as temporary:
        folder = Path(temporary)
        with own_broker(folder) as servers:
            landing = folder / "landing"
            run_part: dict[str, Callable[[str, Path], Any]] = {
                "pairs": lambda at, to: run_pairs(at, to, events, pairs, against or _BASELINES, say),
                "shapes": lambda at, to: run_shapes(at, to, events, min(pairs, 5), shape or _SHAPES, say),
                "profile": lambda at, to: run_profile(at, to, events, say),
                "variations": lambda at, to: run_variations(at, to, events // 4, min(pairs, 2), say),
                "memory": lambda at, to: run_memory(at, to, events, say),
                "idle": lambda at, to: run_idle(at, to, say),
                "file_size": lambda at, to: run_file_size(at, to, events // 2, say),
                "history": lambda _, to: run_history(to, 5 * events, say),
            }
            found: dict[str, Any] = dict.fromkeys(run_part)
            failed = []
            for name in (name for name in run_part if name in parts):
                try:
                    found[name] = run_part[name](servers, landing)
                except BenchError as exc:  # what the other parts take minutes for is not lost
                    failed.append(exc)
                    say(f"{name} failed: {exc}")
            minutes = round((time.monotonic() - began) / 60, 1)
    result = Result(machine=machine, events=events, minutes=minutes, **found)
    text = page(result)
    if page_file is not None:
        page_file.write_text(text, encoding="utf-8")
    print_result(result, output, lambda _: text, error=failed[0] if failed else None)


def run_profile(servers: str, folder: Path, events: int, say: Say) -> tuple[Outcome, ...]:
    """One run of each of ours that times its steps."""
    topic = Topic(Kind(), events)
    make_topic(servers, topic)
    outcomes = tuple(run_once(contender, servers, topic, folder, profile=True) for contender in OURS)
    say(f"profile: {', '.join(f'{outcome.seconds:.1f} s' for outcome in outcomes)}")
    return outcomes
