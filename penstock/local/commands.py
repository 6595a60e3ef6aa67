"""`penstock local run | status | stop | clean`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from penstock.core.command import output_option, print_result, reports_errors, say_aside, to_json
from penstock.core.errors import PenstockError
from penstock.core.settings import Settings

if TYPE_CHECKING:
    from penstock.local.services import Service

_MADE_BY_RUNS = (
    "landing",
    "warehouse",
    "marts",
    "dbt",
    "verdicts",
    "docs",
    "locks",
    "logs",
    "local",
    "penstock.sqlite*",
)
_PORT = click.IntRange(1, 65535)


@click.group()
def local() -> None:
    """Your laptop only: broker, sample events, Airflow, the whole run."""


@local.command()
@click.option("--count", default=100_000, show_default=True, type=click.IntRange(min=0),
              help="How many synthetic events to produce; 0: none.")  # fmt: skip
@click.option("--seed", default=42, show_default=True, help="Seed of the synthetic events.")
@click.option("--events", type=click.Path(path_type=Path),
              help="Produce the rows of this file instead: REES46 layout, .csv or .csv.gz.")  # fmt: skip
@click.option("--kafka-port", envvar="KAFKA_PORT", default=9092, show_default=True, type=_PORT,
              help="Port of the broker that is started; not used with KAFKA_BOOTSTRAP_SERVERS.")  # fmt: skip
@click.option("--airflow-port", envvar="AIRFLOW_PORT", default=8080, show_default=True,
              type=_PORT, help="Port of Airflow.")  # fmt: skip
@output_option
@reports_errors
def run(count: int, seed: int, events: Path | None, kafka_port: int, airflow_port: int, output: str) -> None:
    """Broker, events, Airflow, a run of the DAG customer_events, a summary. Services stay up."""
    from rich.console import Console

    from penstock.core.pipeline import load_pipeline
    from penstock.local.run_local import PIPELINE, Wishes, run_local
    from penstock.local.steps import Steps
    from penstock.local.summary_text import print_summary

    settings = Settings.from_env()
    wishes = Wishes(events, count, seed, kafka_port, airflow_port)
    with _telling_what_stays_up(settings):
        summary, airflow = run_local(settings, wishes, Steps(Console(stderr=True), total=6))
    if output == "json":
        print_result({**to_json(summary), "airflow": airflow.base_url}, output, str)
    else:
        console = Console()
        with console.capture() as printed:
            pipeline = load_pipeline(settings, PIPELINE)
            print_summary(console, settings, pipeline, summary, airflow.base_url)
        print_result(summary, output, lambda _: printed.get().removesuffix("\n"))


@local.command()
@output_option
@reports_errors
def status(output: str) -> None:
    """What runs: name, PID, port, log."""
    from penstock.local.services import Services

    print_result(Services(Settings.from_env()).all_running(), output, _as_text)


@local.command()
@output_option
@reports_errors
def stop(output: str) -> None:
    """End everything that `run` started, also after a `run` that was killed. Data stay."""
    from penstock.local.services import Services

    stopped = Services(Settings.from_env()).stop_all()
    print_result(stopped, output, lambda services: f"stopped: {_names(services)}")


@local.command()
@output_option
@reports_errors
def clean(output: str) -> None:
    """`stop`, then remove what runs made from the data folder; other files in it stay."""
    import shutil

    from penstock.local.services import Services

    settings = Settings.from_env()
    Services(settings).stop_all()
    removed = [path for name in _MADE_BY_RUNS for path in settings.data.glob(name)]
    for path in removed:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onerror=_whole_path)
        else:
            path.unlink()
    print_result(
        removed, output, lambda paths: f"removed: {', '.join(map(str, paths)) or 'nothing was there'}"
    )


@contextmanager
def _telling_what_stays_up(settings: Settings) -> Iterator[None]:
    """Where the block ends early, also by Ctrl-C: what goes on without it, and how to end that."""
    from penstock.local.services import Services

    try:
        yield
    except BaseException:
        with suppress(PenstockError, OSError):
            if running := Services(settings).all_running():
                say_aside(
                    f"Still running: {_names(running)}, and a run that Airflow has begun goes on; "
                    "`make stop` ends that (penstock local stop)"
                )
        raise


def _whole_path(function: object, path: str, caught: tuple[object, BaseException, object]) -> None:
    """rmtree's own errors name a file without its folder."""
    exc = caught[1]
    if isinstance(exc, OSError):
        exc.filename = path
    raise exc


def _names(services: list[Service]) -> str:
    return ", ".join(service.name for service in services) or "nothing was running"


def _as_text(services: list[Service]) -> str:
    lines = [f"{s.name:<24} PID {s.pid:<8} port {s.port or '-':<6} {s.log}" for s in services]
    return "\n".join(lines) or "nothing is running"
