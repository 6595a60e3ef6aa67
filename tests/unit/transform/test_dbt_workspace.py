from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.settings import Settings
from penstock.transform.dbt_workspace import dbt_workspace


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    """A project with the pipeline `shop`, a folder that its projects share, and a file beside them all."""
    project = tmp_path / "project"
    for file in ("dbt_project/shop/dbt_project.yml", "dbt_project/_shared/macro.sql", "README.md"):
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text(file)
    return Settings(project, tmp_path / "data", "local", None)


def test_relative_paths_lead_where_they_lead_from_the_project(shop: Settings) -> None:
    workspace = dbt_workspace(shop, "shop")
    assert workspace.is_relative_to(shop.data)
    for path in ("dbt_project.yml", "../_shared/macro.sql", "../../README.md"):
        assert (workspace / path).read_text() == (shop.dbt_project_dir("shop") / path).read_text()


def test_a_workspace_follows_the_project(shop: Settings) -> None:
    dbt_workspace(shop, "shop")
    project = shop.dbt_project_dir("shop")
    (project / "dbt_project.yml").rename(project / "other.yml")
    workspace = dbt_workspace(shop, "shop")
    assert {path.name for path in workspace.iterdir() if path.is_symlink()} == {"other.yml"}


def test_what_dbt_writes_lies_in_the_workspace_and_stays(shop: Settings) -> None:
    project = shop.dbt_project_dir("shop")
    (project / "packages.yml").write_text("a")
    workspace = dbt_workspace(shop, "shop")
    (workspace / "package-lock.yml").write_text("made by dbt")
    (workspace / "dbt_packages" / "hub").mkdir(parents=True)
    again = dbt_workspace(shop, "shop")
    assert (again / "dbt_packages" / "hub").is_dir()
    assert not (project / "package-lock.yml").exists()
    (project / "packages.yml").write_text("b")  # other packages are declared
    other = dbt_workspace(shop, "shop")
    assert not (other / "dbt_packages").exists()
    assert not (other / "package-lock.yml").exists()


def test_packages_that_a_person_installed_are_used(shop: Settings) -> None:
    project = shop.dbt_project_dir("shop")
    (project / "dbt_packages" / "hub").mkdir(parents=True)
    (project / "package-lock.yml").write_text("theirs")
    workspace = dbt_workspace(shop, "shop")
    assert (workspace / "dbt_packages" / "hub").resolve() == project / "dbt_packages" / "hub"
    (workspace / "package-lock.yml").write_text("dbt's")
    (workspace / "dbt_packages" / "new").mkdir()
    assert (project / "package-lock.yml").read_text() == "theirs"
    assert [path.name for path in (project / "dbt_packages").iterdir()] == ["hub"]
