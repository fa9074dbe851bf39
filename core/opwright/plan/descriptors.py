"""kernel.h's structures for values and attributes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from opwright._abi import ffi
from opwright.dtypes import DType
from opwright.plan.ir import Value
from opwright.runtime import NULL
from opwright.schema import Schema
from opwright.shapes import Shape

_NONE, _INT, _FLOAT, _DTYPE, _STR, _INTS, _FLOATS = range(7)  # ow_value.kind
DEVICES = {"cpu": 1, "cuda": 2}
T = TypeVar("T")


class Descriptors:
    """An ow_tensor for each Value of a plan, made when first asked for. `keep` holds what they point to."""

    def __init__(self) -> None:
        self.keep: list[Any] = []
        self._tensors: dict[Value, Any] = {}
        self._made: dict[Any, Any] = {}
        self._none = self.kept(ffi.new("ow_value[]", 1))  # the attributes of ops that declare none

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` gives, which is called again only where that was None, or for another key or one without hash."""
        try:
            found = self._made.get(key)
        except TypeError:
            return make()
        if found is None:
            found = self._made[key] = make()
        return found

    def tensor(self, value: Value) -> Any:
        """The ow_tensor of a value. Its address is that of the constant or variable, or not set yet."""
        found = self._tensors.get(value)
        if found is None:
            layout, dtype, start = value.layout, value.dtype, value.storage.address
            rank = len(layout.shape)
            dims = self.kept(ffi.new("int64_t[]", [*layout.shape, *layout.strides]))
            data = NULL if start is None else ffi.cast("void *", start + layout.offset * dtype.size)
            place, kind = _place(value.storage.device), (dtype.code, dtype.bits, 1)
            found = ffi.new("ow_tensor *", (data, place, rank, kind, dims, dims + rank, 0))
            self._tensors[value] = found
        return found

    def items(self) -> list[tuple[Value, Any]]:
        return list(self._tensors.items())

    def array(self, values: list[Value]) -> Any:
        """An array of pointers to the tensors of values."""
        return self.kept(ffi.new("ow_tensor *[]", [self.tensor(v) for v in values] or 1))

    def kept(self, thing: Any) -> Any:
        self.keep.append(thing)
        return thing

    def attributes(self, schema: Schema, attributes: dict[str, Any]) -> Any:
        """The attributes as ow_values, in declared order."""
        declared = schema.attributes
        values = self.kept(ffi.new("ow_value[]", len(declared))) if declared else self._none
        for i, attribute in enumerate(declared):
            self._attribute(values[i], attributes[attribute.name])
        return values

    def _attribute(self, target: Any, value: Any) -> None:
        if isinstance(value, (bool, int)):
            target.kind, target.v.i = _INT, int(value)
        elif isinstance(value, float):
            target.kind, target.v.f = _FLOAT, value
        elif isinstance(value, DType):
            target.kind = _DTYPE
            target.v.dt.code, target.v.dt.bits, target.v.dt.lanes = value.code, value.bits, 1
        elif isinstance(value, str):
            text = value.encode()
            target.kind, target.n = _STR, len(text)
            target.v.s = self.kept(ffi.new("char[]", text))
        elif isinstance(value, Shape) or (isinstance(value, tuple) and all(isinstance(v, int) for v in value)):
            items = [-1 if v is None else v for v in (value.dims or () if isinstance(value, Shape) else value)]
            target.kind, target.n = _INTS, len(items)
            target.v.iv = self.kept(ffi.new("int64_t[]", items or 1))
        elif isinstance(value, tuple) and all(isinstance(v, float) for v in value):
            target.kind, target.n = _FLOATS, len(value)
            target.v.fv = self.kept(ffi.new("double[]", list(value)))


@cache
def _place(device: str) -> tuple[int, int]:
    """A device as ow_device."""
    kind, _, number = device.partition(":")
    return DEVICES.get(kind, 1), int(number or 0)


def patches(descriptors: Descriptors, values: list[Value]) -> dict[int, list[tuple[Any, int]]]:
    """For each storage (by id) the tensors that lie in it, with their offset in bytes: what to set when it moves."""
    wanted = {id(v.storage) for v in values}
    found: dict[int, list[tuple[Any, int]]] = {key: [] for key in wanted}
    for value, tensor in descriptors.items():
        if id(value.storage) in wanted:
            found[id(value.storage)].append((tensor, value.layout.offset * value.dtype.size))
    return found
