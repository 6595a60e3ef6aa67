from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.declared_files import declared_files
from penstock.core.errors import DeclarationError
from penstock.core.settings import Settings
from penstock.doctor.declared import read_declared
from penstock.ingest.rejects.report import list_all_rejects
from penstock.validate.suites import read_suites

NOT_DECLARED = ("{0}~", ".{0}.swp", "#{0}#", ".#{0}", "._{0}", "~{0}", "{0}.bak", "{0}.orig", ".DS_Store")


def leave(folder: Path, name: str) -> None:
    """What editors and desktops leave beside a file of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in NOT_DECLARED:
        (folder / pattern.format(name)).write_bytes(b"\0\xff")
    (folder / f".#2{name}").symlink_to("somebody@machine.4711:1")
    (folder / ".idea").mkdir()
    (folder / f"folder-{name}").mkdir()


def test_what_an_editor_leaves_is_no_declared_file(tmp_path: Path) -> None:
    leave(tmp_path, "orders.yaml")
    assert declared_files(tmp_path, ".yaml", ".yml") == []
    (tmp_path / "orders.yaml").write_text("")
    (tmp_path / "bills.yml").write_text("")
    assert [file.name for file in declared_files(tmp_path, ".yaml", ".yml")] == ["bills.yml", "orders.yaml"]
    assert declared_files(tmp_path / "nowhere", ".yaml") == []


def test_readers_of_declared_folders_pass_over_it(tmp_path: Path) -> None:
    settings = Settings(project=tmp_path, data=tmp_path / "data", environment="local", bootstrap_servers=None)
    leave(settings.project / "ingest", "clicks.odcs.yaml")
    leave(settings.project / "dags", "shop.yaml")
    leave(settings.suites_dir("shop"), "orders.yaml")

    (nothing,) = read_declared(settings).findings
    assert nothing.what == "declares no stream and no pipeline"
    assert list_all_rejects(settings) == ([], [])
    with pytest.raises(DeclarationError, match="the public mart 'orders' has no suite"):
        read_suites(settings.suites_dir("shop"), ["orders"])
