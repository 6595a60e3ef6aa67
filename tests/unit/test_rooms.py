"""The rooms of `penstock/ingest` stand in the order of the flow: none imports from one further on."""

from __future__ import annotations

import ast
from pathlib import Path

from penstock import ingest

INGEST = Path(ingest.__file__).parent
ROOMS = [
    line.split("/")[0]
    for line in (ingest.__doc__ or "").splitlines()
    if line.partition("  ")[0].endswith("/")
]


def imported(file: Path) -> set[str]:
    """The rooms that a file imports from."""
    names = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            names += [name.name for name in node.names]
    return {name.split(".")[2] for name in names if name.startswith("penstock.ingest.")}


def test_the_table_of_contents_names_every_room() -> None:
    assert set(ROOMS) == {path.parent.name for path in INGEST.glob("*/__init__.py")}


def test_no_room_imports_from_one_further_on() -> None:
    for place, room in enumerate(ROOMS):
        for file in (INGEST / room).glob("*.py"):
            further_on = imported(file) & {*ROOMS[place + 1 :], "commands"}
            assert not further_on, f"{file}: imports from {further_on}"


def test_every_file_stands_in_its_rooms_table_of_contents() -> None:
    for room in ROOMS:
        contents = ast.get_docstring(ast.parse((INGEST / room / "__init__.py").read_text())) or ""
        files = {path.name for path in (INGEST / room).iterdir() if path.suffix in (".py", ".sql")}
        named = {
            line.split()[0]
            for line in contents.splitlines()
            if line.partition(" ")[0].endswith((".py", ".sql"))
        }
        assert named == files - {"__init__.py"}, room
