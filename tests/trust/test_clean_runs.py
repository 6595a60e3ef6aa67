"""A hundred runs in which nothing is wrong: none is stopped, and hardly a word is said."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

from tests.functional.transform.conftest import copy_project
from tests.trust.clean_shops import RUNS, SHOPS, CleanShop
from tests.trust.conftest import REPOSITORY
from tests.trust.own_shop import PIPELINE, OwnShop
from tests.trust.real_events import FIRST_DAY
from tests.trust.table import Line


@pytest.mark.parametrize("shop", SHOPS, ids=[shop.name for shop in SHOPS])
def test_a_clean_shop_is_published_run_by_run(shop: CleanShop, tmp_path: Path, tell: list[Line]) -> None:
    own = OwnShop(_project(shop, tmp_path), tmp_path / "data")
    warnings = []
    for number, events in enumerate(shop.runs(seed=0)):
        run = own.run([event.message() for event in events], f"run-{number}")
        assert run.stopped_by == [], f"run {number}"
        assert run.rejected.total() == 0
        warnings += run.warnings
    tell.append(
        Line(None, f"clean: {shop.name}", f"{RUNS} runs", f"{len(warnings)} warnings", "; ".join(warnings))
    )
    assert len(warnings) <= 1


def _project(shop: CleanShop, folder: Path) -> Path:
    """The example; for a shop with an exceptional day a copy whose suites declare it."""
    if shop.exceptional is None:
        return REPOSITORY
    project = copy_project(folder / "project")
    suites = project / "expectations" / PIPELINE
    suites.mkdir(parents=True)
    day = (FIRST_DAY + dt.timedelta(days=shop.exceptional)).date().isoformat()
    for file in (REPOSITORY / "expectations" / PIPELINE).glob("*.yaml"):
        suite = yaml.safe_load(file.read_text())
        for check in suite["expectations"]:
            if check["type"] == "expect_new_periods_to_resemble_history":
                check["kwargs"]["exceptional"] = {day: "a sale"}
        (suites / file.name).write_text(yaml.safe_dump(suite, sort_keys=False))
    return project
