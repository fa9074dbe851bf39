"""Reductions: sum, mean, prod, max, min, any, all over some axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from opwright import OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.shapes import as_shape, normalize_axes

reduce_sum = OpDef(
    "reduce_sum(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.numbers
)
reduce_mean = OpDef(
    "reduce_mean(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.numbers
)
reduce_prod = OpDef(
    "reduce_prod(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.numbers
)
reduce_max = OpDef(
    "reduce_max(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.numbers
)
reduce_min = OpDef(
    "reduce_min(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.numbers
)
reduce_any = OpDef(
    "reduce_any(input_tensor: B, axis: ints | None = None, keepdims: bool = False) -> (y: B)",
    gradient=None,
    B=("bool",),
)
reduce_all = OpDef(
    "reduce_all(input_tensor: B, axis: ints | None = None, keepdims: bool = False) -> (y: B)",
    gradient=None,
    B=("bool",),
)


def reduced_shape(shape: Shape, axis: Any, keepdims: bool, op: str) -> Shape:
    """The shape that reducing `axis` (None: all) leaves. Raises ShapeError on a bad or repeated axis."""
    if shape.dims is None:
        return Shape([]) if axis is None and not keepdims else Shape(None)
    axes = normalize_axes(axis, len(shape), op)
    if keepdims:
        return Shape(1 if i in axes else d for i, d in enumerate(shape))
    return Shape(d for i, d in enumerate(shape) if i not in axes)


for _op in (reduce_sum, reduce_mean, reduce_prod, reduce_max, reduce_min, reduce_any, reduce_all):

    @_op.shape
    def _shape(c):
        return reduced_shape(c.shape("input_tensor"), c.attr.axis, c.attr.keepdims, c.definition.name)

    @_op.rewrite
    def _rewrite(node, make):
        (x,) = node.inputs
        axes = normalize_axes(node.attributes["axis"], len(x.shape), node.definition.name)
        same = x.shape == node.outputs[0].shape and all(x.shape[a] == 1 for a in axes)
        return [x] if same else None


# -- back to the shape before a reduction ------------------------------------------------------------------------------

broadcast_reduced = OpDef(
    "broadcast_reduced(x: T, like: S | None = None, axis: ints | None = None, keepdims: bool = False, "
    "shape: ints | None = None) -> (y: T)",
    T=dtypes.any_type,
    S=dtypes.any_type,
)


@broadcast_reduced.shape
def _broadcast_shape(c):
    c.require(c.has("like") or c.attr.shape is not None, "like or shape must be given", "neither")
    shape, x = c.shape("like") if c.has("like") else as_shape(c.attr.shape), c.shape("x")
    if shape.dims is not None:
        reduced = reduced_shape(shape, c.attr.axis, c.attr.keepdims, "broadcast_reduced")
        c.require(x.is_compatible_with(reduced), f"x must have shape {reduced}, that of {shape} reduced", x)
    return shape


@broadcast_reduced.view("x")
def _broadcast_view(c, layout):
    shape = c.results[0]
    axes = normalize_axes(c.attr.axis, len(shape), "broadcast_reduced")
    kept = iter([s for i, s in enumerate(layout.strides) if not c.attr.keepdims or i not in axes])
    strides = tuple(0 if i in axes else next(kept) for i in range(len(shape)))
    return type(layout)(shape, strides, layout.offset)


@broadcast_reduced.gradient
def _broadcast_gradient(node, dy):
    return reduce_sum(dy, node.attr.axis, node.attr.keepdims), None


@broadcast_reduced.rewrite
def _broadcast_rewrite(node, make):
    """Only the shape of `like` matters: it need not be computed."""
    if not node.groups[1]:
        return None
    kept = {name: node.attributes[name] for name in ("axis", "keepdims")}
    return make("broadcast_reduced", [node.groups[0][0], []], shape=node.outputs[0].shape, **kept)


def unreduced(x: Any, node: Any, like: Any = None) -> Any:
    """What a reduction made, repeated along the axes that it reduced: `x` in the shape of the node's input."""
    like = node.input("input_tensor") if like is None else like
    known = like.shape
    if known.is_known:
        return broadcast_reduced(x, None, node.attr.axis, node.attr.keepdims, known.known())
    return broadcast_reduced(x, like, node.attr.axis, node.attr.keepdims)


reduced_size = OpDef("reduced_size(x: T, axis: ints | None = None) -> (n: int64[''])", T=dtypes.any_type, gradient=None)


@reduced_size.static_value
def _reduced_size_value(c):
    dims = c.shape("x").dims
    if dims is None:
        return None
    sizes = [dims[a] for a in normalize_axes(c.attr.axis, len(dims), "reduced_size")]
    return None if None in sizes else np.array(math.prod(sizes), object)


