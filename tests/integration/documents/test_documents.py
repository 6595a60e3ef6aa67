"""The documents show commands: each is run here, or at least must exist. Links must lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import click
import duckdb
import pytest

from penstock.cli import main
from penstock.core.settings import Settings
from penstock.local.broker import create_topic
from penstock.local.produce import produce
from penstock.local.synthetic import synthetic_sample
from tests.patience import PATIENCE

REPOSITORY = Path(__file__).resolve().parents[3]
DOCUMENTS = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    REPOSITORY.glob("docs/**/*.md")
)
BY_HAND = "## One stage at a time"


def blocks(document: Path, language: str, *, after: str = "") -> list[str]:
    text = document.read_text().partition(after)[2] if after else document.read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what users own, on a topic of its own: commands run in it as in a checkout."""
    copy = tmp_path_factory.mktemp("documents") / "project"
    for folder in ("ingest", "dbt_project", "expectations", "dags"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("target", "logs"))
    contract = copy / "ingest" / "customer_events.odcs.yaml"
    named = "physicalName: customer_events"
    contract.write_text(contract.read_text().replace(named, f"{named}_{uuid.uuid4().hex[:8]}"))
    return copy


def run_in(project: Path, line: str, broker: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line.replace(".venv/bin/penstock", f"{sys.executable} -m penstock"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "SLACK_"))}
    env = kept | {"KAFKA_BOOTSTRAP_SERVERS": broker}
    return subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, timeout=PATIENCE)


def test_the_readme_s_commands_take_events_to_marts(
    project: Path, broker: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = REPOSITORY / "README.md"
    stages, undo = blocks(readme, "sh", after=BY_HAND)[:2]
    topic = re.search(r"physicalName: (\w+)", (project / "ingest" / "customer_events.odcs.yaml").read_text())
    assert topic is not None
    create_topic(broker, topic[1])
    produce(broker, topic[1], synthetic_sample(2000, seed=1, run=1))
    for line in stages.splitlines():
        if not line.startswith("export"):
            done = run_in(project, line, broker)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    monkeypatch.chdir(project)
    (python,) = blocks(readme, "python")
    shown = subprocess.run([sys.executable, "-c", python], capture_output=True, text=True, timeout=PATIENCE)
    assert shown.returncode == 0, shown.stderr
    assert "rfm_segment" in shown.stdout
    assert "cohorts_weekly" in shown.stdout
    shell = next(block for block in blocks(readme, "sh") if block.startswith("duckdb "))
    program, *options, file, sql = shlex.split(shell)
    assert (program, options) == ("duckdb", ["-readonly"])
    with duckdb.connect(file, read_only=True) as marts:
        assert len(marts.sql(sql).fetchall()) == 5

    rollback, resume = (run_in(project, line, broker) for line in undo.splitlines())
    assert (rollback.returncode, resume.returncode) == (1, 1)
    assert "none was before it" in rollback.stderr
    assert "is not on hold" in resume.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_and_command_that_is_shown_exists(document: Path) -> None:
    text = document.read_text()
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE)):
        dry = subprocess.run(
            ["make", "-n", target], cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE
        )
        assert dry.returncode == 0, f"make {target}: {dry.stderr}"
    for words in set(re.findall(r"(?:`|bin/)penstock ((?:[a-z]+ ?)+)", text)):
        assert_is_command(words.split())


def assert_is_command(words: list[str]) -> None:
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            return  # the rest are arguments
        context = click.Context(command)
        found = command.get_command(context, word)
        assert found is not None, f"`penstock {' '.join(words)}`: no such command"
        command = found


def test_the_tests_that_contributing_names_exist() -> None:
    lines = [line for block in blocks(REPOSITORY / "CONTRIBUTING.md", "sh") for line in block.splitlines()]
    shown = [line for line in lines if "pytest" in line]
    assert shown
    for line in shown:
        words = shlex.split(line)[1:]
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *words]
        collected = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE)
        assert collected.returncode == 0, f"{line}\n{collected.stdout}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if "://" not in link:
            assert (document.parent / link.partition("#")[0]).exists(), link


def test_the_command_line_reference_is_current() -> None:
    made = subprocess.run(
        [sys.executable, "docs/make_cli.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert made.stdout == (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8"), "run `make docs`"


def test_every_page_is_in_the_index() -> None:
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    for page in REPOSITORY.glob("docs/**/*.md"):
        path = page.relative_to(REPOSITORY / "docs").as_posix()
        assert page.name == "index.md" or f"({path})" in index, path


def test_every_setting_that_the_code_reads_is_explained() -> None:
    explained = set(
        re.findall(r"^# ([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), flags=re.MULTILINE)
    )
    source = "\n".join(file.read_text() for file in (REPOSITORY / "penstock").rglob("*.py"))
    read = set(re.findall(r"\b(?:PENSTOCK|KAFKA|SLACK)_[A-Z_]*[A-Z]\b", source))
    for_tests_and_ourselves = {
        "PENSTOCK_KILL_AT", "PENSTOCK_RUN_ID", "PENSTOCK_LOCAL", "PENSTOCK_COMPARED",
        "PENSTOCK_QUARANTINED",
    }  # fmt: skip
    assert read - explained == for_tests_and_ourselves
