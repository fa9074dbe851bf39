"""Shapes as tensors: shape, size, rank."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, dtypes, export, ops
from opwright.inference import shape_from
from opwright.shapes import as_shape, broadcast

shape = OpDef("shape(input: T, out_type: dtype = 'int32') -> (y: out_type)", T=dtypes.movable, gradient=None)


@shape.shape
def _shape_shape(c):
    return Shape([c.shape("input").rank])


@shape.static_value
def _shape_value(c):
    dims = c.shape("input").dims
    return None if dims is None else np.array(dims, object)


size = OpDef("size(input: T, out_type: dtype = 'int32') -> (y: out_type[''])", T=dtypes.movable, gradient=None)


@size.static_value
def _size_value(c):
    n = c.shape("input").num_elements()
    return None if n is None else np.array(n, object)


rank = OpDef("rank(input: T) -> (y: int32[''])", T=dtypes.movable, gradient=None)


@rank.static_value
def _rank_value(c):
    n = c.shape("input").rank
    return None if n is None else np.array(n, object)


def sizes_of(x: Any) -> list[Any]:
    """The dimensions of a tensor of known rank: numbers where they are known, scalar tensors elsewhere."""
    dims = x.shape.known_rank()
    sizes = None if x.shape.is_known else shape(x)
    return [sizes[i] if d is None else d for i, d in enumerate(dims)]


@export("shape_n")
def shape_n(input: Any, out_type: Any = "int32", name: str | None = "shape_n") -> list[Any]:
    """The shape of each tensor of a list."""
    return [shape(tensor, out_type, name=name) for tensor in input]


@export("broadcast_static_shape")
def broadcast_static_shape(shape_x: Any, shape_y: Any) -> Shape:
    """The Shape that tensors of two static shapes broadcast to. Raises ShapeError if they do not."""
    return broadcast(as_shape(shape_x), as_shape(shape_y))


broadcast_dynamic_shape = OpDef(
    "broadcast_dynamic_shape(shape_x: I['m'], shape_y: I['n']) -> (y: I)", I=dtypes.indices, gradient=None
)


@broadcast_dynamic_shape.shape
def _broadcast_shape(c):
    x, y = c.known("shape_x"), c.known("shape_y")
    if x is not None and y is not None:
        broadcast(Shape(x), Shape(y))  # raises if they do not
    (m,), (n,) = c.shape("shape_x").dims or (None,), c.shape("shape_y").dims or (None,)
    return Shape([None if m is None or n is None else max(m, n)])


@broadcast_dynamic_shape.static_value
def _broadcast_value(c):
    ranks = [(c.shape(name).dims or (None,))[0] for name in ("shape_x", "shape_y")]
    dims = broadcast(*[shape_from(c.partial(name), n) for name, n in zip(("shape_x", "shape_y"), ranks)]).dims
    return None if dims is None else np.array(dims, object)


@broadcast_dynamic_shape.kernel("cpu")
def _broadcast_kernel(shape_x, shape_y):
    return np.array(np.broadcast_shapes(tuple(shape_x), tuple(shape_y)), shape_x.dtype)


@export("reshape_like")
def reshape_like(tensor: Any, like: Any) -> Any:
    """`tensor` in the shape of another of as many elements."""
    known = like.shape
    return ops.reshape(tensor, np.asarray(known.known(), np.int64) if known.is_known else shape(like, "int64"))
