from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.errors import DeclarationError
from penstock.core.yaml_file import read_yaml, suggestion


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "x.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def refused(folder: Path, text: str | bytes) -> str:
    file = write(folder, text)
    with pytest.raises(DeclarationError) as caught:
        read_yaml(file)
    return str(caught.value).removeprefix(str(file))


def test_every_key_and_item_knows_its_line(tmp_path: Path) -> None:
    read = read_yaml(write(tmp_path, "# head\na:\n  - b: 1\n    c:\n      d: x\n  - e\n7: {f: g}\n"))
    assert read.content == {"a": [{"b": 1, "c": {"d": "x"}}, "e"], 7: {"f": "g"}}
    lines = [read.line(at) for at in (("a",), ("a", 0, "b"), ("a", 0, "c", "d"), ("a", 1), ("7", "f"))]
    assert lines == [2, 3, 5, 6, 7]


def test_what_is_missing_has_the_line_of_what_is_around_it(tmp_path: Path) -> None:
    read = read_yaml(write(tmp_path, "\na:\n  b: 1\n"))
    assert read.line(("a", "nothing", 3)) == 2
    assert read.line(("nothing",)) == 2
    error = read.error(("a", "nothing"), "is missing", fix="add it")
    assert str(error) == f"{tmp_path}/x.yaml:2: is missing\n  Fix: add it"
    assert (error.file, error.line, error.fix) == (tmp_path / "x.yaml", 2, "add it")


def test_an_empty_file_has_no_content_and_no_lines(tmp_path: Path) -> None:
    read = read_yaml(write(tmp_path, "# nothing\n"))
    assert (read.content, read.line(())) == (None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3: the key 'a' stands twice (first on line 1)"),
        ("x:\n  - {a: 1, a: 2}\n", ":2: the key 'a' stands twice (first on line 2)"),
        ("a: [1\nb: 2\n", ":2: not valid YAML"),
        ("a: 1\n\tb: 2\n", ":2: not valid YAML"),
        ("a: !!python/object:os.system x\n", ":1: not valid YAML"),
        ("a: 1\n---\nb: 2\n", ":2: not valid YAML"),
        ("a: 2026-13-45\n", ": not valid YAML"),
        ("a: 1\nb: \x01\n", ":2: not valid YAML: special characters are not allowed"),
        (b"a: caf\xe9\n", ": not UTF-8: invalid continuation byte at byte 6"),
        ("a: &a [*a]\n", ": an alias contains itself"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert refused(tmp_path, text).startswith(told)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"gone\.yaml: no such file\n  Fix: create it"):
        read_yaml(tmp_path / "gone.yaml")


def test_a_suggestion_is_the_nearest_name_or_all_names() -> None:
    assert suggestion("ownr", {"owner", "name"}) == "did you mean 'owner'?"
    assert suggestion("zzz", {"owner", "name"}) == "known here: name, owner"
