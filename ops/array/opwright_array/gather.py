"""gather, gather_nd: rows and elements of a tensor by their indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import IndexedSlices, OpDef, Shape, convert_to_tensor, dtypes, ops
from opwright.shapes import normalize_axis

# The parts of `params` along `axis` (the first after the batch dimensions) that the indices name.
gather = OpDef(
    "gather(params: T, indices: I, validate_indices: object | None = None, axis: int | None = None,"
    " batch_dims: int = 0) -> (y: T)",
    T=dtypes.movable,
    I=dtypes.indices,
)


def _axes(c: Any, rank: int, indices: int | None) -> tuple[int, int]:
    """The axis and the number of batch dimensions, both counted from the front."""
    batch = c.attr.batch_dims
    if batch < 0:
        c.require(indices is not None, "batch_dims must not be negative where the rank of indices is unknown", batch)
        batch += indices
    c.require(indices is None or 0 <= batch <= indices, f"batch_dims must be at most {indices}", c.attr.batch_dims)
    axis = batch if c.attr.axis is None else normalize_axis(c.attr.axis, rank, "gather")
    c.require(batch <= axis, f"batch_dims must be at most the axis {axis}", batch)
    return axis, batch


@gather.shape
def _gather_shape(c):
    return gathered_shape(c, c.shape("params"))


def gathered_shape(c: Any, params: Shape) -> Shape:
    """The shape of what the node's indices gather from params."""
    indices = c.shape("indices")
    if params.dims is None or indices.dims is None:
        return Shape(None)
    axis, batch = _axes(c, len(params), len(indices))
    c.require(axis < len(params), f"params must have more than {axis} dimensions", f"shape {params}")
    same = params[:batch].is_compatible_with(indices[:batch])
    c.require(same, f"the first {batch} dimensions of params and indices must agree", f"{params} and {indices}")
    return Shape([*params[:batch].merge(indices[:batch]), *params[batch:axis], *indices[batch:], *params[axis + 1 :]])


@gather.gradient
def _gather_gradient(node, dy):
    params, indices = node.input("params"), node.input("indices")
    sizes = list(params.shape.known()) if params.shape.is_known else ops.shape(params, "int64")
    axis, batch = node.attr.axis, node.attr.batch_dims
    if batch == 0 and (axis in (None, 0) or params.shape.rank == -axis):
        return _rows(dy, indices, params.shape, sizes), None
    return gather_grad(dy, indices, sizes, axis, batch), None


def _rows(dy: Any, indices: Any, shape: Shape, sizes: Any) -> IndexedSlices:
    """The gradient of rows: dy, a row for each index."""
    if isinstance(sizes, list):
        sizes = np.asarray(sizes, np.int64)
        row = sizes[1:]
    else:
        row = sizes[1:] if shape.rank is None or None in shape.dims[1:] else np.asarray(shape.dims[1:], np.int64)
    values = ops.reshape(dy, ops.concat([[-1], row], 0))
    return IndexedSlices(values, ops.reshape(indices, [-1]), convert_to_tensor(sizes))


# The sum, at each index, of the parts of dy that gather took from there.
gather_grad = OpDef(
    "gather_grad(dy: T, indices: I, shape: J['r'], axis: int | None = None, batch_dims: int = 0) -> (dparams: T)",
    T=dtypes.floats,
    I=dtypes.indices,
    J=dtypes.indices,
)


@gather_grad.shape
def _gather_grad_shape(c):
    sizes, (rank,) = c.partial("shape"), c.shape("shape").dims or (None,)
    whole = Shape(sizes if sizes is not None else None if rank is None else [None] * rank)
    if whole.dims is not None and c.shape("indices").dims is not None:
        wanted = gathered_shape(c, whole)
        c.require(wanted.is_compatible_with(c.shape("dy")), f"dy must have shape {wanted}", c.shape("dy"))
    return whole


@gather_grad.gradient
def _gather_grad_gradient(node, ddparams):
    return gather(ddparams, node.input("indices"), **node.attributes), None, None


# indices[..., d] names an element or a slice of params by its first d coordinates after the batch dimensions.
gather_nd = OpDef(
    "gather_nd(params: T, indices: I['*b d'], batch_dims: int = 0) -> (y: T)", T=dtypes.movable, I=dtypes.indices
)


@gather_nd.shape
def _points_shape(c):
    params, indices, batch = c.shape("params"), c.shape("indices"), c.attr.batch_dims
    if params.dims is None or indices.dims is None or indices[-1] is None:
        return Shape(None)
    c.require(0 <= batch < len(indices), f"batch_dims must lie in [0, {len(indices)}), the rank of indices", batch)
    depth = batch + indices[-1]
    fits = depth <= len(params)
    c.require(fits, f"the last dimension of indices must be at most {len(params) - batch}", indices[-1])
    same = params[:batch].is_compatible_with(indices[:batch])
    c.require(same, f"the first {batch} dimensions of params and indices must agree", f"{params} and {indices}")
    return Shape([*indices[:-1], *params[depth:]])


@gather_nd.gradient
def _points_gradient(node, dy):
    params, indices = node.input("params"), node.input("indices")
    sizes = list(params.shape.known()) if params.shape.is_known else ops.shape(params)
    indices = _with_batch(indices, node.attr.batch_dims)
    return ops.scatter_nd(indices, dy, ops.cast(sizes, indices.dtype)), None


def _with_batch(indices: Any, batch_dims: int) -> Any:
    """Coordinates in the whole tensor, from those inside each batch."""
    if batch_dims == 0:
        return indices
    rank, sizes = len(indices.shape), ops.shape(indices)
    columns = []
    for d in range(batch_dims):
        grid = ops.reshape(ops.range(sizes[d], dtype=indices.dtype), [-1 if i == d else 1 for i in range(rank)])
        columns.append(ops.broadcast_to(grid, ops.concat([sizes[:-1], [1]], 0)))
    return ops.concat([*columns, indices], -1)
