"""Bytes of many events at once, in NumPy: as words of eight, and as the texts of an Arrow column."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

# Behind the bytes of a buffer: a quote is found, and as many bytes as the longest key or value of interest
# may be read, from each place on.
PADDING = b'"' * 128

INLINE = 12  # bytes: a text that is no longer lies in its view
_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)  # the first bytes of a word


def words(raw: Bytes, at: Ints, count: int) -> Words:
    """`count` words of eight bytes from each place on, the first byte lowest: shape (places, count).

    A place with fewer bytes behind it gives others, as does one just before the first byte; there must be so
    many bytes in all.
    """
    size = 8 * count
    last = len(raw) - size
    everywhere: Any = np.ndarray((last + 1,), f"V{size}", raw, 0, (1,))
    found: Words = everywhere[np.minimum(at, last)].view("<u8").reshape(len(at), count)
    return found


def word_of(text: bytes) -> np.uint64:
    """A text of up to eight bytes as `words` finds it, zeros behind it."""
    return np.uint64(int.from_bytes(text, "little"))


def views(kind: pa.DataType, data: pa.Buffer, at: Ints, length: Ints) -> pa.Array:
    """The texts of these lengths (negative: null) at these places of `data`, which ends with PADDING, as
    views of it. `kind`: pa.binary_view() or pa.string_view().

    The layout: https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
    """
    first = words(as_bytes(data), at, 2)
    made = view_words(at, length, first[:, 0], first[:, 0] >> np.uint64(32) | first[:, 1] << np.uint64(32))
    return pa.Array.from_buffers(kind, len(at), [bitmap_of_valid(length >= 0), pa.py_buffer(made), data])


def view_words(at: Ints, length: Ints, first: Words, from_fifth: Words) -> Words:
    """The views of such texts, two words each: shape (texts, 2). `first`: their first eight bytes,
    `from_fifth`: those from the fifth on; of both, what is behind the end may be anything."""
    size = np.maximum(length, 0)
    made = np.empty((len(at), 2), "<u8")
    made[:, 0] = size.view(np.uint64) | (first & _KEPT[np.minimum(size, 4)]) << np.uint64(32)
    inside = from_fifth & _KEPT[np.minimum(np.maximum(size - 4, 0), 8)]
    made[:, 1] = np.where(size <= INLINE, inside, at.view(np.uint64) << np.uint64(32))
    return made


def taken(array: pa.Array, rows: Ints) -> pa.Array:
    """Some of an Arrow column's values; `take` knows no views. Nothing of their bytes is copied."""
    if not _is_view(array.type):
        return array.take(pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)]))
    valid, held, *data = array.buffers()
    kept = np.frombuffer(held, "V16")[array.offset + rows]
    is_there = None if valid is None else bitmap_of_valid(flags_of(valid, array.offset, len(array))[rows])
    return pa.Array.from_buffers(array.type, len(rows), [is_there, pa.py_buffer(kept), *data])


def bytes_of(array: pa.Array) -> int:
    """How many bytes an Arrow column of byte strings or texts has in all, of those that it shows of its
    buffers."""
    if isinstance(array.type, pa.JsonType):
        array = array.storage
    if not _is_view(array.type):
        return int(array.nbytes)
    held = np.frombuffer(array.buffers()[1], "<i4").reshape(-1, 4)
    return int(held[array.offset : array.offset + len(array), 0].sum(dtype=np.int64))


def is_text(kind: pa.DataType) -> bool:
    """Are its values texts, JSON ones too?"""
    return pa.types.is_string(kind) or pa.types.is_string_view(kind) or isinstance(kind, pa.JsonType)


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary_view(kind) or pa.types.is_string_view(kind))


def as_bytes(data: pa.Buffer) -> Bytes:
    """A buffer's bytes."""
    return np.frombuffer(data, np.uint8)


def flag_column(flags: Flags) -> pa.Array:
    """Flags as a column without nulls."""
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, bitmap(flags)])


def flags_of(buffer: pa.Buffer, offset: int, count: int) -> Flags:
    """Flags as they were before Arrow kept them. (Its own `to_numpy` would import pandas, which takes a
    second.)"""
    return np.unpackbits(as_bytes(buffer), bitorder="little")[offset : offset + count].view(bool)


def bitmap(flags: Flags) -> pa.Buffer:
    """Flags as Arrow keeps them."""
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def bitmap_of_valid(valid: Flags) -> pa.Buffer | None:
    """Of an Arrow array, which values are not null: nothing where all are there."""
    return None if valid.all() else bitmap(valid)
