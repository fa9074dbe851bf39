"""Protocol Buffers' wire format: fields of a message to bytes and back (https://protobuf.dev/programming-guides/encoding)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(value: int) -> bytes:
    """An integer; a negative one as 64 bits in two's complement."""
    value &= 2**64 - 1
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def integer(field: int, value: int) -> bytes:
    """A field that holds an integer, bool or enum."""
    return varint(field << 3 | VARINT) + varint(value)


def double(field: int, value: float) -> bytes:
    """A field that holds a double."""
    return varint(field << 3 | FIXED64) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """A field that holds a float."""
    return varint(field << 3 | FIXED32) + struct.pack("<f", value)


def block(field: int, value: bytes | str) -> bytes:
    """A field that holds bytes, text, a message, or packed numbers."""
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | BYTES) + varint(len(data)) + data


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The integer at a place, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The number and value of each field: int, bytes, or 4 or 8 bytes for fixed ones. Raises ValueError where the bytes
    are no message."""
    at = 0
    try:
        while at < len(data):
            key, at = read_varint(data, at)
            kind = key & 7
            if kind == VARINT:
                value, at = read_varint(data, at)
                yield key >> 3, value
                continue
            size = {FIXED64: 8, FIXED32: 4}.get(kind)
            if kind == BYTES:
                size, at = read_varint(data, at)
            if size is None or at + size > len(data):
                raise IndexError
            yield key >> 3, data[at : at + size]
            at += size
    except IndexError:
        raise ValueError(f"a message must consist of whole fields, got {data[:20]!r}...") from None


def signed(value: int) -> int:
    """A varint as an int64."""
    return value - 2**64 if value >= 2**63 else value
