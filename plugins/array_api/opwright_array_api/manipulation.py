"""Shapes, places and products of the standard."""

from __future__ import annotations

from typing import Any

from opwright import convert_to_tensor, export, ops

from opwright_array_api.types import promoted


@export("array_api.reshape")
def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Any:
    """The elements in row-major order under another shape."""
    return ops.reshape(x, list(shape))


@export("array_api.permute_dims")
def permute_dims(x: Any, /, axes: Any) -> Any:
    """Dimension i is dimension axes[i]."""
    return ops.transpose(x, [a % len(x.shape) for a in axes])


@export("array_api.matrix_transpose")
def matrix_transpose(x: Any, /) -> Any:
    """The last two dimensions changed round."""
    return ops.linalg.matrix_transpose(x)


@export("array_api.moveaxis")
def moveaxis(x: Any, source: Any, destination: Any, /) -> Any:
    """Dimensions moved to other places."""
    rank = len(x.shape)
    pairs = [(source, destination)] if isinstance(source, int) else list(zip(source, destination, strict=True))
    places = sorted((d % rank, s % rank) for s, d in pairs)
    order = [d for d in range(rank) if d not in [s for _, s in places]]
    for place, axis in places:
        order.insert(place, axis)
    return ops.transpose(x, order)


@export("array_api.expand_dims")
def expand_dims(x: Any, /, axis: int = 0) -> Any:
    """A dimension of size 1 more."""
    return ops.expand_dims(x, axis)


@export("array_api.squeeze")
def squeeze(x: Any, /, axis: Any) -> Any:
    """Dimensions of size 1 gone."""
    return ops.squeeze(x, [axis] if isinstance(axis, int) else list(axis))


@export("array_api.broadcast_to")
def broadcast_to(x: Any, /, shape: Any) -> Any:
    """Dimensions of size 1 repeated."""
    return ops.broadcast_to(x, list(shape))


@export("array_api.broadcast_arrays")
def broadcast_arrays(*arrays: Any) -> list[Any]:
    """Tensors in the shape they broadcast to."""
    shape = convert_to_tensor(arrays[0]).shape
    for x in arrays[1:]:
        shape = ops.broadcast_static_shape(shape, convert_to_tensor(x).shape)
    return [ops.broadcast_to(x, list(shape.known())) for x in arrays]


@export("array_api.concat")
def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
    """One after another along an axis; None: all elements."""
    tensors = promoted(*arrays)
    return ops.concat([ops.reshape(x, [-1]) for x in tensors], 0) if axis is None else ops.concat(tensors, axis)


@export("array_api.stack")
def stack(arrays: Any, /, *, axis: int = 0) -> Any:
    """Side by side along a new axis."""
    return ops.stack(promoted(*arrays), axis)


@export("array_api.unstack")
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The parts along an axis, without it."""
    return tuple(ops.unstack(x, axis=axis))


@export("array_api.flip")
def flip(x: Any, /, *, axis: Any = None) -> Any:
    """Backwards along axes, all by default."""
    axes = list(range(len(x.shape))) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    return ops.reverse(x, axes)


@export("array_api.roll")
def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
    """Shifted along axes, what leaves comes in again; without an axis over all elements."""
    if axis is None:
        return ops.reshape(ops.roll(ops.reshape(x, [-1]), shift, 0), x.shape.known())
    return ops.roll(x, shift if isinstance(shift, int) else list(shift), axis if isinstance(axis, int) else list(axis))


@export("array_api.repeat")
def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
    """Each element, or part along an axis, several times."""
    return ops.repeat(x, repeats, axis=axis)


@export("array_api.tile")
def tile(x: Any, repetitions: Any, /) -> Any:
    """The tensor several times along each dimension."""
    counts, rank = list(repetitions), len(x.shape)
    x = ops.reshape(x, [1] * (len(counts) - rank) + list(x.shape.known()))
    return ops.tile(x, [1] * (rank - len(counts)) + counts)


@export("array_api.take")
def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    """The parts along an axis that the indices name."""
    return ops.gather(x, indices, axis=0 if axis is None else axis)


@export("array_api.take_along_axis")
def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    """The elements along an axis that the indices name."""
    return ops.pick_along(x, indices, axis=axis)


@export("array_api.matmul")
def matmul(x1: Any, x2: Any, /) -> Any:
    """Products of matrices; of a tensor of one dimension as a row, or a column, which is gone from the result."""
    a, b = promoted(x1, x2)
    left, right = len(a.shape) == 1, len(b.shape) == 1
    made = ops.matmul(ops.expand_dims(a, 0) if left else a, ops.expand_dims(b, -1) if right else b)
    gone = [-2] * left + [-1] * right
    return ops.squeeze(made, gone) if gone else made


@export("array_api.tensordot")
def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Sums of products over pairs of axes."""
    return ops.tensordot(*promoted(x1, x2), axes)


@export("array_api.vecdot")
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Sums of products along an axis."""
    a, b = promoted(x1, x2)
    return ops.reduce_sum(a * b, axis=axis)
