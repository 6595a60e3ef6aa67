"""The tokens of JSON: its marks, white space, and where a number ends. Compiled by numba. RFC 8259."""

from __future__ import annotations

from penstock.ingest.decode.arrow_bytes import word_of
from penstock.ingest.decode.compiled import compiled, inlined
from penstock.ingest.decode.memory import byte_at
from penstock.ingest.parse.values import is_digit
from penstock.ingest.parse.words import SPACE, U

COLON, COMMA, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = b":,{}[]"
MINUS, _PLUS, _POINT, _ZERO, _EXPONENT = b"-+.0e"
TRUE, FALSE, NULL = word_of(b"true"), word_of(b"false"), word_of(b"null")
FIVE = U(0xFF_FFFF_FFFF)  # the bytes of `false` in a word; those of `true` and `null` are words.FOUR


@inlined
def skip_space(at: int, end: int) -> int:
    """The first place from here on that is no white space, or `end`."""
    while at < end:
        byte = byte_at(at)
        if byte > SPACE or not (byte == SPACE or byte == 10 or byte == 13 or byte == 9):
            break
        at += 1
    return at


@compiled
def number_end(at: int) -> int:
    """The place behind a JSON number; -1 where it is none, or has an exponent of more than two digits."""
    if byte_at(at) == MINUS:
        at += 1
    if not is_digit(byte_at(at)):
        return -1
    if byte_at(at) == _ZERO:
        at += 1
    else:
        at = _digits_end(at)
    if byte_at(at) == _POINT:
        if not is_digit(byte_at(at + 1)):
            return -1
        at = _digits_end(at + 1)
    if byte_at(at) | 32 == _EXPONENT:
        at += 1
        if byte_at(at) in (_PLUS, MINUS):
            at += 1
        behind = _digits_end(at)
        if not 1 <= behind - at <= 2:
            return -1
        at = behind
    return at


@compiled
def _digits_end(at: int) -> int:
    while is_digit(byte_at(at)):
        at += 1
    return at
