"""What the contract does not name, as text: without white space, its numbers as they were sent. Compiled by
numba."""

from __future__ import annotations

from typing import Any

from penstock.ingest.decode.compiled import compiled
from penstock.ingest.decode.memory import byte_at, int_at, put_byte, put_word, word_at
from penstock.ingest.parse.field_plan import DEEPEST, IDS, USED
from penstock.ingest.parse.keys import MIX, hash_of, is_new
from penstock.ingest.parse.strings import close_of, copy_string, is_utf8
from penstock.ingest.parse.tokens import (
    CLOSE,
    CLOSE_LIST,
    COLON,
    COMMA,
    FALSE,
    FIVE,
    MINUS,
    NULL,
    OPEN,
    OPEN_LIST,
    TRUE,
    number_end,
    skip_space,
)
from penstock.ingest.parse.values import is_digit
from penstock.ingest.parse.words import FOUR, QUOTE, U

_LONGEST_NUMBER = 40  # bytes: DuckDB's JSON reads longer ones its own way


@compiled
def copy_value(at: int, end: int, to: int, stamp: int, noted: int) -> Any:
    """Write a JSON value without white space, its numbers as they were sent; the places behind it in the
    event (-1: it is not taken) and in what was written."""
    depth, are_objects = 0, U(0)  # one bit for each open object or array, the innermost lowest
    while True:
        at = skip_space(at, end)
        if at >= end:
            return -1, to
        byte = byte_at(at)
        opened = False
        if byte == QUOTE:
            close, high = close_of(at + 1, end)
            if close >= 0:
                if high != U(0) and not is_utf8(at + 1, close):
                    return -1, to
                to = _copy(at, close + 1 - at, to)
                at = close + 1
            else:
                put_byte(to, QUOTE)
                at, to = copy_string(at + 1, end, to + 1, True)
                if at < 0:
                    return -1, to
                put_byte(to, QUOTE)
                to += 1
        elif byte in (OPEN, OPEN_LIST):
            depth += 1
            if depth > DEEPEST:
                return -1, to
            are_objects = (are_objects << U(1)) | U(byte == OPEN)
            # Each object that has keys has a number of its own.
            put_word(noted + IDS + 8 * depth, U(int_at(noted + USED) + 1))
            put_byte(to, byte)
            at, to = skip_space(at + 1, end), to + 1
            opened = True
        elif byte == MINUS or is_digit(byte):
            behind = number_end(at)
            if behind < 0 or behind - at > _LONGEST_NUMBER:
                return -1, to
            to = _copy(at, behind - at, to)
            at = behind
        else:
            word = word_at(at)
            if word & FOUR == TRUE or word & FOUR == NULL:
                size = 4
            elif word & FIVE == FALSE:
                size = 5
            else:
                return -1, to
            to = _copy(at, size, to)
            at += size
        # Behind a value, or an opening bracket: close what ends here, until another value must come.
        while True:
            if depth == 0:
                return at, to
            if not opened:
                at = skip_space(at, end)
            is_object = are_objects & U(1) != U(0)
            byte = byte_at(at)
            if byte == (CLOSE if is_object else CLOSE_LIST):
                put_byte(to, byte)
                at, to = at + 1, to + 1
                depth, are_objects = depth - 1, are_objects >> U(1)
                opened = False
                continue
            if not opened:
                if byte != COMMA:
                    return -1, to
                put_byte(to, COMMA)
                at, to = skip_space(at + 1, end), to + 1
            opened = False
            if is_object:
                if byte_at(at) != QUOTE or at >= end:
                    return -1, to
                close, high = close_of(at + 1, end)
                if close < 0 or (high != U(0) and not is_utf8(at + 1, close)):
                    return -1, to
                size = close - at - 1
                if not is_new(hash_of(at + 1, size) ^ word_at(noted + IDS + 8 * depth) * MIX, stamp, noted):
                    return -1, to
                to = copy_key(at + 1, size, to)
                at = skip_space(close + 1, end)
                if byte_at(at) != COLON:
                    return -1, to
                at += 1
            break


@compiled
def copy_key(key: int, size: int, to: int) -> int:
    """Write a key with its quotes and colon; the place behind it."""
    put_byte(to, QUOTE)
    to = _copy(key, size, to + 1)
    put_byte(to, QUOTE)
    put_byte(to + 1, COLON)
    return to + 2


@compiled
def _copy(at: int, size: int, to: int) -> int:
    """Copy bytes (up to 7 more are written); the place behind them."""
    for n in range(0, size, 8):
        put_word(to + n, word_at(at + n))
    return to + size
