"""cast, saturate_cast, bitcast: from one dtype to another; from_dlpack: from other frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import EagerTensor, OpDef, Shape, as_dtype, dtypes, export, ops

from opwright_array.passing import elements

cast = OpDef("cast(x: S['*s'], dtype: dtype) -> (y: dtype['*s'])", S=dtypes.any_type)


@cast.gradient
def _cast_gradient(node, dy):
    x = node.input("x")
    return ops.cast(dy, x.dtype) if x.dtype.is_floating else None


@cast.rewrite
def _cast_rewrite(node, make):
    (x,) = node.inputs
    return [x] if x.dtype is node.attributes["dtype"] else None


@cast.static_value
def _cast_value(c):
    whole = (c.dtype("x").is_integer or c.dtype("x").is_bool) and c.attr.dtype.is_integer
    known = elements(c, "x") if whole else None
    if known is None or c.dtype("x").size < c.attr.dtype.size or c.dtype("x").is_bool:
        return known
    return _wrapped(known, c.attr.dtype)


def _wrapped(known: Any, dtype: Any) -> Any:
    """Integers as a narrower dtype holds them."""
    flat = [None if v is None else int(np.array(int(v)).astype(dtype.numpy)) for v in known.flat]
    made = np.empty(known.size, object)
    made[:] = flat
    return made.reshape(known.shape)


saturate_cast = OpDef("saturate_cast(value: S['*s'], dtype: dtype) -> (y: dtype['*s'])", S=dtypes.numbers)


@saturate_cast.gradient
def _saturate_gradient(node, dy):
    x = node.input("value")
    if not x.dtype.is_floating:
        return None
    low, high = dy.dtype.min, dy.dtype.max
    inside = (
        ops.logical_and(ops.greater_equal(x, low), ops.less_equal(x, high)) if x.dtype.size > dy.dtype.size else None
    )
    slope = ops.cast(dy, x.dtype)
    return slope if inside is None else ops.where(inside, slope, ops.zeros([], x.dtype))


@export("to_float")
def to_float(x: Any, name: str | None = None) -> Any:
    """The tensor cast to float32."""
    return cast(x, "float32", name=name)


@export("to_double")
def to_double(x: Any, name: str | None = None) -> Any:
    """The tensor cast to float64."""
    return cast(x, "float64", name=name)


@export("to_int32")
def to_int32(x: Any, name: str | None = None) -> Any:
    """The tensor cast to int32."""
    return cast(x, "int32", name=name)


@export("to_int64")
def to_int64(x: Any, name: str | None = None) -> Any:
    """The tensor cast to int64."""
    return cast(x, "int64", name=name)


@export("to_bfloat16")
def to_bfloat16(x: Any, name: str | None = None) -> Any:
    """The tensor cast to bfloat16."""
    return cast(x, "bfloat16", name=name)


bitcast = OpDef("bitcast(input: S, type: dtype) -> (y: type)", S=dtypes.movable)


@bitcast.shape
def _bitcast_shape(c):
    shape, old, new = c.shape("input"), c.dtype("input"), c.attr.type
    c.require(old.is_bool == new.is_bool, "bool has bits of its own; cast it", f"{old.name} and {new.name}")
    if shape.dims is None or old.size == new.size:
        return shape
    if old.size > new.size:
        return Shape([*shape.dims, old.size // new.size])
    c.require(
        shape.dims[-1:] in ((None,), (new.size // old.size,)),
        f"the last dimension of input must be {new.size // old.size}",
        shape,
    )
    return Shape(shape.dims[:-1])


@bitcast.gradient
def _bitcast_gradient(node, dy):
    return None


@export("from_dlpack")
def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> EagerTensor:
    """A tensor in the memory of an array of another framework that lies on the CPU (no copy unless copy=True).

    Raises DTypeError for element types that have no counterpart; BufferError for memory of other devices.
    """
    if hasattr(x, "__dlpack_device__") and x.__dlpack_device__()[0] not in (1, 3):  # kDLCPU, kDLCUDAHost
        raise BufferError(f"[from_dlpack] x must lie on the CPU, got device {x.__dlpack_device__()}; copy it there")
    array = np.from_dlpack(x)
    return EagerTensor(array.copy() if copy else array, as_dtype(array.dtype))
