"""Bytes at an address, for the functions that numba compiles.

An array handed from function to function would be counted each time, which costs more than reading it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def word_at(context: Any, address: Any) -> Any:
    """Eight bytes from an address on, the first lowest."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), align=1)

    return types.uint64(types.int64), code


@intrinsic
def int_at(context: Any, address: Any) -> Any:
    """The same, as a signed number."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), align=1)

    return types.int64(types.int64), code


@intrinsic
def byte_at(context: Any, address: Any) -> Any:
    """The byte at an address."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = builder.load(builder.inttoptr(arguments[0], ir.IntType(8).as_pointer()))
        return builder.zext(byte, ir.IntType(64))

    return types.int64(types.int64), code


@intrinsic
def put_word(context: Any, address: Any, word: Any) -> Any:
    """Write eight bytes from an address on, the lowest first."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store(arguments[1], pointer, align=1)
        return context.get_dummy_value()

    return types.none(types.int64, types.uint64), code


@intrinsic
def put_byte(context: Any, address: Any, byte: Any) -> Any:
    """Write one byte to an address."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        builder.store(builder.trunc(arguments[1], ir.IntType(8)), pointer)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), code


@intrinsic
def bytes_before(context: Any, marks: Any) -> Any:
    """How many bytes stand before the first that is marked by its high bit; 8 where none is."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zeros = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return builder.lshr(zeros, ir.Constant(ir.IntType(64), 3))

    return types.int64(types.uint64), code
