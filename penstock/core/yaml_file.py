"""Read a declared YAML file and keep the line of every key, so that an error can say where."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from penstock.core import disk, yaml_traps
from penstock.core.errors import DeclarationError

KeyPath = tuple[str | int, ...]

_MOST_VALUES = 200_000  # ten lines of aliases of aliases can stand for millions


@dataclass(frozen=True)
class YamlFile:
    """The content of a YAML file, and where each of its keys stands.

    `lines` maps a path such as `("schema", 0, "properties", 2)` to a line, counted from 1; `notes` says what
    YAML made of a value, where that is not what was written; at `left_empty` nothing was written at all.
    """

    path: Path
    content: Any
    lines: dict[KeyPath, int]
    notes: dict[KeyPath, str] = field(default_factory=dict)
    left_empty: tuple[KeyPath, ...] = ()

    def line(self, path: KeyPath) -> int | None:
        """The line of `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def error(self, path: KeyPath, message: str, *, fix: str = "") -> DeclarationError:
        """An error that names this file and the line of `path`, with the note on it and what stands there."""
        said = f"{message} ({self.notes[path]})" if path in self.notes else message
        return DeclarationError(
            said, file=self.path, line=self.line(path), fix=fix, value=self._single_value(path)
        )

    def _single_value(self, path: KeyPath) -> str | None:
        """What stands at `path`, as YAML writes it; None where that is more than one value, or nothing."""
        value = self.content
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        if value is None or isinstance(value, list | dict):
            return None
        return str(value).lower() if isinstance(value, bool) else str(value)


def read_yaml(path: Path) -> YamlFile:
    """Read `path` as YAML 1.1 (PyYAML's safe loader). A key given twice is an error, not a silent winner.

    Raises DeclarationError: no such file, not readable, not UTF-8, bad YAML, a duplicate key, a value that
    can hardly be meant as YAML reads it.
    """
    text = _text_of(path)
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as exc:  # a control character, before anything is parsed
        line = text[: exc.position].count("\n") + 1
        raise DeclarationError(f"not valid YAML: {exc.reason}", file=path, line=line) from exc
    try:
        root = loader.get_single_node()
        walk = _Walk(path, text.splitlines(), loader)
        if root is not None:
            walk.into(root, ())
        content = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as exc:
        raise _not_valid(path, exc) from exc
    except RecursionError as exc:
        raise DeclarationError("an alias contains itself, or it goes too deep", file=path) from exc
    finally:
        loader.dispose()
    return YamlFile(path, content, walk.lines, walk.notes, tuple(walk.left_empty))


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DeclarationError("no such file", file=path, fix="create it, or correct the name") from None
    except OSError as exc:
        raise DeclarationError(f"cannot be read: {exc.strerror}", file=path, fix=disk.fix_for(exc)) from exc
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise DeclarationError(
            f"not UTF-8: {exc.reason} at byte {exc.start}", file=path, line=line, fix="save the file as UTF-8"
        ) from exc
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_valid(path: Path, exc: yaml.MarkedYAMLError) -> DeclarationError:
    mark = exc.problem_mark or exc.context_mark
    return DeclarationError(
        f"not valid YAML: {exc.problem}", file=path, line=mark.line + 1 if mark else None,
        fix=yaml_traps.fix_for(str(exc.problem)),
    )  # fmt: skip


class _Walk:
    """Goes through all nodes of a document, aliases included, and notes where they stand."""

    def __init__(self, path: Path, text: list[str], loader: yaml.SafeLoader) -> None:
        self._path, self._text, self._loader = path, text, loader
        self.lines: dict[KeyPath, int] = {}
        self.notes: dict[KeyPath, str] = {}
        self.left_empty: list[KeyPath] = []

    def into(self, node: yaml.Node, at: KeyPath) -> None:
        """Note `node` and all below it. Raises DeclarationError."""
        self.lines.setdefault(at, node.start_mark.line + 1)
        if len(self.lines) > _MOST_VALUES:
            problem = f"more than {_MOST_VALUES:,} values: do aliases repeat one another?"
            raise DeclarationError(problem, file=self._path)
        value = self._value(node)
        if found := yaml_traps.trap(node, value):
            raise self._error(node, found, fix="put it in quotes, or write what you mean")
        if isinstance(node, yaml.MappingNode):
            for key, item in node.value:
                self.into(item, self._key(key, at))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.into(item, (*at, index))
        elif found := yaml_traps.note(node, value, self._rest_of_line(node)):
            self.notes[at] = found
            if yaml_traps.is_left_empty(node):
                self.left_empty.append(at)

    def _key(self, node: yaml.Node, at: KeyPath) -> KeyPath:
        """The path of a key, as the content has it: `on:` is the key True."""
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, "a key is a list or a mapping", fix="write a text; put {{ … }} in quotes")
        is_text = node.tag.endswith((":str", ":merge", ":value"))
        below = (*at, str(node.value if is_text else self._value(node)))
        if below in self.lines:
            problem = f"the key '{node.value}' stands twice (first on line {self.lines[below]})"
            raise self._error(node, problem)
        self.lines[below] = node.start_mark.line + 1
        return below

    def _value(self, node: yaml.Node) -> object:
        """What a single value is read as."""
        if not isinstance(node, yaml.ScalarNode):
            return None
        try:
            return self._loader.construct_object(node)
        except ValueError as exc:
            raise self._error(node, f"not valid YAML: {node.value[:40]}: {exc}") from exc

    def _rest_of_line(self, node: yaml.Node) -> str:
        mark = node.end_mark
        return self._text[mark.line][mark.column :] if mark.line < len(self._text) else ""

    def _error(self, node: yaml.Node, message: str, *, fix: str = "") -> DeclarationError:
        return DeclarationError(message, file=self._path, line=node.start_mark.line + 1, fix=fix)


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """ "did you mean 'x'?", or the list of what is known where nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(names)}"
