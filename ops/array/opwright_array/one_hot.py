"""one_hot: a row of zeros with a one at each index."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, Shape, as_dtype, convert_to_tensor, dtypes, export, ops
from opwright.shapes import normalize_axis

one_hot_values = OpDef(
    "one_hot_values(indices: I, depth: int32[''], on_value: T[''], off_value: T[''], axis: int = -1) -> (y: T)",
    I=dtypes.ints,
    T=dtypes.any_type,
)


@one_hot_values.shape
def _shape(c):
    dims, depth = c.shape("indices").dims, c.value("depth")
    if depth is not None:
        c.require(depth >= 0, "depth must not be negative", int(depth))
    if dims is None:
        return Shape(None)
    at = normalize_axis(c.attr.axis, len(dims) + 1, "one_hot")
    return Shape([*dims[:at], None if depth is None else int(depth), *dims[at:]])


@one_hot_values.gradient
def _gradient(node, dy):
    ones = one_hot_values(
        node.input("indices"), node.input("depth"), ops.ones([], dy.dtype), ops.zeros([], dy.dtype), node.attr.axis
    )
    on = ops.reduce_sum(dy * ones)
    return None, None, on, ops.reduce_sum(dy * (1 - ones))


@export("one_hot")
def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: str | None = None,
) -> Any:
    """For each index `depth` elements along a new (the last) axis: `on_value` (1) at the index, `off_value` (0)
    elsewhere; an index outside gives off_values alone. Float32 unless the values or `dtype` say otherwise.
    """
    given = [v for v in (on_value, off_value) if v is not None]
    wanted = (
        as_dtype(dtype) if dtype is not None else convert_to_tensor(given[0]).dtype if given else as_dtype("float32")
    )
    on = _value(1 if on_value is None else on_value, wanted)
    off = _value(0 if off_value is None else off_value, wanted)
    if hasattr(depth, "dtype") and hasattr(depth, "get_shape") and depth.dtype.name != "int32":
        depth = ops.cast(depth, "int32")
    return one_hot_values(indices, depth, on, off, -1 if axis is None else axis, name=name)


def _value(value: Any, dtype: Any) -> Any:
    if hasattr(value, "get_shape"):
        return convert_to_tensor(value, dtype)
    return ops.constant(bool(value) if dtype.is_bool else value, dtype)
