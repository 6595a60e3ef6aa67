"""`penstock validate <pipeline>`, and its verbs: no pipeline may have the name of one (`core/names.py`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from penstock.core.command import output_option, print_result, reports_errors, run_id_option, user_name
from penstock.core.pipeline import load_pipeline
from penstock.core.settings import Settings
from penstock.core.verb_or_pipeline import VerbOrPipeline

if TYPE_CHECKING:
    from penstock.validate.feedback import Kind


def _judge_command(pipeline: str) -> click.Command:
    @click.command(pipeline)
    @output_option
    @run_id_option
    @reports_errors
    def command(output: str, run_id: str) -> None:
        """The gate: judge the candidates of a pipeline with Great Expectations.

        Prints and writes the verdict, which names the build that was judged; publish needs a passing one.
        Where it refuses them and the pipeline says `on_anomaly: quarantine`, it builds them without what is
        new, and judges these. Ends with 1 where the data is bad, or where a check could not be judged.
        """
        from penstock.quarantine.first_aid import judge
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


def _about_findings(command: Callable[..., None]) -> click.Command:
    """A verb of `validate` by which a person decides of findings."""
    decorators = (
        click.argument("pipeline"),
        click.argument("findings", metavar="FINDING…", nargs=-1, required=True),
        click.option("--why", required=True, help="Why, for whoever reads it later."),
        click.option("--by", default=lambda: user_name(), help="Who. Default: the system's user."),
        output_option,
    )
    whole = reports_errors(command)
    for decorator in reversed(decorators):
        whole = decorator(whole)
    return validate.command()(whole)


@_about_findings
def accept(pipeline: str, findings: tuple[str, ...], why: str, by: str, output: str) -> None:
    """Say that what a check of history of PIPELINE found is the new normal.

    Values near to it are usual from now on, beside those that were. FINDING is an id that the verdict has.
    The verdict stays as it is until the gate judges again.
    """
    _decide("accept", pipeline, findings, why, by, output)


@_about_findings
def reject(pipeline: str, findings: tuple[str, ...], why: str, by: str, output: str) -> None:
    """Say that the data of what a check of history of PIPELINE found is bad.

    Nothing in that mart is ever compared with these periods. They are judged as before: while they are not
    published, what stopped the run stops it again.
    """
    _decide("reject", pipeline, findings, why, by, output)


@_about_findings
def undo(pipeline: str, findings: tuple[str, ...], why: str, by: str, output: str) -> None:
    """Take back what was decided of a finding of PIPELINE: the gate judges as if nobody had said anything."""
    _decide("undo", pipeline, findings, why, by, output)


@validate.command()
@click.argument("pipeline")
@output_option
@reports_errors
def feedback(pipeline: str, output: str) -> None:
    """List what was decided of the findings of PIPELINE, by whom and why, and the verdict's findings."""
    from penstock.validate.decide import feedback as read
    from penstock.validate.decide import feedback_text

    print_result(read(_with_pipeline(pipeline), pipeline), output, feedback_text)


def _decide(kind: Kind, pipeline: str, findings: tuple[str, ...], why: str, by: str, output: str) -> None:
    from penstock.validate.decide import decide, decided_text

    now = dt.datetime.now(dt.UTC)
    decided = decide(_with_pipeline(pipeline), pipeline, kind, findings, by=by, why=why, now=now)
    print_result(decided, output, decided_text)


def _with_pipeline(pipeline: str) -> Settings:
    """The settings. Raises DeclarationError for a misspelt name."""
    settings = Settings.from_env()
    load_pipeline(settings, pipeline)
    return settings
