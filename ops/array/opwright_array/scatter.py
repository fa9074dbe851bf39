"""scatter_nd, tensor_scatter_update, ...: elements and slices put, or added, where indices say."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, dtypes, ops

# Zeros of the given shape, with the updates added at the coordinates in the rows of `indices`.
scatter_nd = OpDef(
    "scatter_nd(indices: I['*b d'], updates: T, shape: I['r']) -> (y: T)", T=dtypes.any_type, I=dtypes.indices
)


def _check(c: Any, shape: Shape) -> None:
    """Raises ShapeError unless the updates are of the shape that indices into `shape` ask for."""
    indices, updates = c.shape("indices"), c.shape("updates")
    if indices.dims is None or indices[-1] is None or shape.dims is None:
        return
    depth = indices[-1]
    c.require(depth <= len(shape), f"the last dimension of indices must be at most {len(shape)}", depth)
    wanted = Shape([*indices[:-1], *shape[depth:]])
    c.require(updates.is_compatible_with(wanted), f"updates must have shape {wanted}", updates)


@scatter_nd.shape
def _scatter_shape(c):
    sizes, (rank,) = c.partial("shape"), c.shape("shape").dims or (None,)
    shape = Shape(sizes if sizes is not None else None if rank is None else [None] * rank)
    _check(c, shape)
    return shape


@scatter_nd.gradient
def _scatter_gradient(node, dy):
    return None, ops.gather_nd(dy, node.input("indices")), None


tensor_scatter_update = OpDef(
    "tensor_scatter_update(tensor: T, indices: I['*b d'], updates: T) -> (y: T)",
    T=dtypes.any_type,
    I=dtypes.indices,
    export="tensor_scatter_nd_update",
)
tensor_scatter_add = OpDef(
    "tensor_scatter_add(tensor: T, indices: I['*b d'], updates: T) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    export="tensor_scatter_nd_add",
)
tensor_scatter_sub = OpDef(
    "tensor_scatter_sub(tensor: T, indices: I['*b d'], updates: T) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    export="tensor_scatter_nd_sub",
)
tensor_scatter_max = OpDef(
    "tensor_scatter_max(tensor: T, indices: I['*b d'], updates: T) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    export="tensor_scatter_nd_max",
)
tensor_scatter_min = OpDef(
    "tensor_scatter_min(tensor: T, indices: I['*b d'], updates: T) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    export="tensor_scatter_nd_min",
)

for _op in (tensor_scatter_update, tensor_scatter_add, tensor_scatter_sub, tensor_scatter_max, tensor_scatter_min):

    @_op.shape
    def _same_shape(c):
        _check(c, c.shape("tensor"))
        return c.shape("tensor")


@tensor_scatter_update.examples
def _update_examples(rng):
    """Each place is named once: of one named twice, the gradient goes to both updates."""
    rows = rng.permutation(5)[:3, None]
    return [
        {"tensor": rng.integers(0, 4, (5, 2)), "indices": rows, "updates": rng.integers(0, 4, (3, 2))},
        {"tensor": np.arange(4.0), "indices": np.array([[3], [0]]), "updates": np.array([1.0, 2.0])},
        {"tensor": np.zeros((2, 0)), "indices": np.zeros((0, 1), np.int64), "updates": np.zeros((0, 0))},
    ]


@tensor_scatter_update.gradient
def _update_gradient(node, dy):
    indices, updates = node.input("indices"), node.input("updates")
    return tensor_scatter_update(dy, indices, ops.zeros_like(updates)), None, ops.gather_nd(dy, indices)


@tensor_scatter_add.gradient
def _add_gradient(node, dy):
    return dy, None, ops.gather_nd(dy, node.input("indices"))


@tensor_scatter_sub.gradient
def _sub_gradient(node, dy):
    return dy, None, -ops.gather_nd(dy, node.input("indices"))


for _op in (tensor_scatter_max, tensor_scatter_min):

    @_op.gradient
    def _extreme_gradient(node, dy):
        # Shared equally among all that equal the result, as TensorFlow does.
        tensor, indices, updates, y = *node.inputs, node.output("y")
        kept = ops.cast(ops.equal(tensor, y), dy.dtype)
        put = ops.cast(ops.equal(updates, ops.gather_nd(y, indices)), dy.dtype)
        share = dy / (kept + ops.scatter_nd(indices, put, ops.shape(y, indices.dtype)))
        return share * kept, None, ops.gather_nd(share, indices) * put
