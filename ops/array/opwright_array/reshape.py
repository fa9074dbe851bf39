"""reshape, expand_dims, squeeze, broadcast_to, transpose: the same memory under another shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from opwright import Layout, OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.inference import shape_from
from opwright.shapes import broadcast, normalize_axes, normalize_axis

from opwright_array.passing import elements
from opwright_array.shapes import reshape_like

reshape = OpDef("reshape(tensor: T, shape: I['r']) -> (y: T)", T=dtypes.movable, I=dtypes.indices)


@reshape.shape
def _reshape_shape(c):
    sizes, rank = c.partial("shape"), c.shape("shape").dims
    if sizes is None:
        return Shape(None if not rank or rank[0] is None else [None] * rank[0])
    dims = [None if s is None else int(s) for s in sizes]
    c.require(
        all(d is None or d >= -1 for d in dims) and dims.count(-1) <= 1, "shape may hold one -1, else sizes", dims
    )
    total = c.shape("tensor").num_elements()
    known = math.prod(d for d in dims if d is not None and d != -1)
    open_dims = [i for i, d in enumerate(dims) if d is None or d == -1]
    if total is None:
        return Shape(None if i in open_dims else d for i, d in enumerate(dims))
    if not open_dims:
        c.require(known == total, f"shape must have the tensor's {total} elements", tuple(dims))
    elif len(open_dims) == 1:
        fits = total % known == 0 if known else total == 0
        c.require(fits, f"shape must divide the tensor's {total} elements", tuple(dims))
        dims[open_dims[0]] = total // known if known else 0
    return Shape(None if d == -1 else d for d in dims)


@reshape.view("tensor")
def _reshape_view(c, layout):
    return layout.reshaped(c.results[0])


@reshape.gradient
def _reshape_gradient(node, dy):
    return reshape_like(dy, node.input("tensor")), None


@reshape.static_value
def _reshape_value(c):
    known = elements(c, "tensor")
    shape = None if known is None else _reshape_shape(c)
    return known.reshape(shape.known()) if shape is not None and shape.is_known else None


@reshape.rewrite
def _reshape_rewrite(node, make):
    tensor, sizes = node.inputs
    if tensor.shape == node.outputs[0].shape:
        return [tensor]
    if tensor.node is None or tensor.node.definition is not reshape:
        return None
    inner = tensor.node.inputs[0]
    if inner.shape == node.outputs[0].shape:
        return [inner]
    return make("reshape", [inner, sizes]) if sizes.constant is not None and -1 not in sizes.constant else None


expand_dims = OpDef("expand_dims(input: T, axis: int) -> (y: T)", T=dtypes.movable)


@expand_dims.shape
def _expand_dims_shape(c):
    dims = c.shape("input").dims
    if dims is None:
        return Shape(None)
    at = normalize_axis(c.attr.axis, len(dims) + 1, "expand_dims")
    return Shape([*dims[:at], 1, *dims[at:]])


@expand_dims.view("input")
def _expand_dims_view(c, layout):
    at = normalize_axis(c.attr.axis, len(layout.shape) + 1, "expand_dims")
    strides = (*layout.strides[:at], 0, *layout.strides[at:])
    return Layout((*layout.shape[:at], 1, *layout.shape[at:]), strides, layout.offset)


@expand_dims.gradient
def _expand_dims_gradient(node, dy):
    return reshape_like(dy, node.input("input"))


@expand_dims.static_value
def _expand_dims_value(c):
    known = elements(c, "input")
    return None if known is None else np.expand_dims(known, c.attr.axis)


squeeze = OpDef("squeeze(input: T, axis: ints | None = None) -> (y: T)", T=dtypes.movable)


def _squeezed(c: Any, dims: Any) -> tuple[int, ...] | None:
    """The axes that go; None if that is not known."""
    if not c.attr.axis:
        return None if None in dims else tuple(i for i, d in enumerate(dims) if d == 1)
    axes = normalize_axes(c.attr.axis, len(dims), "squeeze")
    c.require(all(dims[a] in (None, 1) for a in axes), f"dimensions {c.attr.axis} must be 1", Shape(dims))
    return axes


@squeeze.shape
def _squeeze_shape(c):
    dims = c.shape("input").dims
    axes = None if dims is None else _squeezed(c, dims)
    return Shape(None) if axes is None else Shape(d for i, d in enumerate(dims) if i not in axes)


@squeeze.view("input")
def _squeeze_view(c, layout):
    axes = _squeezed(c, layout.shape)
    strides = tuple(s for i, s in enumerate(layout.strides) if i not in axes)
    return Layout(tuple(n for i, n in enumerate(layout.shape) if i not in axes), strides, layout.offset)


@squeeze.gradient
def _squeeze_gradient(node, dy):
    return reshape_like(dy, node.input("input"))


@squeeze.static_value
def _squeeze_value(c):
    known = elements(c, "input")
    return None if known is None else known.squeeze(_squeezed(c, known.shape))


broadcast_to = OpDef("broadcast_to(input: T, shape: I['r']) -> (y: T)", T=dtypes.movable, I=dtypes.indices)


@broadcast_to.shape
def _broadcast_to_shape(c):
    sizes, rank = c.partial("shape"), c.shape("shape").dims
    wanted, given = shape_from(sizes, rank[0] if rank else None), c.shape("input")
    if wanted.dims is not None:
        fits = given.dims is None or (
            len(given) <= len(wanted)
            and all(a in (1, None) or b in (None, a) for a, b in zip(given.dims[::-1], wanted.dims[::-1]))
        )
        c.require(fits, f"input must broadcast to shape {wanted}", given)
        return wanted if given.dims is None else broadcast(given, wanted)
    return wanted


@broadcast_to.view("input")
def _broadcast_to_view(c, layout):
    return layout.broadcast(c.results[0])


@broadcast_to.gradient
def _broadcast_to_gradient(node, dy):
    return ops.sum_like(dy, node.input("input")), None


@broadcast_to.rewrite
def _broadcast_to_rewrite(node, make):
    return [node.inputs[0]] if node.inputs[0].shape == node.outputs[0].shape else None


transpose_dims = OpDef("transpose_dims(x: T, perm: ints | None = None) -> (y: T)", T=dtypes.movable)


@transpose_dims.shape
def _transpose_shape(c):
    dims, perm = c.shape("x").dims, c.attr.perm
    if dims is None:
        return Shape(None if perm is None else [None] * len(perm))
    perm = _permutation(perm, len(dims))
    c.require(sorted(perm) == list(range(len(dims))), f"perm must be a permutation of 0 to {len(dims) - 1}", perm)
    return Shape(dims[p] for p in perm)


def _permutation(perm: Any, rank: int) -> tuple[int, ...]:
    """Without negative numbers; None: all dimensions in reverse."""
    return tuple(range(rank))[::-1] if perm is None else tuple(p + rank if -rank <= p < 0 else p for p in perm)


@transpose_dims.view("x")
def _transpose_view(c, layout):
    return layout.transposed(_permutation(c.attr.perm, len(layout.shape)))


@transpose_dims.gradient
def _transpose_gradient(node, dy):
    perm = node.attr.perm
    if perm is None:
        return transpose_dims(dy)
    return transpose_dims(dy, tuple(np.argsort(_permutation(perm, len(perm))).tolist()))


@transpose_dims.rewrite
def _transpose_rewrite(node, make):
    (x,) = node.inputs
    perm = _permutation(node.attributes["perm"], len(x.shape))
    if perm == tuple(range(len(perm))):
        return [x]
    if x.node is not None and x.node.definition is transpose_dims:
        inner = _permutation(x.node.attributes["perm"], len(perm))
        return make("transpose_dims", x.node.inputs, perm=tuple(inner[p] for p in perm))
    return make("transpose_dims", [x], perm=perm) if perm != node.attributes["perm"] else None


@transpose_dims.static_value
def _transpose_value(c):
    known = elements(c, "x")
    return None if known is None else known.transpose(_permutation(c.attr.perm, known.ndim))


@export("transpose")
def transpose(a: Any, perm: Any = None, name: str | None = "transpose", conjugate: bool = False) -> Any:
    """Dimension i of the result is dimension perm[i] of `a`; without perm, the dimensions in reverse.

    Raises ShapeError unless perm is a permutation, ArgumentError if it is a tensor of unknown value.
    """
    a = a if hasattr(a, "get_shape") else convert_to_tensor(a)
    rank = a.shape.rank
    if perm is None and rank is not None:
        perm = range(rank)[::-1]
    return transpose_dims(a, perm, name=name)


matrix_transpose = OpDef(
    "matrix_transpose(a: T['*b m n']) -> (y: T['*b n m'])", T=dtypes.movable, export="linalg.matrix_transpose"
)


@matrix_transpose.view("a")
def _matrix_transpose_view(c, layout):
    rank = len(layout.shape)
    return layout.transposed((*range(rank - 2), rank - 1, rank - 2))


@matrix_transpose.gradient
def _matrix_transpose_gradient(node, dy):
    return matrix_transpose(dy)
