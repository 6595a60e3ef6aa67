"""Three spoilt days after eleven good ones: nothing of them is published, or a person hears of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.trust.conftest import Base
from tests.trust.defects import DEFECTS, Defect
from tests.trust.own_shop import Run
from tests.trust.table import Line

FORMS = [(defect, form) for defect in DEFECTS for form in ("strong", "mild")]


def test_the_same_days_unspoilt_are_published_without_a_word(published: Base, tell: list[Line]) -> None:
    before = published.shop.served()
    run = published.shop.run([event.message() for event in published.last], "unspoilt")
    assert (run.stopped_by, run.warnings, run.rejected.total()) == ([], [], 0)
    assert published.shop.served()["purchases"] > before["purchases"]
    tell.append(Line(None, "the same three days, unspoilt", "", "published", ""))


@pytest.mark.parametrize(
    ("defect", "form"), FORMS, ids=[f"{defect.number}-{form}-{defect.what}" for defect, form in FORMS]
)
def test_a_defect(published: Base, defect: Defect, form: str, tell: list[Line]) -> None:
    how_much, spoil = getattr(defect, form)
    spoilt = spoil(published.last, random.Random(1))
    before = published.shop.served()
    run = published.shop.run([event.message() for event in spoilt], "spoilt")

    came, why = _came_of(run, defect.named)
    tell.append(Line(defect.number, defect.what, how_much, came, why))
    if run.stopped:
        assert published.shop.served() == before
    if form == "strong":
        assert came in ("stopped", "rejected"), run
    else:
        assert (came == "missed") == bool(defect.mild_missed), run


def _came_of(run: Run, named: Sequence[str]) -> tuple[str, str]:
    """What came of a run, for a reason that names the defect; and the reason."""
    outcomes = {"stopped": run.stopped_by, "rejected": list(run.rejected), "warned": run.warnings}
    for came, reasons in outcomes.items():
        for reason in reasons:
            for part in reason.split("; "):
                if any(name in part for name in named):
                    return came, part.rpartition("most often ")[2].strip()
    return "missed", ""
