"""The chain from landing to marts, in folders whose names some language would read as its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.functional.transform.conftest import leave_out_tests

REPOSITORY = Path(__file__).resolve().parents[3]

# One name for what a template, a shell, a URL, a glob, SQL, or a screen may understand. Separate ones where a
# character shadows another: `#` ends a URL, so that nothing behind it is read.
NAMES = (
    "a$HOME b ${PENSTOCK_ENV} $$ $(id) `id` 100%25 %s {{ 1 % 0 }} {% braces %} {batch} {c}",
    '#1 &amp; <b> it\'s "quoted" [glob]* ünïcode',
)


def penstock(shop: Any, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "penstock", *words, "-o", "json"],
        env=shop.env | {"PENSTOCK_ENV": "local"}, capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_from_landing_to_marts(
    make_shop: Callable[..., Any],
    own_project: Path,
    make_event: Callable[..., Any],
    tmp_path: Path,
    name: str,
) -> None:
    shutil.copytree(REPOSITORY / "expectations", own_project / "expectations")
    (tmp_path / name).mkdir()
    project = leave_out_tests(own_project).rename(tmp_path / name / "project")
    shop = make_shop(tmp_path / name / "data", project)
    shop.landing.land([make_event("a", user_id=1), make_event("b", event_type="purchase", user_id=1)])

    penstock(shop, "transform", "customer_events")
    verdict = json.loads(penstock(shop, "validate", "customer_events"))
    penstock(shop, "publish", "customer_events")

    assert verdict["outcome"] == "passed"
    assert Path(verdict["docs"]).parent == shop.data / "docs" / "customer_events"
    assert len(list(Path(verdict["docs"]).parent.glob("validations/**/*.html"))) == len(verdict["marts"])
    with duckdb.connect(shop.settings.marts_link("customer_events"), read_only=True) as marts:
        assert marts.execute("select purchases from customers").fetchall() == [(1,)]
    assert [folder.name for folder in tmp_path.iterdir()] == [name]  # nothing was made elsewhere
