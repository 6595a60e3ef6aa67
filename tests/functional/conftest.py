"""Functional tests run on two cores at once; what shares costly set-up stays together on one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

_TOGETHER = {"transform", "validate"}  # a dbt build, and the import of Great Expectations


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and (folder := item.path.relative_to(here).parts[0]) in _TOGETHER:
            item.add_marker(pytest.mark.xdist_group(folder))
