"""train.Example: a record of named features, each a list of bytes, floats or ints, as TensorFlow's message."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from opwright import export
from opwright.errors import ArgumentError

from opwright_io import wire


class _List:
    def __init__(self, value: Any = ()) -> None:
        self.value = [self._item(v) for v in value]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.value == other.value  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(value={self.value!r})"

    def _item(self, value: Any) -> Any:
        raise NotImplementedError


@export("train.BytesList")
class BytesList(_List):
    """A list of strings."""

    def _item(self, value: Any) -> bytes:
        value = value.numpy() if hasattr(value, "numpy") else value
        if not isinstance(value, bytes):
            raise ArgumentError(f"[BytesList] values must be bytes, got {value!r}; encode text")
        return value

    def encoded(self) -> bytes:
        """The message's bytes."""
        return b"".join(wire.block(1, v) for v in self.value)


@export("train.FloatList")
class FloatList(_List):
    """A list of float32 numbers."""

    def _item(self, value: Any) -> float:
        return float(np.float32(value))

    def encoded(self) -> bytes:
        """The message's bytes."""
        return wire.block(1, struct.pack(f"<{len(self.value)}f", *self.value))


@export("train.Int64List")
class Int64List(_List):
    """A list of int64 numbers."""

    def _item(self, value: Any) -> int:
        if int(value) != value:
            raise ArgumentError(f"[Int64List] values must be whole numbers, got {value!r}")
        return int(value)

    def encoded(self) -> bytes:
        """The message's bytes."""
        return wire.block(1, b"".join(wire.varint(v) for v in self.value))


_KINDS = {1: ("bytes_list", BytesList), 2: ("float_list", FloatList), 3: ("int64_list", Int64List)}


@export("train.Feature")
class Feature:
    """One of a BytesList, a FloatList, an Int64List."""

    def __init__(self, bytes_list: Any = None, float_list: Any = None, int64_list: Any = None) -> None:
        self._given = {1: bytes_list, 2: float_list, 3: int64_list}
        if sum(v is not None for v in self._given.values()) > 1:
            raise ArgumentError("[Feature] one list must be given, got several")

    bytes_list = property(lambda self: self._given[1] or BytesList())
    float_list = property(lambda self: self._given[2] or FloatList())
    int64_list = property(lambda self: self._given[3] or Int64List())

    @property
    def values(self) -> list[Any]:
        """The items of the list, whichever it is."""
        return next((v.value for v in self._given.values() if v is not None), [])

    def WhichOneof(self, group: str) -> str | None:
        """Which list it is: "bytes_list", "float_list", "int64_list" or None."""
        return next((_KINDS[n][0] for n, v in self._given.items() if v is not None), None)

    def encoded(self) -> bytes:
        """The message's bytes."""
        return b"".join(wire.block(n, v.encoded()) for n, v in self._given.items() if v is not None)

    def __repr__(self) -> str:
        return f"Feature({next((v for v in self._given.values() if v is not None), '')!r})"


@export("train.Features")
class Features:
    """Features by name."""

    def __init__(self, feature: Mapping[str, Feature] | None = None) -> None:
        self.feature = dict(feature or {})

    def encoded(self) -> bytes:
        """The message's bytes; by name, so that equal features give equal bytes."""
        entries = sorted(self.feature.items())
        return b"".join(wire.block(1, wire.block(1, name) + wire.block(2, f.encoded())) for name, f in entries)


@export("train.Example")
class Example:
    """A record: its features."""

    def __init__(self, features: Features | None = None) -> None:
        self.features = features or Features()

    def SerializeToString(self) -> bytes:
        """The record's bytes."""
        return wire.block(1, self.features.encoded())

    @classmethod
    def FromString(cls, data: bytes) -> Example:
        """The record of these bytes. Raises ValueError where they are none."""
        made = cls()
        for number, features in wire.fields(data):
            if number == 1:
                made.features.feature.update(_entry(entry) for n, entry in wire.fields(features) if n == 1)
        return made

    def ParseFromString(self, data: bytes) -> int:
        """Becomes the record of these bytes; returns their number."""
        self.features = self.FromString(data).features
        return len(data)


def _entry(data: bytes) -> tuple[str, Feature]:
    parts = dict(wire.fields(data))
    return parts.get(1, b"").decode(), _feature(parts.get(2, b""))


def _feature(data: bytes) -> Feature:
    for number, packed in wire.fields(data):
        if number in _KINDS:
            name, kind = _KINDS[number]
            return Feature(**{name: kind(_items(number, packed))})
    return Feature()


def _items(kind: int, data: bytes) -> list[Any]:
    """A list's values, packed or one by one."""
    found: list[Any] = []
    for _, value in wire.fields(data):
        if kind == 1:
            found.append(value)
        elif kind == 2:
            found += struct.unpack(f"<{len(value) // 4}f", value)
        elif isinstance(value, int):
            found.append(wire.signed(value))
        else:
            at = 0
            while at < len(value):
                item, at = wire.read_varint(value, at)
                found.append(wire.signed(item))
    return found
