"""What a message can know: read from the pipeline's YAML, the published file and the verdict."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from penstock.core.error_data import ErrorData
from penstock.core.settings import Settings
from penstock.core.verdict import write_verdict
from penstock.monitor.message import Failure
from penstock.monitor.situation import situation, what_bi_serves
from tests.records import a_verdict

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def known(settings: Settings, stage: str = "validate", run_id: str = "run-1") -> tuple[Failure, str | None]:
    return situation(
        settings, pipeline="shop", stage=stage, run_id=run_id, log_url="", error=ErrorData("Text", ""), at=AT,
        scrubbed=lambda text: text,
    )  # fmt: skip


def publish(settings: Settings, kind: str, *rows: tuple[str, int, str | None]) -> None:
    """A published file as BI finds it: a relative symlink to a version."""
    file = settings.versions_dir("shop") / "4-v3" / "shop.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{file}' as f (storage_version 'v1.0.0')")
        connection.execute(
            f"create table f.mart_status (mart varchar, version integer, complete_until {kind})"
        )
        for row in rows:
            connection.execute("insert into f.mart_status values (?, ?, ?)", row)
    settings.marts_link("shop").symlink_to(file.relative_to(settings.marts_link("shop").parent))


def test_owner_environment_and_channel_come_from_the_declaration(project: Settings) -> None:
    failure, channel = known(project)
    assert (failure.owner, failure.environment, channel) == ("shop-team", "test", "#shop-alerts")


def test_a_broken_declaration_is_said_and_fails_nothing(project: Settings) -> None:
    project.pipeline_file("shop").write_text("name: shop\nownr: x\n")
    failure, channel = known(project)
    assert failure.owner.startswith("unknown: ")
    assert "shop.yaml:2: unknown key 'ownr'" in failure.owner
    assert channel is None
    project.pipeline_file("shop").unlink()
    assert "no such file" in known(project)[0].owner


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_what_bi_serves_is_the_version_and_its_oldest_complete_until(project: Settings, kind: str) -> None:
    publish(project, kind, ("a", 3, "2026-11-23 18:00:00"), ("b", 3, "2026-11-23 17:59:59"))
    assert (
        what_bi_serves(project, "shop")
        == "BI still serves version 3, complete until 2026-11-23 17:59:59 UTC."
    )
    assert known(project)[0].served == what_bi_serves(project, "shop")


def test_nothing_published_yet_is_said(project: Settings) -> None:
    assert what_bi_serves(project, "shop") == "BI serves nothing of this pipeline: nothing is published yet."


def test_a_published_file_that_cannot_be_read_is_said_and_fails_nothing(project: Settings) -> None:
    publish(project, "timestamp")
    assert "mart_status is empty" in what_bi_serves(project, "shop")
    version = project.marts_link("shop").resolve()
    version.write_bytes(b"garbage" * 1000)
    assert "cannot be opened as a DuckDB file" in what_bi_serves(project, "shop")
    version.unlink()
    assert "could not be read" in what_bi_serves(project, "shop")  # a dangling link


def test_data_docs_are_named_where_the_gate_failed(project: Settings) -> None:
    assert known(project)[0].docs == ""
    file = project.verdict_file("shop")
    write_verdict(a_verdict("shop", "b", run_id="run-1", docs=Path("/d/index.html")), file)
    assert (known(project)[0].docs_label, known(project)[0].docs) == ("Data Docs", "/d/index.html")
    assert known(project, run_id="run-2")[0].docs_label == "Data Docs (of an earlier run)"
    assert known(project, stage="publish")[0].docs == ""
    file.write_text("[half")
    assert "could not be read" in known(project)[0].docs
