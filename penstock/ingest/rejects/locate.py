"""Where in an event's text does a reason point? For people, one event at a time; it checks nothing."""

from __future__ import annotations

import json
import re

_BAD_BYTE = re.compile(r"\\x[0-9a-f]{2}")
_NO_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<bad>NaN|-?Infinity|,(?=\s*[\]}]))', re.DOTALL | re.IGNORECASE)


def position(key: str | None, rule: str, found: str | None, text: str | None) -> int | None:
    """The character that the reason points at, from 0; None where there is no one place. `key`: of the field,
    None for a reason of the event as a whole."""
    if text is None:
        return None
    if key is not None:
        return _key(key, text)
    if rule == "duplicateKey":
        return _key(found or "", text, which=1)
    if rule == "utf8":
        bad = _BAD_BYTE.search(text)
        return bad.start() if bad else None
    if rule == "json":
        return _broken_json(text)
    return None


def _key(name: str, text: str, *, which: int = 0) -> int | None:
    either = "|".join(re.escape(json.dumps(name, ensure_ascii=ascii_only)) for ascii_only in (False, True))
    keys = [match.start() for match in re.finditer(rf"(?:{either})\s*:", text)]
    return keys[which] if len(keys) > which else None


def _broken_json(text: str) -> int | None:
    # Python's reader takes NaN and Infinity.
    for match in _NO_JSON.finditer(text):
        if match["bad"] is not None:
            return match.start()
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        return exc.pos
    except (ValueError, RecursionError):
        return None  # a number of thousands of digits, or thousands of brackets: no fault of the text
    return None
