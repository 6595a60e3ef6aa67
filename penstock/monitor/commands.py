"""`penstock monitor failure | deliver | ls`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from penstock.core.command import output_option, print_result, reports_errors, run_id_option
from penstock.core.error_data import ErrorData, error_printed
from penstock.core.kill_point import kill_point
from penstock.core.settings import Settings

if TYPE_CHECKING:
    from penstock.monitor.delivery import Delivery
    from penstock.monitor.outbox import Entry, State


@dataclass(frozen=True)
class AlertResult:
    """What became of a failure's message. `why`: why it is not delivered, or ""."""

    message: int
    state: State
    why: str


@click.group()
def monitor() -> None:
    """What people hear: failures to Slack, through an outbox that a Slack outage cannot empty.

    \b
    SLACK_WEBHOOK_URL   an incoming webhook, or
    SLACK_BOT_TOKEN     a bot token, with a channel: the pipeline's (notifications: slack: channel)
    SLACK_CHANNEL       or this one, for pipelines that name none
    SLACK_API_URL       default https://slack.com/api/
    """


@monitor.command()
@click.argument("pipeline")
@click.option("--stage", required=True, help="Which stage failed: ingest, transform, validate, publish.")
@run_id_option
@click.option("--log-url", default="", help="Address of the task's log in Airflow.")
@click.option("--error", default="", metavar="JSON|TEXT",
              help="What the stage printed with `-o json`; or a sentence of your own.")  # fmt: skip
@output_option
@reports_errors
def failure(pipeline: str, stage: str, run_id: str, log_url: str, error: str, output: str) -> None:
    """Tell people that a stage of PIPELINE failed. Where Slack is down or slow, the message is kept."""
    from penstock.monitor.delivery import REAL_CLOCK, deliver
    from penstock.monitor.message import failure_message
    from penstock.monitor.outbox import Outbox
    from penstock.monitor.post import post
    from penstock.monitor.situation import situation
    from penstock.monitor.slack import Slack

    settings, slack, now = Settings.from_env(), Slack.from_env(), REAL_CLOCK.now()
    facts, channel = situation(
        settings, pipeline=pipeline, stage=stage, run_id=run_id, log_url=log_url, error=_error(error),
        at=now, scrubbed=slack.scrubbed,
    )  # fmt: skip
    outbox = Outbox(settings.outbox_file)
    message_id, unsent = post(
        outbox, slack, failure_message(facts), pipeline=facts.pipeline, stage=facts.stage,
        run_id=facts.run_id, channel=channel, at=now,
    )  # fmt: skip
    kill_point("monitor.stored")
    why = unsent or deliver(outbox, slack).why_pending
    entry = outbox.entry(message_id)
    why = "" if entry.state == "delivered" else entry.last_error or why
    print_result(AlertResult(message_id, entry.state, why), output, _alert_text)


@monitor.command(name="deliver")
@output_option
@reports_errors
def deliver_command(output: str) -> None:
    """Deliver the pending messages, in order, at least once. What Slack does not take now stays pending."""
    from penstock.monitor.delivery import deliver
    from penstock.monitor.outbox import Outbox
    from penstock.monitor.slack import Slack

    delivery = deliver(Outbox(Settings.from_env().outbox_file), Slack.from_env())
    print_result(delivery, output, _delivery_text)


@monitor.command()
@output_option
@reports_errors
def ls(output: str) -> None:
    """Show the outbox: all that is not delivered, and the newest of what is."""
    from penstock.monitor.outbox import Outbox

    print_result(Outbox(Settings.from_env().outbox_file).entries(), output, _entries_text)


def _error(said: str) -> ErrorData:
    return error_printed(said) or ErrorData("Text", said.strip())


def _alert_text(result: AlertResult) -> str:
    if result.state == "delivered":
        return f"message {result.message}: delivered to Slack"
    return f"message {result.message}: {result.state}: {result.why}"


def _delivery_text(delivery: Delivery) -> str:
    text = f"{delivery.delivered} delivered, {delivery.pending} pending"
    if delivery.refused:
        text += f", {delivery.refused} refused by Slack (see: penstock monitor ls)"
    return f"{text}: {delivery.why_pending}" if delivery.why_pending else text


def _entries_text(entries: list[Entry]) -> str:
    if not entries:
        return "the outbox is empty"
    return "\n".join(_entry_text(entry) for entry in entries)


def _entry_text(entry: Entry) -> str:
    title = entry.text.partition("\n")[0]
    attempts = f"{entry.attempts} attempt{'' if entry.attempts == 1 else 's'}"
    text = f"{entry.id:>4}  {entry.created_at:%Y-%m-%d %H:%M:%S}  {entry.state:<9}  {attempts}  {title}"
    if entry.maybe_taken:
        text += "\n      an attempt ended without a clear answer: Slack may have it"
    return f"{text}\n      {entry.last_error}" if entry.last_error else text
