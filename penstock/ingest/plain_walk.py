"""The walk through plain events from field to field, in all events at once, by NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from penstock.ingest.contract import Field
from penstock.ingest.octets import Bytes, Flags, Ints, as_bytes, word_of
from penstock.ingest.plain_events import Places, is_string, key_of
from penstock.ingest.plain_values import UUID_LENGTH
from penstock.ingest.texts import HEAD, Texts, heads_at, heads_read, to_quote

_QUOTE, _CLOSING = b'"}'
_NULL = np.uint32(word_of(b"null"))
_KEY = 25  # bytes: with a longer one, a UUID and its quotes would not be in one head
_STEPS = 8  # heads that a quote is looked for in, one after the other


class Walk:
    """`here` is the place behind the last value. Where an event does not fit, it may be anywhere."""

    def __init__(self, events: Places, *, spaced: bool) -> None:
        self._octets = as_bytes(events.data)
        self._spaced = spaced
        self._is_first = True
        self._last = events.at + events.length - 1
        self._here = events.at
        self._quotes: Ints | None = None

    def field(self, field: Field) -> tuple[Texts, Flags]:
        """The texts of the next field, of strings without the quotes, and which events fit so far: with its
        key or, where it may be missing or null, without."""
        key = key_of(field, is_first=self._is_first, spaced=self._spaced)
        self._is_first = False
        if is_string(field):
            return self._string(field, key)
        return self._other(field, key)

    def is_over(self) -> Flags:
        """Which events end here."""
        is_over: Flags = self._octets.take(self._here, mode="clip") == _CLOSING
        is_over &= self._here == self._last
        return is_over

    def _string(self, field: Field, key: bytes) -> tuple[Texts, Flags]:
        heads, column, is_there = self._read_key(key + b'"' if field.required else key)
        at = self._here + len(key) + 1
        if field.required:
            length, fits = self._length(field, heads, column, at, is_there)
            self._here = at + length + 1
            return Texts(self._octets, at, length, heads, column), fits
        has_text = is_there & (heads[:, column] == _QUOTE)
        length, fits = self._length(field, heads, column + 1, at, has_text)
        here = at + length + 1
        if not has_text.all():
            is_null = is_there & ~has_text
            fits = np.where(has_text, fits, ~is_null | (_four(heads, column) == _NULL))
            here = np.where(has_text, here, self._here + is_null * (len(key) + 4))
            length = np.where(has_text, length, -1)
        self._here = here
        return Texts(self._octets, at, length, heads, column + 1), fits

    def _other(self, field: Field, key: bytes) -> tuple[Texts, Flags]:
        """Up to the next key, or the end."""
        heads, column, is_there = self._read_key(key)
        at = self._here + len(key)
        end = np.minimum(at + to_quote(heads, column) - 1 - self._spaced, self._last)
        length = end - at
        has_text = is_there & (length > 0)
        if field.required:
            self._here = end
            return Texts(self._octets, at, length, heads, column), has_text
        self._here = np.where(has_text, end, self._here)
        is_null = (length == 4) & (_four(heads, column) == _NULL)
        length = np.where(has_text & ~is_null, length, -1)
        return Texts(self._octets, at, length, heads, column), has_text | ~is_there

    def _read_key(self, key: bytes) -> tuple[Bytes, int, Flags]:
        """Heads of what is behind the key, in which column they begin, and which events have the key."""
        if len(key) <= _KEY:
            heads = heads_at(self._octets, self._here)
            return heads, len(key), heads_read(heads, key)
        is_there: Flags = np.ones(len(self._here), bool)
        for n in range(0, len(key), HEAD):
            is_there &= heads_read(heads_at(self._octets, self._here + n), key[n : n + HEAD])
        return heads_at(self._octets, self._here + len(key)), 0, is_there

    def _length(
        self, field: Field, heads: Bytes, column: int, at: Ints, is_there: Flags
    ) -> tuple[Ints, Flags]:
        """How long strings are, and which of them end."""
        if field.kind == "uuid":
            return np.full(len(at), UUID_LENGTH), is_there & (heads[:, column + UUID_LENGTH] == _QUOTE)
        length = to_quote(heads, column)
        rows = np.flatnonzero((length == HEAD) & is_there)
        length[rows] = HEAD - column
        for _ in range(_STEPS):
            if not rows.size:
                return length, is_there
            more = to_quote(heads_at(self._octets, at[rows] + length[rows]), 0)
            length[rows] += more
            rows = rows[more == HEAD]
        if self._quotes is None:
            self._quotes = np.flatnonzero(self._octets == _QUOTE)
        length[rows] = self._quotes.take(np.searchsorted(self._quotes, at[rows]), mode="clip") - at[rows]
        return length, is_there


def _four(heads: Bytes, column: int) -> npt.NDArray[np.uint32]:
    """Four bytes of each head."""
    return np.ndarray((len(heads),), "<u4", heads, column, (HEAD,))
