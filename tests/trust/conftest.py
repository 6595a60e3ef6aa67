"""What trust tests share: eleven good days, published once; the shop that a test may spoil; the table."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trust.own_shop import OwnShop
from tests.trust.real_events import Event, split, two_weeks
from tests.trust.table import Line, Table

REPOSITORY = Path(__file__).resolve().parents[2]
_TABLE = Table()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _TABLE.add(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _TABLE.lines:
        terminalreporter.section("trust")
        terminalreporter.write(f"{_TABLE}\n")
        if page := os.environ.get("TRUST_PAGE"):
            _TABLE.write(Path(page))


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Iterator[list[Line]]:
    """The lines of the table that a test adds."""
    lines: list[Line] = []
    yield lines
    request.node.user_properties.extend((Table.PROPERTY, line.as_json()) for line in lines)


@dataclass(frozen=True)
class Base:
    """A data folder that holds eleven published days, a copy of it, and the days that follow."""

    shop: OwnShop
    copy: Path
    last: list[Event]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    good, last = split(two_weeks())
    folder = tmp_path_factory.mktemp("trust")
    shop = OwnShop(REPOSITORY, folder / "data")
    run = shop.run([event.message() for event in good], "good-days")
    assert (run.stopped_by, run.warnings, run.rejected.total()) == ([], [], 0)
    shutil.copytree(shop.settings.data, folder / "copy", symlinks=True)
    return Base(shop, folder / "copy", last)


@pytest.fixture
def published(base: Base) -> Base:
    """The eleven days as they were published, whatever the last test did to them. The folder's name stays, so
    that dbt need not parse the project anew."""
    shutil.rmtree(base.shop.settings.data)
    shutil.copytree(base.copy, base.shop.settings.data, symlinks=True)
    return base
