"""Functional tests run on two cores at once, file by file: what shares costly set-up stays on one of them.
Those that build with dbt take longest: they come first, so that neither core waits for the other."""

from __future__ import annotations

from pathlib import Path

import pytest

_LONGEST = Path(__file__).parent / "transform"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _LONGEST not in item.path.parents)
