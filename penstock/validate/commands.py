"""`penstock validate <pipeline>`."""

from __future__ import annotations

import click

from penstock.core.command import output_option, print_result, reports_errors, run_id_option
from penstock.core.pipeline import load_pipeline
from penstock.core.settings import Settings


@click.command()
@click.argument("pipeline")
@output_option
@run_id_option
@reports_errors
def validate(pipeline: str, output: str, run_id: str) -> None:
    """The gate: judge the candidates of PIPELINE with Great Expectations.

    Prints and writes the verdict, which names the build that was judged; publish needs a passing one. Ends
    with 1 where the data is bad, or where a check could not be judged.
    """
    from penstock.validate.gate import validate as judge
    from penstock.validate.verdict import verdict_error, verdict_text

    settings = Settings.from_env()
    load_pipeline(settings, pipeline)  # a misspelt name is reported as such
    verdict = judge(settings, pipeline, run_id)
    print_result(verdict, output, verdict_text, error=verdict_error(verdict))
