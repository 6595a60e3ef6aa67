"""Secrets, and how they are kept out of every text that a person, a log or the outbox sees."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

_MASK = "***"
_SHORTEST_PART = 8  # a shorter part of an address ("api", "hook") is no secret, and masking it would hurt

# What looks like a secret, whoever's it is: an error text may quote anything.
_PATTERNS = (
    (re.compile(r"\bx(?:ox[a-z]|app)[-.][A-Za-z0-9._-]{6,}"), _MASK),
    (re.compile(r"(https://hooks\.slack(?:-gov)?\.com/)[^\s\"'<>]+"), rf"\1{_MASK}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@", re.IGNORECASE), rf"\1:{_MASK}@"),
)


class Secret:
    """A text that never shows itself: repr, str and format give `***`. `reveal()` is for its one use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: only for the call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return _MASK

    __str__ = __repr__


def scrub(text: str, secrets: Iterable[Secret]) -> str:
    """`text` with the given secrets, in every form that an error may quote, and all that looks like a Slack
    token, a Slack webhook or a password in an address, replaced by `***`."""
    forms = {form for secret in secrets for form in _forms(secret.reveal())}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, _MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _forms(value: str) -> set[str]:
    """The secret; of an address also its path and the path's last part: HTTP errors quote only those."""
    parts = {value}
    if "://" in value:
        # By hand: urlsplit drops the tabs and line ends of a mistyped address, which an error quotes.
        path = "/" + value.partition("://")[2].partition("/")[2]
        parts |= {part for part in (path, path.rsplit("/", 1)[-1]) if len(part) >= _SHORTEST_PART}
    quoted = {quote(part, safe="") for part in parts} | {repr(part)[1:-1] for part in parts}
    return {form for form in parts | quoted if form}
