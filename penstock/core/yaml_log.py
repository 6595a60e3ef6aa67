"""What people decided, as a YAML file that they can read: a list to which each decision is added.

It lies in the data folder, not beside what is declared: the project may be read-only, a change of what
declares a pipeline asks for another build, and a decision is about this environment's data. It can be kept
under version control with a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from penstock.core.part_file import write_whole
from penstock.core.yaml_file import YamlFile, read_yaml, suggestion


class _Dumper(yaml.SafeDumper):
    """PyYAML's own, but for texts with a line break that is no `\\n`: those it would read back as a blank."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    breaks = any(character in text for character in "\x85\u2028\u2029")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if breaks else None)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True)
class Form:
    """The form of a log's entries: each has exactly these `keys`; `problem` says why a value cannot stand at
    a key, `conflict` at which key one does not fit the others and why; None where all is right. `without`:
    what comes of it where somebody moves the file away."""

    keys: Sequence[str]
    problem: Callable[[str, Any], str | None]
    without: str
    conflict: Callable[[dict[str, Any]], tuple[str, str] | None] = lambda entry: None


def read_log(file: Path, form: Form) -> list[dict[str, Any]]:
    """All entries, oldest first; none where there is no file. Raises DeclarationError, which names file and
    line, for one that is damaged."""
    if not file.exists():
        return []
    read = read_yaml(file)
    content = read.content if read.content is not None else []
    if not isinstance(content, list):
        raise read.error((), "a list of decisions is expected", fix=_mend(form))
    return [_entry(read, number, item, form) for number, item in enumerate(content)]


def write_log(file: Path, head: str, entries: Iterable[dict[str, Any]]) -> None:
    """Make these entries all that the file holds, below the comment `head`; or it is as it was."""
    text = yaml.dump(list(entries), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    write_whole(file, head + text)


def _entry(read: YamlFile, number: int, item: Any, form: Form) -> dict[str, Any]:
    at: tuple[int, ...] = (number,)
    if not isinstance(item, dict):
        raise read.error(at, f"a decision is a mapping, not {item!r}", fix=_mend(form))
    for key in item:
        if key not in form.keys:
            raise read.error((*at, str(key)), f"unknown key '{key}'", fix=suggestion(str(key), form.keys))
    for key in form.keys:
        if key not in item:
            raise read.error(at, f"a decision without '{key}'", fix=_mend(form))
        if (why_not := form.problem(key, item[key])) is not None:
            raise read.error((*at, key), f"{key} is {item[key]!r}: {why_not}", fix=_mend(form))
    if (found := form.conflict(item)) is not None:
        raise read.error((*at, found[0]), found[1], fix=_mend(form))
    return item


def _mend(form: Form) -> str:
    return f"mend the line; or move the file away: {form.without}"
