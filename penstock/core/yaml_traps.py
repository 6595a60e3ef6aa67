"""Values that YAML 1.1 reads as something else than a person means: `no`, `10:30`, `#channel`.

What can hardly be meant is refused. The rest is explained where somebody refuses the value (`note`).
"""

from __future__ import annotations

import re

import yaml

_TAG = "tag:yaml.org,2002:"
_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "seq", "map", "merge", "value")
_KNOWN = {_TAG + kind for kind in _KINDS}
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_LITERAL_BOOL = ("true", "false")


def trap(node: yaml.Node, value: object) -> str | None:
    """Why a node can hardly be meant as YAML reads it, or None. `value` is what it is read as."""
    if node.tag not in _KNOWN:
        return f"the tag {node.tag.replace(_TAG, '!!')} has no meaning here"
    if isinstance(node, yaml.SequenceNode):
        return _mixed_booleans(node)
    if not _is_plain(node):
        return None
    if node.tag in (_TAG + "int", _TAG + "float") and ":" in node.value:
        return f"YAML reads {node.value} as {value}, a number to the base of 60"
    if node.tag == _TAG + "int" and _OCTAL.fullmatch(node.value):
        return f"YAML reads {node.value} as {value}, a number to the base of 8"
    return None


def note(node: yaml.Node, value: object, rest_of_line: str) -> str | None:
    """What YAML makes of an unquoted value, where that is not what was written. `rest_of_line` follows."""
    if not _is_plain(node) or node.tag == _TAG + "str":
        return None
    if node.tag == _TAG + "null":
        if node.value:
            return f"YAML reads {node.value} as no value"
        if rest_of_line.lstrip().startswith("#"):
            return "what stands after '#' is a comment, unless it is in quotes"
        return "nothing stands there"
    if node.tag == _TAG + "int" and node.value.isdigit():
        return None
    if node.tag == _TAG + "timestamp":
        return f"YAML reads {node.value} as a date, unless it is in quotes"
    reading = str(value).lower() if isinstance(value, bool) else value
    return f"YAML reads {node.value} as {reading}, unless it is in quotes"


def is_left_empty(node: yaml.Node) -> bool:
    """Whether nothing was written where this value stands; `null` and `~` are something."""
    return _is_plain(node) and node.tag == _TAG + "null" and not node.value


def fix_for(problem: str) -> str:
    """What to do about a file that the parser refuses."""
    if "'\\t'" in problem:
        return "indent with spaces, not with tabs"
    if "another document" in problem:
        return "keep one document in the file: remove the line '---'"
    return "put a value with special characters (: # @ * & ! % { [) in quotes; look at the line before, too"


def _mixed_booleans(node: yaml.SequenceNode) -> str | None:
    """[NO, SE, DK]: the first one is read as false."""
    if not any(item.tag == _TAG + "str" for item in node.value):
        return None
    for item in node.value:
        if item.tag == _TAG + "bool" and item.value.lower() not in _LITERAL_BOOL:
            return f"YAML reads {item.value}, among texts, as true or false"
    return None


def _is_plain(node: yaml.Node) -> bool:
    """Without quotes, and not a block of text."""
    return isinstance(node, yaml.ScalarNode) and node.style is None
