"""tile, repeat: a tensor's elements several times."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.shapes import normalize_axis

from opwright_array.shapes import sizes_of

tile = OpDef("tile(input: T, multiples: I['r']) -> (y: T)", T=dtypes.movable, I=dtypes.indices)


@tile.shape
def _tile_shape(c):
    given, times = c.shape("input"), c.partial("multiples")
    (rank,) = c.shape("multiples").dims or (None,)
    fits = given.rank is None or rank in (None, given.rank)
    c.require(fits, f"multiples must have {given.rank} elements", c.shape("multiples"))
    rank = given.rank if rank is None else rank
    if given.dims is None or times is None:
        return Shape(None if rank is None else [None] * rank)
    c.require(all(m is None or m >= 0 for m in times), "multiples must not be negative", list(times))
    return Shape(None if n is None or m is None else n * int(m) for n, m in zip(given, times))


@tile.rewrite
def _tile_rewrite(node, make):
    x, target = node.inputs[0], node.outputs[0].shape
    if x.shape == target:
        return [x]
    if all(n == m or n == 1 for n, m in zip(x.shape, target)):
        return make("broadcast_view", [x], shape=Shape(target))
    return None


@tile.gradient
def _tile_gradient(node, dy):
    x, times = node.input("input"), node.input("multiples")
    rank = x.shape.rank if x.shape.rank is not None else len(times)
    pairs = ops.stack([times, ops.cast(ops.shape(x), times.dtype)], axis=1)
    return ops.reduce_sum(ops.reshape(dy, ops.reshape(pairs, [-1])), axis=list(range(0, 2 * rank, 2))), None


# What tile is where only dimensions of size 1 are repeated.
broadcast_view = OpDef("broadcast_view(input: T, shape: shape) -> (y: T)", T=dtypes.movable)


@broadcast_view.shape
def _broadcast_shape(c):
    return c.attr.shape


@broadcast_view.view("input")
def _broadcast_layout(c, layout):
    return layout.broadcast(c.results[0])


@broadcast_view.gradient
def _broadcast_gradient(node, dy):
    return ops.sum_like(dy, node.input("input"))


# Index i as often as repeats[i] says.
repeat_indices = OpDef("repeat_indices(repeats: I['n']) -> (y: I)", I=dtypes.indices, gradient=None)


@repeat_indices.shape
def _indices_shape(c):
    repeats = c.value("repeats")
    if repeats is None:
        return Shape([None])
    c.require(bool((repeats >= 0).all()), "repeats must not be negative", repeats.tolist())
    return Shape([int(repeats.sum())])


@repeat_indices.kernel("cpu")
def _indices(repeats):
    return np.repeat(np.arange(len(repeats)), repeats)


@export("repeat")
def repeat(input: Any, repeats: Any, axis: int | None = None, name: str | None = None) -> Any:
    """Each element of the tensor (or, with an axis, each part along it) `repeats` times, or repeats[i] times the i-th.
    Without an axis the tensor is flattened first. Raises ShapeError for negative repeats."""
    x, repeats = convert_to_tensor(input), convert_to_tensor(repeats)
    if axis is None:
        x, axis = ops.reshape(x, [-1]), 0
    axis = normalize_axis(axis, len(x.shape), "repeat")
    if repeats.shape.rank == 1 and repeats.shape[0] == 1:
        repeats = repeats[0]
    if repeats.shape.rank != 0:
        return ops.gather(x, repeat_indices(repeats), axis=axis, name=name)
    known = repeats.static_value()
    times = repeats if known is None else int(known)
    sizes = sizes_of(x)
    wide = ops.broadcast_to(ops.expand_dims(x, axis + 1), [*sizes[: axis + 1], times, *sizes[axis + 1 :]])
    return ops.reshape(wide, [*sizes[:axis], sizes[axis] * times, *sizes[axis + 1 :]], name=name)
