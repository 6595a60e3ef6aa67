"""A stream of the test's own, in a project and a data folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from own_orders import CONTRACT, Orders
from things import Checker

from penstock.core.settings import Settings

# The hostile generator and the model of a contract are there, too.
sys.path.append(str(Path(__file__).resolve().parents[2] / "faults"))


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
