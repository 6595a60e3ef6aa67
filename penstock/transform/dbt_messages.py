"""What dbt says of an error, in one line for a person: where (file, line, node), then what.

dbt's text frames the error ("Compilation Error in model x (models/x.sql)"), and puts the table, the line or
the names that matter below the sentence that everybody knows. The line, where dbt says none, is that of the
first thing which the message quotes and the file has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_LONGEST_LINE = 300  # characters of what one error says
_FRAME = re.compile(
    r"^\w+ Error( in (?P<kind>[\w ]+?) (?P<name>\S+) \((?P<file>.+?)\))?$"
    r"|^An error occurred during execution of unit test .*$"
)
# From such a line on, a message goes into detail.
_DETAIL = re.compile(
    r"^(LINE \d+:|Candidate bindings:|> in macro|> called by|compiled code at|\^|-{6,}|Raw Error:"
    r"|Vars supplied)"
)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_JINJA_LINE = re.compile(r"^\s+line (?P<line>\d+)$", re.MULTILINE)
_SQL_LINE = re.compile(r"^\s*LINE \d+: (?P<code>.+)$", re.MULTILINE)
_ROW = re.compile(r"^\s*\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|\s*$", re.MULTILINE)
_QUOTED = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"")
_NAMED_FILE = re.compile(r"[\w./-]+\.(?:sql|yml|yaml|csv|py)\b")
_SEARCHED = ("*.sql", "*.yml", "*.yaml", "*.py")
_UNCLOSED = re.compile(r"close tag for (?P<tag>\w+) \(searched from line")
_NODE_ID = re.compile(r"\b(?:model|snapshot)\.\w+\.(?P<name>\w+)")
_WRONG_TYPE = re.compile(r"at path \['(?P<key>\w+)'\]: (?P<value>\S+) is not of type")
_OTHER_COLUMNS = "Additional troubleshooting context:"  # of a table that dbt would add to
_NOT_UTF8 = "codec can't decode byte"
_ABOUT = {"profile": "profiles.yml", "package": "packages.yml"}  # where all else fails
_MADE = {"target", "logs", "dbt_packages"}


@dataclass(frozen=True)
class DbtError:
    """An error. `node` is such as "model x", empty where dbt speaks of none; `file` is one of the project."""

    node: str
    file: str
    line: int | None
    what: str

    @property
    def where(self) -> str:
        """`model x (models/x.sql:3)`, as much of it as is known."""
        place = self.place
        return f"{self.node} ({place})" if self.node and place else self.node or place

    @property
    def place(self) -> str:
        """`models/x.sql:3`, in the project; empty where not even the file is known."""
        return f"{self.file}:{self.line}" if self.line else self.file


def dbt_error(message: str, project: Path, *, node: str = "", file: str = "") -> DbtError:
    """Read a message of dbt's about a project. `node` and `file` are known beside the message, if at all."""
    message = _COLOUR.sub("", message)
    frame = next((found for line in message.splitlines() if (found := _FRAME.match(line.strip()))), None)
    if frame is not None and frame["file"]:
        node, file = node or f"{frame['kind']} {frame['name']}", file or frame["file"].removeprefix("./")
    what = first_lines(message)
    known = file or next((name for name in _NAMED_FILE.findall(what) if (project / name).is_file()), "")
    line = _line(message, project / known) if known else None
    if not known:
        known, line = _searched(message, project)
    return DbtError(node, known, line, what)


def first_lines(message: str) -> str:
    """What a message of dbt says before it goes into detail, in one line."""
    rows = [[cell.strip() for cell in row] for row in _ROW.findall(message)][2:]  # after its head and a rule
    if "enforced contract" in message and rows:
        return _cut("it breaks its contract: " + "; ".join(_mismatch(*row) for row in rows))
    beginning, _, columns = message.partition(_OTHER_COLUMNS)
    if columns:
        message = (
            f"{beginning.splitlines()[0]}\nits columns are not those of the table that is there:\n{columns}"
        )
    lines: list[str] = []
    for line in (line.strip() for line in _COLOUR.sub("", message).strip().splitlines()):
        if _DETAIL.match(line):
            break
        if line and not _FRAME.match(line):
            lines.append(line)
    return _cut(" ".join(lines))


def _mismatch(column: str, is_type: str, contract_type: str, reason: str) -> str:
    if is_type and contract_type:
        return f"column {column} is {is_type}, the contract says {contract_type}"
    return f"column {column} ({is_type or contract_type}) is {reason}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + "…"


def _line(message: str, file: Path) -> int | None:
    """The line of `file` that the message speaks of."""
    if not file.is_file():
        return None
    if found := _JINJA_LINE.search(message):
        return int(found["line"])
    text = file.read_text(encoding="utf-8", errors="replace")
    if (found := _SQL_LINE.search(message)) and (code := found["code"].strip(" .")) in text:
        return _line_at(text, text.index(code))
    for quoted in _quoted(message):
        if found := re.search(rf"(?<!\w){re.escape(quoted)}(?!\w)", text):
            return _line_at(text, found.start())
    return None


def _searched(message: str, project: Path) -> tuple[str, int | None]:
    """Where a message that names no file means: what it quotes, the tag that is not closed, or the nodes that
    it names."""
    texts = {
        str(file.relative_to(project)): file.read_text(encoding="utf-8", errors="replace")
        for pattern in _SEARCHED
        for file in sorted(project.rglob(pattern))
        if not _MADE & set(file.relative_to(project).parts)
    }
    wanted = [rf"['\"]{re.escape(quoted)}['\"]" for quoted in _quoted(message)]
    if unclosed := _UNCLOSED.search(message):
        tag = unclosed["tag"]
        wanted.append(rf"{{%-?\s*{tag}\b(?!(?s:.*){{%-?\s*end{tag})")
    if wrong := _WRONG_TYPE.search(message):
        wanted.append(rf"\b{wrong['key']}['\"]?\s*[=:]\s*{re.escape(wrong['value'])}")
    if _NOT_UTF8 in message:
        wanted.append("\N{REPLACEMENT CHARACTER}")
    for pattern in wanted:
        for name, text in texts.items():
            if found := re.search(pattern, text):
                return name, _line_at(text, found.start())
    for node in _NODE_ID.finditer(message):
        if files := [name for name in texts if Path(name).stem == node["name"]]:
            return files[0], None
    return next((file for word, file in _ABOUT.items() if word in message.lower()), ""), None


def _quoted(message: str) -> list[str]:
    """Names and texts that the message quotes, before it guesses what could be meant instead."""
    meant = re.split(r"Did you mean|Candidate bindings|LINE \d+:", message)[0]
    return [one or other for one, other in _QUOTED.findall(meant)]


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
