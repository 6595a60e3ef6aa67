"""A model's or macro's code as it counts: without comments, white space and the configuration block."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError

_ENVIRONMENT = Environment(extensions=["jinja2.ext.do"], autoescape=True)  # it renders nothing
# Strings and quoted names as they are; of the rest, comments fall away and white space is one space.
_SQL = re.compile(
    r"(?P<kept>\b[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|(?:--[^\n]*|/\*.*?\*/|\s)+",
    re.DOTALL,
)
_MARK = re.compile(r"\0(\d+)\0")
_BLOCKS = {"variable_begin": "{{ %s }}", "block_begin": "{%% %s %%}"}
_ENDS = ("variable_end", "block_end")


@dataclass(frozen=True)
class Code:
    """`text` is what counts of the code. `words` are the names and texts in its Jinja, in their order: what
    it may call, and with which first argument."""

    text: str
    words: tuple[str, ...]


def what_counts(raw: str) -> Code:
    """Leave out of `raw` what changes no row. Code that Jinja cannot read counts as it is written."""
    try:
        tokens = list(_ENVIRONMENT.lex(raw))
    except TemplateSyntaxError:
        return Code(raw, ())
    sql, expressions, words = "", [], []
    inside: list[str] | None = None
    shape = ""
    for _, kind, value in tokens:
        if kind in _BLOCKS:
            inside, shape = [], _BLOCKS[kind]
        elif kind in _ENDS and inside is not None:
            if inside[:2] != ["config", "("]:
                expressions.append(shape % " ".join(inside))
                sql += f"\0{len(expressions) - 1}\0"
            inside = None
        elif inside is not None:
            if kind != "whitespace":
                inside.append(value)
            if kind in ("name", "string"):
                words.append(value.strip("'\""))
        elif kind == "data":
            sql += value
    text = _SQL.sub(_reduced, sql).strip()
    return Code(_MARK.sub(lambda mark: expressions[int(mark[1])], text), tuple(words))


def _reduced(found: re.Match[str]) -> str:
    return found["kept"] or " "
