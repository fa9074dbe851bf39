"""where: a choice between two tensors, or the places where one is true."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.errors import ArgumentError, ShapeError

select_v2 = OpDef("select_v2(condition: bool['...'], x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.movable)


@select_v2.gradient
def _select_gradient(node, dz):
    condition, zeros = node.input("condition"), ops.zeros([], dz.dtype)
    dx = ops.sum_like(select_v2(condition, dz, zeros), node.input("x"))
    dy = ops.sum_like(select_v2(condition, zeros, dz), node.input("y"))
    return None, dx, dy


# The indices, in row-major order, of the elements that are not zero.
where_true = OpDef("where_true(condition: T) -> (index: int64['n r'])", T=dtypes.movable, gradient=None)


@where_true.shape
def _where_shape(c):
    return Shape([None, c.shape("condition").rank])


@where_true.bound
def _where_bound(c):
    condition = c.shape("condition")
    return Shape([condition.num_elements(), condition.rank])


@export("where", "where_v2")
def where(condition: Any, x: Any = None, y: Any = None, name: str | None = "where") -> Any:
    """x where the condition is true, y elsewhere; the three broadcast. Without x and y: the indices of the elements of
    the condition that are true (or not zero), a row each, as int64."""
    if x is None and y is None:
        return where_true(condition, name=name)
    if x is None or y is None:
        raise ArgumentError("[where] x and y must be given both or neither, got one")
    return select_v2(condition, x, y, name=name)


@export("where_v1", "select")
def where_v1(condition: Any, x: Any = None, y: Any = None, name: str | None = "Select") -> Any:
    """TensorFlow 1's where: x and y have one shape, and the condition has it too, or is a scalar, or a vector that
    chooses between their rows. Raises ShapeError otherwise."""
    if x is None or y is None:
        return where(condition, x, y, name=name)
    condition, x = convert_to_tensor(condition, "bool"), convert_to_tensor(x)
    y = convert_to_tensor(y, x.dtype) if not hasattr(y, "dtype") else convert_to_tensor(y)
    shape = x.shape.merge(y.shape) if x.shape.is_compatible_with(y.shape) else None
    if shape is None:
        raise ShapeError(f"[where] x and y must have one shape, got {x.shape} and {y.shape}; where_v2 broadcasts")
    if condition.shape.rank == 1 and shape.rank is not None and shape.rank > 1:
        condition = ops.reshape(
            condition, [-1 if condition.shape[0] is None else condition.shape[0], *[1] * (shape.rank - 1)]
        )
        shape = shape[:1].concatenate([1] * (shape.rank - 1))
    if condition.shape.rank != 0 and not condition.shape.is_compatible_with(shape):
        raise ShapeError(f"[where] condition must be a scalar, a vector or of shape {shape}, got {condition.shape}")
    return select_v2(condition, x, y, name=name)
