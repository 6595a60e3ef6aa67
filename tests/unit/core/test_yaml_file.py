from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.errors import DeclarationError
from penstock.core.yaml_file import read_yaml, suggestion

# Six lines that stand for a million values.
_ALIASES = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 20)}]\n" for i in range(1, 6))


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
        ("\na: 2026-13-45\n", ":2: not valid YAML: 2026-13-45: month must be in 1..12"),
        ("a: 1\nb: \x01\n", ":2: not valid YAML: special characters are not allowed"),
        (b"b: 1\na: caf\xe9\n", ":2: not UTF-8: invalid continuation byte at byte 11"),
        ("b: 1\na: x".encode("utf-16"), ":1: not UTF-8"),
        ("a: 1\nstart: 10:30\n", ":2: YAML reads 10:30 as 630, a number to the base of 60"),
        ("a: 1:30.5\n", ":1: YAML reads 1:30.5 as 90.5, a number to the base of 60"),
        ("zip: 01234\n", ":1: YAML reads 01234 as 668, a number to the base of 8"),
        ("in:\n  - SE\n  - NO\n", ":2: YAML reads NO, among texts, as true or false"),
        ("a: !!set {x, y}\n", ":1: the tag !!set has no meaning here"),
        ("a: !!binary aGk=\n", ":1: the tag !!binary has no meaning here"),
        ("a: 1\nyes: 2\non: 3\n", ":3: the key 'on' stands twice (first on line 2)"),
        ("a: {{ x }}\n", ":1: a key is a list or a mapping"),
        ("schedule: */5 * * * *\n", ":1: not valid YAML"),
        ("schedule: @daily\n", ":1: not valid YAML: found character '@' that cannot start any token"),
        (f"a: {'9' * 5000}\n", ":1: not valid YAML"),
        (_ALIASES, ": more than 200,000 values"),
        ("a: &a [*a]\n", ": an alias contains itself"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert refused(tmp_path, text).startswith(told)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("a: #x\n", "what stands after '#' is a comment, unless it is in quotes"),
        ("a:\n", "nothing stands there"),
        ("a: ~\n", "YAML reads ~ as no value"),
        ("a: off\n", "YAML reads off as false, unless it is in quotes"),
        ("a: 1.10\n", "YAML reads 1.10 as 1.1, unless it is in quotes"),
        ("a: 0x1F\n", "YAML reads 0x1F as 31, unless it is in quotes"),
        ("a: 2026-01-31\n", "YAML reads 2026-01-31 as a date, unless it is in quotes"),
    ],
)
def test_an_error_says_what_yaml_made_of_a_value(tmp_path: Path, text: str, note: str) -> None:
    read = read_yaml(write(tmp_path, text))
    assert str(read.error(("a",), "wrong")) == f"{tmp_path}/x.yaml:1: wrong ({note})"


def test_quotes_numbers_and_texts_need_no_note(tmp_path: Path) -> None:
    read = read_yaml(
        write(tmp_path, "a: 7\nb: 'off'\nc: \"1.10\"\nd: x\ne: 1e3\nf: |\n  #x\ng: [true, no]\n")
    )
    assert read.content == {
        "a": 7,
        "b": "off",
        "c": "1.10",
        "d": "x",
        "e": "1e3",
        "f": "#x\n",
        "g": [True, False],
    }
    assert {at for at in read.notes if at[0] != "g"} == set()


def test_a_key_that_is_no_text_has_its_line(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "a: 1\non: 2\n")).line(("True",)) == 2


@pytest.mark.parametrize("text", ["\ufeffa: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "---\na: 1\nb: 2\n...\n"])
def test_a_mark_at_the_beginning_and_other_line_ends_change_nothing(tmp_path: Path, text: str) -> None:
    read = read_yaml(write(tmp_path, text))
    assert read.content == {"a": 1, "b": 2}


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    with pytest.raises(
        DeclarationError, match=r"x\.yaml: cannot be read: Is a directory\n  Fix: a folder is"
    ):
        read_yaml(tmp_path / "x.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"gone\.yaml: no such file\n  Fix: create it"):
        read_yaml(tmp_path / "gone.yaml")


def test_a_suggestion_is_the_nearest_name_or_all_names() -> None:
    assert suggestion("ownr", {"owner", "name"}) == "did you mean 'owner'?"
    assert suggestion("zzz", {"owner", "name"}) == "known here: name, owner"
