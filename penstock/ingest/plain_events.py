"""Plain events: those that are written as many others of their batch, so that their values lie open.

An event is plain when it is one object with the contract's fields in the usual order and with the usual
spaces, and has no backslash and no control character. Its text is then the text of the keys, letter by
letter, and the values between. Strings end at the next quote; whether another value is one of JSON is left
to its reader (`plain_values`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from penstock.ingest.contract import Contract, Field
from penstock.ingest.octets import Flags, Ints, as_bytes, places_of, views

_LOOKED_AT = 8  # events, for the usual layout
_BACKSLASH, _SPACE = b"\\ "


@dataclass(frozen=True)
class Layout:
    """How events are usually written: the order of the fields, and with a space after ':' and ',' or none."""

    fields: tuple[str, ...]
    spaced: bool


@dataclass(frozen=True)
class Places:
    """Byte strings in one buffer, which ends with PADDING: where each begins, and how long it is (-1: there
    is none, or it is null)."""

    data: pa.Buffer
    at: Ints
    length: Ints

    def of(self, rows: Ints) -> Places:
        """Some of them."""
        return Places(self.data, self.at[rows], self.length[rows])


def is_string(field: Field) -> bool:
    """Is it a string in JSON?"""
    return field.kind in ("string", "uuid", "timestamp", "date")


def read_by_layout(
    contract: Contract, events: Places, rows: Ints, read: Callable[[Layout, Ints], Flags]
) -> Flags:
    """Which events are plain: `read` says which of some rows have a layout. It is asked for all `rows` with
    the usual layout, then for those that are left with theirs, until few are."""
    is_plain = np.zeros(len(events.at), bool)
    few = len(events.at) // 32  # are not worth another look
    while (layout := usual_layout(contract, events.of(rows))) is not None:
        fits = read(layout, rows)
        is_plain[rows[fits]] = True
        rows = rows[~fits]
        if len(rows) <= few or np.count_nonzero(fits) <= few:
            break
    return is_plain


def usual_layout(contract: Contract, events: Places) -> Layout | None:
    """The layout of the fullest of some events; of several, the one that is met most. None: no JSON."""
    names = {field.key: field.name for field in contract.fields}
    met: Counter[tuple[tuple[str, ...], bool]] = Counter()
    octets = as_bytes(events.data)
    for row in range(0, len(events.at), len(events.at) // _LOOKED_AT + 1):
        begin = events.at[row]
        text = octets[begin : begin + events.length[row]].tobytes()
        try:
            keys = json.loads(text).keys()
        except (ValueError, AttributeError, RecursionError):
            continue
        met[tuple(names[key] for key in keys if key in names), b'": ' in text] += 1
    if not met:
        return None
    fields, spaced = max(met, key=lambda found: (len(found[0]), met[found]))
    return Layout((*fields, *(name for name in names.values() if name not in fields)), spaced)


def key_of(field: Field, *, is_first: bool, spaced: bool) -> bytes:
    """What stands before a field's value."""
    space = b" " if spaced else b""
    key = json.dumps(field.key, ensure_ascii=False).encode()
    return (b"{" if is_first else b"," + space) + key + b":" + space


def has_plain_bytes(events: Places, longest: int) -> Flags:
    """Which events have no backslash and no control character, and are UTF-8."""
    octets = as_bytes(events.data)
    plain = (events.length >= 2) & (events.length <= longest)
    rows = np.flatnonzero(plain)
    if not rows.size:
        return plain
    those = events if len(rows) == len(plain) else events.of(rows)
    borders = np.ravel(np.column_stack((those.at, those.at + those.length)))
    lowest = np.minimum.reduceat(octets.view(np.int8), borders)[::2]
    good = lowest >= _SPACE
    beyond_ascii = np.flatnonzero(lowest < 0)
    if beyond_ascii.size:
        good[beyond_ascii] = is_text(those.of(beyond_ascii))
    escapes = places_of(octets, _BACKSLASH)
    owner = np.searchsorted(those.at, escapes, side="right") - 1
    good[owner[(owner >= 0) & (escapes < (those.at + those.length)[owner])]] = False
    plain[rows] = good
    return plain


def is_text(those: Places) -> Flags:
    """Which byte strings are UTF-8 without control characters."""
    octets = as_bytes(those.data)
    borders = np.ravel(np.column_stack((those.at, those.at + those.length)))
    good: Flags = np.minimum.reduceat(octets, borders)[::2] >= _SPACE
    try:
        views(pa.binary_view(), those.data, those.at, those.length).cast(pa.string_view())
    except pa.ArrowInvalid:
        places = zip(those.at.tolist(), (those.at + those.length).tolist(), strict=True)
        good &= np.array([_is_utf8(octets[begin:end].tobytes()) for begin, end in places])
    return good


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
