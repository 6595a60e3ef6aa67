"""`python -m bench`: what `make bench` runs."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import click

from bench.machine import this_machine
from bench.page import page
from bench.pairs import RIVALS, run_pairs
from bench.result import Result
from bench.topic import own_broker
from penstock.core.command import output_option, tell, tells_errors

_WAYS = [rival.way for rival in RIVALS]
_PARTS = ("pairs",)


@click.command()
@click.option("--events", type=click.IntRange(min=1000), default=2_000_000, show_default=True, metavar="N")
@click.option(
    "--pairs", type=click.IntRange(min=1), default=7, show_default=True, help="Pairs of each rival."
)
@click.option("--against", type=click.Choice(_WAYS), multiple=True, help="Only this rival; may be repeated.")
@click.option("--part", type=click.Choice(_PARTS), multiple=True, help="Only this part; may be repeated.")
@click.option(
    "--page", "page_file", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the tables to this Markdown file.",
)  # fmt: skip
@output_option
@tells_errors
def bench(
    events: int, pairs: int, against: tuple[str, ...], part: tuple[str, ...], page_file: Path | None,
    output: str,
) -> None:  # fmt: skip
    """How fast is landing? Against rivals, in pairs; on variations; its memory, idling and file size."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    began = time.monotonic()
    machine = this_machine()
    parts = part or _PARTS

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - began:5.0f} s  {text}", err=True)

    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        folder = Path(name)
        with own_broker(folder) as servers:
            turns = folder / "turns"
            result = Result(
                machine=machine,
                events=events,
                pairs=run_pairs(servers, turns, events, pairs, against or _WAYS, say)
                if "pairs" in parts
                else None,
                minutes=round((time.monotonic() - began) / 60, 1),
            )
    text = page(result)
    if page_file is not None:
        page_file.write_text(text, encoding="utf-8")
    tell(result, output, lambda _: text)
