"""space_to_depth, depth_to_space, space_to_batch, batch_to_space: blocks of an image moved to other dimensions.

Each is a reshape, a transpose and a reshape; the planner makes one copy of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.errors import ArgumentError

space_to_depth = OpDef(
    "space_to_depth(input: T['n _ _ _'], block_size: int, data_format: str = 'NHWC') -> (y: T)",
    T=dtypes.any_type,
    export="nn.space_to_depth",
)
depth_to_space = OpDef(
    "depth_to_space(input: T['n _ _ _'], block_size: int, data_format: str = 'NHWC') -> (y: T)",
    T=dtypes.any_type,
    export="nn.depth_to_space",
)


def _layout(c: Any) -> tuple[int, int, int]:
    """The positions of height, width and channels."""
    form = c.attr.data_format
    c.require(form in ("NHWC", "NCHW"), "data_format must be NHWC or NCHW", repr(form))
    c.require(c.attr.block_size > 0, "block_size must be positive", c.attr.block_size)
    return (1, 2, 3) if form == "NHWC" else (2, 3, 1)


@space_to_depth.shape
def _to_depth_shape(c):
    shape, b, (h, w, channels) = c.shape("input"), c.attr.block_size, _layout(c)
    if shape.dims is None:
        return Shape([None] * 4)
    fits = all(shape[d] is None or shape[d] % b == 0 for d in (h, w))
    c.require(fits, f"height and width must be multiples of block_size {b}", shape)
    sizes = {h: (1, b), w: (1, b), channels: (b * b, 1)}
    return Shape(_scaled(d, *sizes.get(i, (1, 1))) for i, d in enumerate(shape))


@depth_to_space.shape
def _to_space_shape(c):
    shape, b, (h, w, channels) = c.shape("input"), c.attr.block_size, _layout(c)
    if shape.dims is None:
        return Shape([None] * 4)
    fits = shape[channels] is None or shape[channels] % (b * b) == 0
    c.require(fits, f"channels must be a multiple of block_size squared, {b * b}", shape)
    sizes = {h: (b, 1), w: (b, 1), channels: (1, b * b)}
    return Shape(_scaled(d, *sizes.get(i, (1, 1))) for i, d in enumerate(shape))


def _scaled(size: int | None, times: int, over: int) -> int | None:
    return None if size is None else size * times // over


@space_to_depth.gradient
def _to_depth_gradient(node, dy):
    return depth_to_space(dy, node.attr.block_size, node.attr.data_format)


@depth_to_space.gradient
def _to_space_gradient(node, dy):
    return space_to_depth(dy, node.attr.block_size, node.attr.data_format)


@space_to_depth.ref
def _to_depth(input: Any, block_size: int, data_format: str) -> Any:
    b = block_size
    if data_format == "NCHW":
        n, c, h, w = input.shape.known()
        cells = ops.transpose(ops.reshape(input, [n, c, h // b, b, w // b, b]), [0, 3, 5, 1, 2, 4])
        return ops.reshape(cells, [n, b * b * c, h // b, w // b])
    n, h, w, c = input.shape.known()
    cells = ops.transpose(ops.reshape(input, [n, h // b, b, w // b, b, c]), [0, 1, 3, 2, 4, 5])
    return ops.reshape(cells, [n, h // b, w // b, b * b * c])


@depth_to_space.ref
def _to_space(input: Any, block_size: int, data_format: str) -> Any:
    b = block_size
    if data_format == "NCHW":
        n, c, h, w = input.shape.known()
        cells = ops.transpose(ops.reshape(input, [n, b, b, c // (b * b), h, w]), [0, 3, 4, 1, 5, 2])
        return ops.reshape(cells, [n, c // (b * b), h * b, w * b])
    n, h, w, c = input.shape.known()
    cells = ops.transpose(ops.reshape(input, [n, h, w, b, b, c // (b * b)]), [0, 1, 3, 2, 4, 5])
    return ops.reshape(cells, [n, h * b, w * b, c // (b * b)])


# paddings and crops: two numbers for each block dimension.
to_batch = OpDef("to_batch(input: T, block_shape: ints, paddings: ints) -> (y: T)", T=dtypes.any_type)
from_batch = OpDef("from_batch(input: T, block_shape: ints, crops: ints) -> (y: T)", T=dtypes.any_type)


def _pairs(c: Any, name: str) -> np.ndarray:
    """An attribute that holds pairs, as rows."""
    flat = c.attributes[name]
    c.require(len(flat) % 2 == 0, f"{name} must consist of pairs", flat)
    return np.reshape(flat, (-1, 2))


def _require_block(c: Any, block: Any, pairs: np.ndarray, name: str) -> None:
    c.require(all(b > 0 for b in block), "block_shape must be positive", block)
    c.require(len(pairs) == len(block), f"{name} must have a pair for each of {len(block)} dimensions", pairs.tolist())
    c.require(bool((pairs >= 0).all()), f"{name} must not be negative", pairs.tolist())


@to_batch.shape
def _to_batch_shape(c):
    shape, block, pads = c.shape("input"), c.attr.block_shape, _pairs(c, "paddings")
    if shape.dims is None:
        return Shape(None)
    m = len(block)
    _require_block(c, block, pads, "paddings")
    c.require(len(shape) > m, f"input must have more than {m} dimensions", shape)
    wide = [None if d is None else d + int(p.sum()) for d, p in zip(shape[1 : m + 1], pads)]
    fits = all(d is None or d % b == 0 for d, b in zip(wide, block))
    c.require(fits, f"the padded dimensions must be multiples of block_shape {block}", wide)
    rest = [_scaled(d, 1, b) for d, b in zip(wide, block)]
    return Shape([_scaled(shape[0], int(np.prod(block)), 1), *rest, *shape[m + 1 :]])


@from_batch.shape
def _from_batch_shape(c):
    shape, block, crops = c.shape("input"), c.attr.block_shape, _pairs(c, "crops")
    if shape.dims is None:
        return Shape(None)
    m, cells = len(block), int(np.prod(block))
    _require_block(c, block, crops, "crops")
    c.require(len(shape) > m, f"input must have more than {m} dimensions", shape)
    fits = shape[0] is None or shape[0] % cells == 0
    c.require(fits, f"the batch must be a multiple of the block's {cells} elements", shape)
    rest = [None if d is None else d * b - int(p.sum()) for d, b, p in zip(shape[1 : m + 1], block, crops)]
    c.require(all(d is None or d >= 0 for d in rest), f"crops must fit into {shape}", crops.tolist())
    return Shape([_scaled(shape[0], 1, cells), *rest, *shape[m + 1 :]])


@to_batch.gradient
def _to_batch_gradient(node, dy):
    return from_batch(dy, node.attr.block_shape, node.attr.paddings)


@from_batch.gradient
def _from_batch_gradient(node, dy):
    return to_batch(dy, node.attr.block_shape, node.attr.crops)


@to_batch.ref
def _to_batch(input: Any, block_shape: Any, paddings: Any) -> Any:
    m, rank = len(block_shape), len(input.shape)
    pads = [(0, 0), *np.reshape(paddings, (-1, 2)).tolist(), *[(0, 0)] * (rank - m - 1)]
    wide = ops.pad(input, np.asarray(pads, np.int32)) if any(paddings) else input
    n, *sizes = wide.shape.known()
    split = [n, *[s for d, b in zip(sizes, block_shape) for s in (d // b, b)], *sizes[m:]]
    blocks, inner = list(range(2, 2 * m + 1, 2)), list(range(1, 2 * m, 2))
    cells = ops.transpose(ops.reshape(wide, split), [*blocks, 0, *inner, *range(2 * m + 1, rank + m)])
    whole = [d // b for d, b in zip(sizes, block_shape)]
    return ops.reshape(cells, [n * int(np.prod(block_shape)), *whole, *sizes[m:]])


@from_batch.ref
def _from_batch(input: Any, block_shape: Any, crops: Any) -> Any:
    m, rank = len(block_shape), len(input.shape)
    n, *sizes = input.shape.known()
    n //= int(np.prod(block_shape))
    cells = ops.reshape(input, [*block_shape, n, *sizes])
    order = [m, *[i for d in range(m) for i in (m + 1 + d, d)], *range(2 * m + 1, rank + m)]
    wide = ops.reshape(ops.transpose(cells, order), [n, *[d * b for d, b in zip(sizes, block_shape)], *sizes[m:]])
    return wide[(slice(None), *[slice(a, d - b) for (a, b), d in zip(np.reshape(crops, (-1, 2)), wide.shape[1:])])]


@export("space_to_batch_nd")
def space_to_batch_nd(input: Any, block_shape: Any, paddings: Any, name: str | None = None) -> Any:
    """The cells of blocks of the dimensions after the first, zero-padded, moved to the batch.

    Raises ShapeError where the blocks do not fit, ArgumentError unless the sizes are known.
    """
    block = _known(block_shape, "block_shape", "space_to_batch")
    return to_batch(input, block, _known(paddings, "paddings", "space_to_batch"), name=name)


@export("batch_to_space_nd")
def batch_to_space_nd(input: Any, block_shape: Any, crops: Any, name: str | None = None) -> Any:
    """The reverse of space_to_batch_nd: cells from the batch back into blocks, and `crops` cut off.

    Raises ShapeError where the blocks do not fit, ArgumentError unless the sizes are known.
    """
    block = _known(block_shape, "block_shape", "batch_to_space")
    return from_batch(input, block, _known(crops, "crops", "batch_to_space"), name=name)


@export("space_to_batch")
def space_to_batch(
    input: Any, paddings: Any, block_size: Any = None, name: str | None = None, block_shape: Any = None
) -> Any:
    """space_to_batch_nd for square blocks of an image (`block_size`), or with TensorFlow 2's `block_shape`."""
    if block_shape is None:
        block_shape = [block_size] * 2
    return space_to_batch_nd(input, block_shape, paddings, name)


@export("batch_to_space")
def batch_to_space(
    input: Any, crops: Any, block_size: Any = None, name: str | None = None, block_shape: Any = None
) -> Any:
    """batch_to_space_nd for square blocks of an image (`block_size`), or with TensorFlow 2's `block_shape`."""
    if block_shape is None:
        block_shape = [block_size] * 2
    return batch_to_space_nd(input, block_shape, crops, name)


def _known(values: Any, what: str, op: str) -> tuple[int, ...]:
    """A list, array or tensor as flat numbers."""
    known = convert_to_tensor(values).static_value()
    if known is None:
        raise ArgumentError(f"[{op}] {what} must be known when the graph is built, got {values}")
    return tuple(int(v) for v in known.ravel())
