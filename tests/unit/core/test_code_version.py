from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

import penstock
from penstock.core.code_version import code_version, declarations_hash
from penstock.core.settings import Settings

DECLARED = (
    "dags/shop.yaml",
    "ingest/clicks.odcs.yaml",
    "dbt_project/shop/dbt_project.yml",
    "dbt_project/shop/models/marts/orders.sql",
    "dbt_project/_shared/macros/names.sql",
    "expectations/shop/orders.yaml",
)
NOT_DECLARED = (
    "dags/store.yaml",
    "ingest/other.odcs.yaml",
    "dbt_project/store/models/a.sql",
    "dbt_project/shop/target/manifest.json",
    "dbt_project/shop/logs/dbt.log",
    "expectations/store/orders.yaml",
    "README.md",
)


@pytest.fixture
def project(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))  # also where that lies in a repository
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = tmp_path / "project"
    for name in (*DECLARED, *NOT_DECLARED):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"first {name}")
    return dataclasses.replace(settings, project=folder)


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_outside_git_it_is_the_engines_version(project: Settings) -> None:
    version = code_version(project)
    assert (version.version, version.dirty) == (penstock.__version__, False)


def test_in_git_it_names_the_commit_and_whether_anything_is_not_committed(project: Settings) -> None:
    git(project.project, "init", "-q")
    git(project.project, "add", ".")
    git(project.project, "commit", "-qm", "first")
    commit = git(project.project, "rev-parse", "--short=12", "HEAD")
    assert code_version(project).version == f"{penstock.__version__}+g{commit}"
    assert not code_version(project).dirty
    (project.project / "README.md").write_text("changed")
    assert code_version(project).dirty
    git(project.project, "checkout", "README.md")
    (project.project / "new.sql").write_text("not committed")
    assert code_version(project).dirty


