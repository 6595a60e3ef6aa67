"""The end of run-local, for a person: what happened, a taste of a mart, what to open and type next."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from penstock.core.pipeline import Pipeline
from penstock.core.settings import Settings
from penstock.local.summary import Summary, taste
from penstock.monitor.slack import Slack

_MART, _BY, _ROWS = "customers", "revenue", 5
_COLUMNS = ("user_id", "rfm_segment", "sessions", "purchases", "revenue", "favourite_brand")


def print_summary(
    console: Console, settings: Settings, pipeline: Pipeline, summary: Summary, airflow_url: str
) -> None:
    """Print everything that there is to say after a run that succeeded."""
    console.print()
    console.print(_facts(settings, pipeline, summary))
    console.print()
    console.print(_taste(summary))
    console.print(_next(summary, pipeline.name, airflow_url), soft_wrap=True)


def _facts(settings: Settings, pipeline: Pipeline, summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    dbt = summary.dbt
    for name, text in (
        ("Events", _events(summary)),
        ("Rejected", _rejected(summary)),
        ("dbt", f"{dbt.models} models, {dbt.tests} data tests, {dbt.unit_tests} unit tests"),
        ("Gate", _checks(summary)),
        ("Marts", ", ".join(f"{mart} {rows:,}" for mart, rows in summary.marts.items()) + " (rows)"),
        ("Published", _published(summary)),
        ("Slack", _slack(settings, pipeline)),
    ):
        table.add_row(name, Text(text))
    return table


def _events(summary: Summary) -> str:
    text = (
        f"{summary.produced:,} produced = {summary.landed:,} landed + {summary.rejected:,} rejected"
        if summary.produced
        else "0 produced, 0 landed"
    )
    if summary.copies:
        sent_twice = f"; {summary.duplicates:,} were sent twice on purpose" if summary.duplicates else ""
        text += f"\n{summary.copies:,} of the landed repeat an event_id that landed before{sent_twice}"
    if summary.from_before:
        text += f"\n{summary.from_before:,} more had waited in the topic and were taken in, too"
    return text


def _rejected(summary: Summary) -> str:
    if not summary.rejected:
        return "none"
    reasons = ", ".join(
        f"{reason['field'] or 'the whole event'}: {reason['rule']} ({reason['count']:,})"
        for reason in summary.reasons
    )
    text = f"{summary.rejected:,}; reasons: {reasons}"
    if summary.dirt:
        spoilt = ", ".join(f"{kind} {count:,}" for kind, count in summary.dirt.items())
        text += f"\n{sum(summary.dirt.values()):,} were spoilt on purpose: {spoilt}"
    return text


def _checks(summary: Summary) -> str:
    checks = summary.checks
    text = f"{checks.passed} checks passed, {checks.warned} warned, {checks.failed} failed"
    if skipped := checks.skipped:
        text += f"; {skipped} skipped: no version was published before with which to compare"
    return "\n".join([text, *(f"{problem.mart}: {problem.message}" for problem in summary.problems)])


def _published(summary: Summary) -> str:
    until = f"{summary.complete_until:%Y-%m-%d %H:%M:%S} UTC" if summary.complete_until else "an unknown time"
    if summary.action in ("publish", "resume"):
        what = f"version {summary.version}; changed: {', '.join(summary.changed_marts) or 'no mart'}"
    elif summary.action == "refresh":
        what = f"nothing changed: every mart is as it was, and version {summary.version} stays"
    else:
        what = f"on hold since a rollback to version {summary.version}; `penstock publish resume` ends that"
    return f"{what}\ncomplete until {until}"


def _slack(settings: Settings, pipeline: Pipeline) -> str:
    slack = Slack.from_env()
    if slack.destination(pipeline.slack_channel):
        return "configured: a failed run is reported"
    return (
        f"not configured: {slack.what_is_missing}. A failed run's message is logged, and kept in "
        f"{_short(settings.outbox_file)}"
    )


def _taste(summary: Summary) -> Group:
    """The first rows; of the columns those that fit a screen."""
    columns, rows = taste(summary.marts_file, _MART, _BY, _ROWS)
    shown = [columns.index(column) for column in _COLUMNS if column in columns]
    table = Table(title=f"{_MART}, by {_BY}", title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for place in shown:
        table.add_column(columns[place], no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row[place]) for place in shown))
    return Group(table, Text(f"  … and {len(columns) - len(shown)} more columns", style="dim"))


def _cell(value: Any) -> Text:
    return Text("" if value is None else f"{value:,}" if isinstance(value, Decimal | float) else str(value))


def _next(summary: Summary, pipeline: str, airflow_url: str) -> Text:
    file = _short(summary.marts_file)
    query = f"SELECT * FROM {_MART} ORDER BY {_BY} DESC LIMIT 10"
    python = f"import duckdb; duckdb.connect('{file}', read_only=True).sql('{query}').show()"
    lines = [
        ("Airflow", f"{airflow_url}/dags/{pipeline}"),
        ("Data Docs", summary.docs.absolute().as_uri()),
        ("Query with Python", f'.venv/bin/python -c "{python}"'),
        ("Query with DuckDB", f'duckdb -readonly {file} "{query}"'),
        ("More events", "make run-local"),
        ("End it all", "make stop"),
    ]
    width = max(len(name) for name, _ in lines)
    return Text("\n" + "\n".join(f"{name:<{width}}  {text}" for name, text in lines))


def _short(path: Path) -> str:
    """The path as one types it here."""
    inside = path.absolute().is_relative_to(Path.cwd())
    return os.path.relpath(path) if inside else str(path)
