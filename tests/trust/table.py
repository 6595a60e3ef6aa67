"""What came of each defect and of each clean shop: the table that is printed, and that the docs hold."""

from __future__ import annotations

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
        """Take what the last report of a test brings."""
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
        return "\n".join([*head, *rows])

    def write(self, page: Path) -> None:
        """Put the table where the page has one."""
        before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
        _, _, after = rest.partition(_END)
        page.write_text(f"{before}{_BEGIN}\n{self}\n{_END}{after}", encoding="utf-8")


def _cell(text: str) -> str:
    return text.replace("|", "¦")
