"""Eight bytes in a word: the constants and small questions that strings and values share.

https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ingest.decode.arrow_bytes import word_of
from penstock.ingest.decode.compiled import inlined

U = np.uint64
ONES, HIGH = U(0x0101_0101_0101_0101), U(0x8080_8080_8080_8080)
QUOTES, BACKSLASHES, SPACES = word_of(b'"' * 8), word_of(b"\\" * 8), word_of(b" " * 8)
FOUR = U(0xFFFF_FFFF)
QUOTE, BACKSLASH, SLASH, SPACE = b'"\\/ '


@inlined
def zero_bytes(word: Any) -> Any:
    """The high bit of each zero byte; bytes above the first one may be marked, too."""
    return (word - ONES) & ~word & HIGH


@inlined
def low_bytes(count: int) -> Any:
    """A mask of the first `count` bytes of a word, 0 to 7."""
    return (U(1) << U(8 * count)) - U(1)
