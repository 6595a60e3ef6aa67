"""What came of each defect and of each clean shop: the table that is printed, and that the docs hold."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

_BEGIN, _END = "<!-- made by make trust -->", "<!-- end -->"


@dataclass(frozen=True)
class Line:
    """One defect in one form, or one shop (`number` None)."""

    number: int | None
    what: str
    form: str
    came: str  # of it: stopped, warned, missed
    why: str

    def as_json(self) -> dict[str, Any]:
        """As a test's report carries it, also from another process."""
        return asdict(self)


class Table:
    """The lines of all tests, in whatever process each ran."""

    PROPERTY = "trust"

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(self, report: pytest.TestReport) -> None:
        """Take what the last report of a test brings; where it was the last of all, the page is written."""
        for name, value in report.user_properties if report.when == "teardown" else ():
            if name == self.PROPERTY:
                self.lines.append(Line(**value))

    def __str__(self) -> str:
        ordered = sorted(self.lines, key=lambda line: (line.number is None, line.number or 0, line.what))
        rows = [
            f"| {line.number or ''} | {line.what} | {line.form} | {line.came} | {_cell(line.why)} |"
            for line in ordered
        ]
        head = ["| | what | how much | came of it | what a person reads |", "|---|---|---|---|---|"]
        text = "\n".join([*head, *rows])
        if page := os.environ.get("TRUST_PAGE"):
            _write(Path(page), text)
        return text


def _cell(text: str) -> str:
    return text.replace("|", "¦")


def _write(page: Path, table: str) -> None:
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")
