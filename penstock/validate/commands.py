"""`penstock validate <pipeline>`, and `backtest`: no pipeline may have this name."""

from __future__ import annotations

import click

from penstock.core.command import output_option, print_result, reports_errors, run_id_option
from penstock.core.pipeline import load_pipeline
from penstock.core.settings import Settings
from penstock.core.verb_or_pipeline import VerbOrPipeline


def _judge_command(pipeline: str) -> click.Command:
    @click.command(pipeline)
    @output_option
    @run_id_option
    @reports_errors
    def command(output: str, run_id: str) -> None:
        """The gate: judge the candidates of a pipeline with Great Expectations.

        Prints and writes the verdict, which names the build that was judged; publish needs a passing one.
        Ends with 1 where the data is bad, or where a check could not be judged.
        """
        from penstock.validate.gate import validate as judge
        from penstock.validate.verdict import verdict_error, verdict_text

        settings = _with_pipeline(pipeline)
        verdict = judge(settings, pipeline, run_id)
        print_result(verdict, output, verdict_text, error=verdict_error(verdict))

    return command


@click.group(cls=VerbOrPipeline, of_pipeline=_judge_command)
def validate() -> None:
    """The gate: judge the candidates of PIPELINE with Great Expectations, and write the verdict.

    `penstock validate PIPELINE --help` shows the options.
    """


@validate.command()
@click.argument("pipeline")
@click.option(
    "--days", type=click.IntRange(min=1), default=90, show_default=True, help="How many days, the newest."
)
@output_option
@reports_errors
def backtest(pipeline: str, days: int, output: str) -> None:
    """Ask the checks of history of PIPELINE what they would have said as of each earlier period.

    As if all before it had been published, and it were new: when would a check have stopped a run or warned,
    and why? It asks the candidates, or where there are none the published marts, under the suites as they are
    now, and changes nothing.
    """
    from penstock.validate.backtest import backtest as ask
    from penstock.validate.backtest import backtest_text

    print_result(ask(_with_pipeline(pipeline), pipeline, days=days), output, backtest_text)


def _with_pipeline(pipeline: str) -> Settings:
    """The settings. Raises DeclarationError for a misspelt name."""
    settings = Settings.from_env()
    load_pipeline(settings, pipeline)
    return settings