def test_a_machine_without_git_is_no_error(project: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert code_version(project).version == penstock.__version__


@pytest.mark.parametrize("name", DECLARED)
def test_the_hash_changes_with_every_file_that_declares_the_pipeline(project: Settings, name: str) -> None:
    before = declarations_hash(project, "shop", ("clicks",))
    (project.project / name).write_text("second")
    after = declarations_hash(project, "shop", ("clicks",))
    assert before != after
    (project.project / name).rename(project.project / f"{name}.old")
    assert declarations_hash(project, "shop", ("clicks",)) not in (before, after)


def test_the_hash_changes_with_nothing_else(project: Settings) -> None:
    before = declarations_hash(project, "shop", ("clicks",))
    for name in NOT_DECLARED:
        (project.project / name).write_text("second")
    assert declarations_hash(project, "shop", ("clicks",)) == before
    assert len(before) == 64


def test_the_hash_is_of_names_too(project: Settings) -> None:
    before = declarations_hash(project, "shop", ("clicks",))
    model = project.project / "dbt_project/shop/models/marts/orders.sql"
    model.rename(model.with_name("bills.sql"))
    assert declarations_hash(project, "shop", ("clicks",)) != before


def test_the_hash_is_the_same_wherever_the_project_lies(project: Settings, tmp_path: Path) -> None:
    before = declarations_hash(project, "shop", ("clicks",))
    moved = project.project.rename(tmp_path / "elsewhere")
    assert declarations_hash(dataclasses.replace(project, project=moved), "shop", ("clicks",)) == before


LEFT_BY_EDITORS = (
    "dbt_project/shop/models/marts/.orders.sql.swp",
    "dbt_project/shop/models/marts/orders.sql~",
    "dbt_project/shop/models/marts/#orders.sql#",
    "dbt_project/shop/models/marts/~orders.sql",
    "dbt_project/shop/models/marts/orders.sql.orig",
    "dbt_project/shop/models/marts/4913",
    "dbt_project/shop/models/.DS_Store",
    "dbt_project/shop/models/._orders.sql",
    "dbt_project/shop/.idea/workspace.xml",
    "dbt_project/shop/.git/index",
    "dbt_project/shop/.gitignore",
    "dbt_project/shop/.ipynb_checkpoints/look-checkpoint.ipynb",
    "dbt_project/shop/README.md",
    "dbt_project/shop/package-lock.yml",
    "dbt_project/shop/dbt_packages/other/models/a.sql",
    "dbt_project/_shared/macros/__pycache__/names.cpython-311.pyc",
    "dbt_project/_shared/macros/names.sql.bak",
    "expectations/shop/.orders.yaml.swp",
    "expectations/shop/orders.yaml~",
    "expectations/shop/#orders.yaml#",
    "expectations/shop/._orders.yaml",
    "expectations/shop/notes.txt",
    "expectations/shop/.ipynb_checkpoints/orders-checkpoint.yaml",
    "dags/.shop.yaml.swp",
    "ingest/clicks.odcs.yaml~",
)
READ_BY_DBT = (
    "dbt_project/shop/packages.yml",
    "dbt_project/shop/profiles.yml",
    "dbt_project/shop/selectors.yml",
    "dbt_project/shop/seeds/countries.csv",
    "dbt_project/shop/models/deep/er/orders.YML",
    "dbt_project/shop/models/learned.py",
    "dbt_project/shop/models/docs.md",
    "dbt_project/shop/tests/generic/positive.sql",
    "dbt_project/shop/tests/fixtures/orders.csv",
    "dbt_project/shop/snapshots/prices.sql",
)


@pytest.mark.parametrize("name", LEFT_BY_EDITORS)
def test_what_an_editor_leaves_declares_nothing(project: Settings, name: str) -> None:
    before = declarations_hash(project, "shop", ("clicks",))
    (project.project / name).parent.mkdir(parents=True, exist_ok=True)
    (project.project / name).write_bytes(b"b0VIM 9.0\0")
    assert declarations_hash(project, "shop", ("clicks",)) == before


@pytest.mark.parametrize("name", READ_BY_DBT)
def test_what_dbt_reads_declares(project: Settings, name: str) -> None:
    before = declarations_hash(project, "shop", ("clicks",))
    (project.project / name).parent.mkdir(parents=True, exist_ok=True)
    (project.project / name).write_text("new")
    assert declarations_hash(project, "shop", ("clicks",)) != before


def test_dead_links_times_and_permissions_declare_nothing(project: Settings) -> None:
    before = declarations_hash(project, "shop", ("clicks",))
    marts = project.project / "dbt_project/shop/models/marts"
    (marts / ".#orders.sql").symlink_to("somebody@machine.4711:1")
    (marts / "gone.sql").symlink_to("nowhere.sql")
    os.utime(marts / "orders.sql", (0, 0))
    (marts / "orders.sql").chmod(0o400)
    assert declarations_hash(project, "shop", ("clicks",)) == before


def test_dbts_own_settings_say_where_it_reads(project: Settings) -> None:
    dbt = project.project / "dbt_project/shop"
    (dbt / "dbt_project.yml").write_text("model-paths: [sql, '{{ var(\"more\") }}']\nseed-paths: [data]\n")
    (dbt / ".dbtignore").write_text("drafts/\n")
    (dbt / "packages.yml").write_text("packages: [{local: ../../../common}, {package: dbt-labs/dbt_utils}]\n")

    def declare(name: str) -> str:
        (dbt / name).parent.mkdir(parents=True, exist_ok=True)
        (dbt / name).write_text(name)
        return declarations_hash(project, "shop", ("clicks",))

    before = declarations_hash(project, "shop", ("clicks",))
    for name in ("sql/a.sql", "data/b.csv", "elsewhere/c.sql", "../../../common/macros/d.sql"):
        after = declare(name)
        assert after != before, name
        before = after
    for name in ("target/run/c.sql", "sql/drafts/e.sql", "../../../common/macros/d.sql~"):
        assert declare(name) == before, name