@reduced_size.kernel("cpu")
def _reduced_size(x, axis):
    return np.int64(math.prod(x.shape[a] for a in normalize_axes(axis, x.ndim, "reduced_size")))


def n_reduced(x: Any, axis: Any, dtype: Any) -> Any:
    """How many elements a reduction of `x` combines into one."""
    return ops.cast(reduced_size(x, axis), dtype)


# -- gradients ---------------------------------------------------------------------------------------------------------


@reduce_sum.gradient
def _sum_gradient(node, dy):
    return unreduced(dy, node)


@reduce_mean.gradient
def _mean_gradient(node, dy):
    x = node.input("input_tensor")
    return unreduced(dy / n_reduced(x, node.attr.axis, dy.dtype), node)


@reduce_max.gradient
@reduce_min.gradient
def _extreme_gradient(node, dy):
    # Elements that tie share the gradient.
    x, y = node.input("input_tensor"), node.output("y")
    ties = ops.cast(ops.equal(x, unreduced(y, node)), dy.dtype)
    return ties * unreduced(dy / reduce_sum(ties, node.attr.axis, node.attr.keepdims), node)


@reduce_prod.gradient
def _prod_gradient(node, dy):
    # The product of the others: those before times those after, which also holds where elements are 0.
    x = node.input("input_tensor")
    rank = len(x.shape.known_rank())
    axes = normalize_axes(node.attr.axis, rank, "reduce_prod")
    order = (*axes, *(i for i in range(rank) if i not in axes))
    turned = ops.transpose(x, order)
    flat = ops.reshape(turned, [-1, *_dims_of(turned, len(axes))]) if len(axes) != 1 else turned
    others = ops.cumprod(flat, 0, exclusive=True) * ops.cumprod(flat, 0, exclusive=True, reverse=True)
    back = ops.transpose(ops.reshape_like(others, turned), tuple(int(i) for i in np.argsort(order)))
    return unreduced(dy, node) * back


def _dims_of(x: Any, start: int) -> list[Any]:
    """The sizes of the dimensions from `start` on, as ints where they are known."""
    dims = x.shape.known_rank()
    return [d if d is not None else ops.shape(x)[i] for i, d in enumerate(dims) if i >= start]


# -- undoing a broadcast -----------------------------------------------------------------------------------------------

reduce_like = OpDef("reduce_like(x: T, like: S['*s']) -> (y: T['*s'])", T=dtypes.numbers, S=dtypes.any_type)


@reduce_like.shape
def _like_shape(c):
    x, like = c.shape("x"), c.shape("like")
    if x.dims is not None and like.dims is not None:
        padded = (1,) * (len(x) - len(like)) + like.dims
        fits = len(padded) == len(x) and all(
            p in (1, None) or d is None or p == d for p, d in zip(padded, x, strict=True)
        )
        c.require(fits, f"like must broadcast to the shape {x} of x", like)
    return like


@reduce_like.gradient
def _like_gradient(node, dy):
    x = node.input("x")
    known = x.shape
    return ops.broadcast_to(dy, known.known() if known.is_known else ops.shape(x)), None


@reduce_like.rewrite
def _like_rewrite(node, make):
    """Only the shape of `like` matters: it need not be computed."""
    return _summed(node.groups[0][0], node.outputs[0].shape, lambda x, **how: make("reduce_sum", [x], **how)[0])


def _summed(x: Any, shape: tuple[int, ...], total: Any) -> list[Any]:
    """x summed over what a broadcast from `shape` repeated; sums are made by total(x, axis=, keepdims=)."""
    missing = len(x.shape) - len(shape)
    if missing:
        x = total(x, axis=tuple(range(missing)), keepdims=False)
    repeated = tuple(i for i, (a, b) in enumerate(zip(tuple(x.shape), shape, strict=True)) if a != b)
    return [total(x, axis=repeated, keepdims=True) if repeated else x]


@export("sum_like")
def sum_like(x: Any, like: Any) -> Any:
    """`x` summed over the dimensions in which `like` was broadcast to the shape of `x`; it has the shape of `like`.

    The gradient of a broadcast. Raises ShapeError if `like` does not broadcast to the shape of `x`.
    """
    x = convert_to_tensor(x)
    like_shape = like.shape if hasattr(like, "shape") else np.shape(like)
    shape = as_shape(like_shape)
    if x.shape.is_known and shape.is_known:
        if x.shape == shape:
            return x
        broadcasts = len(shape) <= len(x.shape) and all(
            a in (1, b) for a, b in zip(shape.known()[::-1], x.shape.known()[::-1], strict=False)
        )
        if broadcasts:
            return _summed(x, shape.known(), reduce_sum)[0]
    return reduce_like(x, like)
