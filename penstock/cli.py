"""The command line: `penstock <stage> <verb>`. A stage is imported only when it is asked for."""

from __future__ import annotations

import importlib
from typing import Any

import click

import penstock
from penstock.core.streams import prepare_process, print_any_text

# In the order in which events flow.
STAGES = {
    "ingest": "Kafka → landing: consume a stream, exactly once.",
    "transform": "Landing → warehouse: build a pipeline's candidate marts with dbt.",
    "validate": "The gate: judge the candidates with Great Expectations.",
    "quarantine": "First aid: commits that the marts are built without; ls, add, release.",
    "publish": "Warehouse → marts: publish what the gate passed; ls, rollback, resume.",
    "monitor": "What people hear: failures to Slack, through an outbox.",
    "doctor": "What looks wrong, anywhere, and a way out; changes nothing.",
    "local": "Your laptop only: broker, sample events, Airflow, the whole run.",
}


class _Stages(click.Group):
    """Finds `penstock.<stage>.commands:<stage>` when the stage is named."""

    def main(self, args: Any = None, *rest: Any, **options: Any) -> Any:
        """Without `args` this is a process of its own, which is prepared first."""
        if args is None:
            prepare_process()
        else:
            print_any_text()
        return super().main(args, *rest, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(STAGES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in STAGES:
            return None
        module = importlib.import_module(f"penstock.{cmd_name}.commands")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Stages"):
            formatter.write_dl(list(STAGES.items()))


@click.group(cls=_Stages)
@click.version_option(penstock.__version__, prog_name="penstock")
def main() -> None:
    """Penstock: Kafka events to published DuckDB marts, each event once, no bad data published."""
