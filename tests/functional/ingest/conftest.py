"""A stream of the test's own, in a project and a data folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.settings import Settings
from tests.functional.ingest.own_orders import CONTRACT, Orders
from tests.functional.ingest.things import Checker


@pytest.fixture
def orders(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orders:
    project = tmp_path / "project"
    (project / "ingest").mkdir(parents=True)
    (project / "ingest" / "orders.odcs.yaml").write_text(CONTRACT)
    monkeypatch.setenv("PENSTOCK_PROJECT", str(project))
    return Orders(Settings.from_env())


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return Checker(tmp_path_factory.mktemp("contract"))
