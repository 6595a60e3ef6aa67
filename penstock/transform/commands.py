"""`penstock transform <pipeline>`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.core.command import output_option, print_result, reports_errors, run_id_option
from penstock.core.settings import Settings

if TYPE_CHECKING:
    from penstock.transform.transform import TransformResult


@click.command()
@click.argument("pipeline")
@click.option("--full-refresh", is_flag=True, help="Read all that has landed again, not only what is new.")
@run_id_option
@output_option
@reports_errors
def transform(pipeline: str, full_refresh: bool, run_id: str, output: str) -> None:
    """Build the candidate marts of PIPELINE with dbt, from what is new in its landing files."""
    from penstock.transform.transform import transform as build

    result = build(Settings.from_env(), pipeline, run_id=run_id, full_refresh=full_refresh)
    print_result(result, output, _as_text)


def _as_text(result: TransformResult) -> str:
    lines = [
        f"{result.pipeline}: built in {result.seconds:.1f} s, complete until "
        f"{result.complete_until:%Y-%m-%d %H:%M:%S} UTC",
        f"  {result.models} models, {result.tests} tests, {result.unit_tests} unit tests, "
        f"{result.warnings} warnings; {result.new_commits} new commits of landing",
        f"  build {result.build_id}",
    ]
    if result.quarantined_events:
        left_out = f"  {result.quarantined_events:,} events are left out: they are in quarantine"
        lines.append(f"{left_out} (penstock quarantine ls {result.pipeline})")
    return "\n".join(lines)
