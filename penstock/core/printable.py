"""Text that came from outside, made safe to look at: an event may hold what a terminal or a reader obeys.

What is not for the eye is written as JSON writes it (`\\u001b`): control characters (colours, the cursor, a
terminal's title), what turns the direction of reading, and half characters.
"""

from __future__ import annotations

import re

_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_DIRECTIONS}]")
_UNSEEN_OR_BREAK = re.compile(rf"{_UNSEEN.pattern}|[\t\n]")

_SHORT = {"\n": "\\n", "\t": "\\t"}


def printable(text: str) -> str:
    """`text` with its line ends and tabs, and nothing else that steers a terminal."""
    return _UNSEEN.sub(_escape, text)


def on_one_line(text: str) -> str:
    """The same on one line: whatever it says, it can pretend to be no other line."""
    return _UNSEEN_OR_BREAK.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
