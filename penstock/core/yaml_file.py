"""Read a declared YAML file and keep the line of every key, so that an error can say where."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from penstock.core.errors import DeclarationError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """The content of a YAML file, and where each of its keys stands.

    `lines` maps a path such as `("schema", 0, "properties", 2)` to a line, counted from 1.
    """

    path: Path
    content: Any
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """The line of `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def error(self, path: KeyPath, message: str, *, fix: str = "") -> DeclarationError:
        """An error that names this file and the line of `path`."""
        return DeclarationError(message, file=self.path, line=self.line(path), fix=fix)


def read_yaml(path: Path) -> YamlFile:
    """Read `path` as YAML 1.1 (PyYAML's safe loader). A key given twice is an error, not a silent winner.

    Raises DeclarationError: no such file, not readable as UTF-8, bad YAML, a duplicate key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError("no such file", file=path, fix="create it, or correct the name") from None
    except UnicodeDecodeError as exc:
        raise DeclarationError(f"not UTF-8: {exc.reason} at byte {exc.start}", file=path) from exc
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as exc:  # a control character, before anything is parsed
        before = text[: exc.position]
        raise DeclarationError(
            f"not valid YAML: {exc.reason}", file=path, line=before.count("\n") + 1
        ) from exc
    try:
        root = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        if root is not None:
            _walk(root, (), lines, path)
        content = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else None
        raise DeclarationError(f"not valid YAML: {exc.problem}", file=path, line=line) from exc
    except RecursionError as exc:
        raise DeclarationError("an alias contains itself, or it goes too deep", file=path) from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise DeclarationError(f"not valid YAML: {exc}", file=path) from exc
    finally:
        loader.dispose()
    return YamlFile(path, content, lines)


def _walk(node: yaml.Node, at: KeyPath, lines: dict[KeyPath, int], path: Path) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = str(key_node.value)
            below = (*at, key)
            line = key_node.start_mark.line + 1
            if below in lines:
                raise DeclarationError(
                    f"the key '{key}' stands twice (first on line {lines[below]})", file=path, line=line
                )
            lines[below] = line
            _walk(value_node, below, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*at, index), lines, path)


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """ "did you mean 'x'?", or the list of what is known where nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(names)}"
