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
from penstock.ingest.octets import Bytes, Flags, Ints, as_bytes, views, word_of, words

_LOOKED_AT = 8  # events, for the usual layout
_QUOTE, _BACKSLASH, _CLOSING, _SPACE = b'"\\} '
_NULL = word_of(b"null")


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


def find_texts(contract: Contract, events: Places, longest: int) -> tuple[dict[str, Places], Flags]:
    """By field the texts of its values (of strings without the quotes), and which events are plain. Texts of
    other events, of which are those of more than `longest` bytes, may be anywhere."""
    texts: dict[str, Places] = {}

    def read(layout: Layout, rows: Ints) -> Flags:
        if not texts:
            found, fits = _texts_of(contract, layout, events)
            texts.update(found)
            return fits[rows]
        found, fits = _texts_of(contract, layout, events.of(rows))
        for name, places in found.items():
            texts[name].at[rows[fits]] = places.at[fits]
            texts[name].length[rows[fits]] = places.length[fits]
        return fits

    could_be = _has_plain_bytes(events, longest)
    return texts, read_by_layout(contract, events, np.flatnonzero(could_be), read)


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
    names = [field.name for field in contract.fields]
    met: Counter[tuple[tuple[str, ...], bool]] = Counter()
    octets = as_bytes(events.data)
    for row in range(0, len(events.at), len(events.at) // _LOOKED_AT + 1):
        begin = events.at[row]
        text = octets[begin : begin + events.length[row]].tobytes()
        try:
            keys = json.loads(text).keys()
        except (ValueError, AttributeError, RecursionError):
            continue
        met[tuple(key for key in keys if key in names), b'": ' in text] += 1
    if not met:
        return None
    keys, spaced = max(met, key=lambda found: (len(found[0]), met[found]))
    return Layout((*keys, *(name for name in names if name not in keys)), spaced)


def key_of(name: str, *, is_first: bool, spaced: bool) -> bytes:
    """What stands before a field's value."""
    space = b" " if spaced else b""
    return (b"{" if is_first else b"," + space) + b'"' + name.encode() + b'":' + space


def _has_plain_bytes(events: Places, longest: int) -> Flags:
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
    if (octets == _BACKSLASH).any():
        good &= np.minimum.reduceat(octets ^ _BACKSLASH, borders)[::2] != 0
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


def _texts_of(contract: Contract, layout: Layout, events: Places) -> tuple[dict[str, Places], Flags]:
    """By field its texts, and which events have this layout."""
    by_name = {field.name: field for field in contract.fields}
    walk = _Walk(events, layout.spaced)
    texts, fits = {}, np.ones(len(events.at), bool)
    for name in layout.fields:
        field = by_name[name]
        texts[name], has_field = walk.string(field) if is_string(field) else walk.other(field)
        fits &= has_field
    return texts, fits & walk.is_over()


class _Walk:
    """From field to field, in all events at once.

    `here` is the place behind the last value; `quotes` are all quotes of the buffer, of which `next_quote` is
    the first from `here` on. Where an event does not fit, both may be anywhere.
    """

    def __init__(self, events: Places, spaced: bool) -> None:
        self._data = events.data
        self._octets = as_bytes(events.data)
        self._spaced = spaced
        self._is_first = True
        self._last = events.at + events.length - 1
        self._here = events.at
        self._quotes = np.flatnonzero(self._octets == _QUOTE)
        self._next_quote = np.searchsorted(self._quotes, events.at)

    def string(self, field: Field) -> tuple[Places, Flags]:
        """The texts of the next field, and in which events it is a string, or may be missing or null."""
        key = self._next_key(field)
        close = self._quote(3)  # behind two of the key, and the opening one
        if field.required:
            begin = self._here + len(key) + 1
            fits = _reads(self._octets, self._here, key + b'"')
            self._here, self._next_quote = close + 1, self._next_quote + 4
            return Places(self._data, begin, close - begin), fits
        is_there = _reads(self._octets, self._here, key)
        begin = self._here + len(key) + 1
        has_text = is_there & (self._octets.take(begin - 1, mode="clip") == _QUOTE)
        is_null = is_there & ~has_text
        if is_null.any():
            fits = ~is_null | _reads(self._octets, begin - 1, b"null")
            here = np.where(is_null, begin + 3, self._here)
        else:
            fits, here = ~is_null, self._here
        self._here = np.where(has_text, close + 1, here)
        self._next_quote = self._next_quote + 2 * is_there + 2 * has_text
        return Places(self._data, begin, np.where(has_text, close - begin, -1)), fits

    def other(self, field: Field) -> tuple[Places, Flags]:
        """The texts of the next field, which is no string: up to the next key, or the end."""
        key = self._next_key(field)
        is_there = _reads(self._octets, self._here, key)
        begin = self._here + len(key)
        end = np.minimum(self._quote(2) - 1 - self._spaced, self._last)
        length = end - begin
        has_text = is_there & (length > 0)
        if field.required:
            self._here, self._next_quote = end, self._next_quote + 2
            return Places(self._data, begin, length), has_text
        self._here = np.where(has_text, end, self._here)
        self._next_quote = self._next_quote + 2 * has_text
        is_null = (length == 4) & _reads(self._octets, begin, b"null")
        return Places(self._data, begin, np.where(has_text & ~is_null, length, -1)), has_text | ~is_there

    def is_over(self) -> Flags:
        """Which events end here."""
        is_over: Flags = self._octets.take(self._here, mode="clip") == _CLOSING
        is_over &= self._here == self._last
        return is_over

    def _next_key(self, field: Field) -> bytes:
        """What stands before the next value."""
        key = key_of(field.name, is_first=self._is_first, spaced=self._spaced)
        self._is_first = False
        return key

    def _quote(self, number: int) -> Ints:
        """The place of a quote, counted from the next."""
        return self._quotes.take(self._next_quote + number, mode="clip")


def _reads(octets: Bytes, at: Ints, text: bytes) -> Flags:
    """At which places does this text stand?"""
    count = -(-len(text) // 8)
    found = words(octets, at, count)
    reads: Flags = np.ones(len(at), bool)
    for n in range(count):
        part = text[8 * n : 8 * n + 8]
        word = found[:, n]
        if len(part) < 8:
            word = word & word_of(b"\xff" * len(part))
        reads = reads & (word == word_of(part))
    return reads
