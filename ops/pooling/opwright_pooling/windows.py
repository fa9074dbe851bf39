"""Where the windows of a pooling lie: data formats, window sizes and strides, TensorFlow's SAME and VALID paddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from opwright import Shape
from opwright.errors import ArgumentError, ShapeError

# The number of dimensions that windows extend over, and whether the channels come before them.
FORMATS = {
    "NWC": (1, False),
    "NHWC": (2, False),
    "NDHWC": (3, False),
    "NCW": (1, True),
    "NCHW": (2, True),
    "NCDHW": (3, True),
}


def dimensions(op: str, rank: int | None, ksize: Any, data_format: str | None) -> tuple[int, bool]:
    """What FORMATS says of the format. None: channels last, and as many dimensions as the input and ksize imply."""
    if data_format is None:
        length = np.size(ksize)
        n = rank - 2 if rank is not None else length - 2 if length > 3 else length
        if not 1 <= n <= 3:
            raise ShapeError(f"[{op}] input must have 3 to 5 dimensions, got {n + 2}")
        return n, False
    if data_format not in FORMATS:
        raise ArgumentError(f"[{op}] data_format must be one of {', '.join(FORMATS)}, got {data_format!r}")
    n, first = FORMATS[data_format]
    if rank not in (None, n + 2):
        raise ShapeError(f"[{op}] input must have the {n + 2} dimensions of {data_format}, got {rank}")
    return n, first


def extents(op: str, what: str, given: Any, n: int, channels_first: bool) -> list[int]:
    """n sizes from one, from n, or from one for each dimension of the tensor."""
    sizes = np.ravel(given).tolist()
    if len(sizes) == n + 2:
        at = 2 if channels_first else 1
        if any(v != 1 for v in (*sizes[:at], *sizes[at + n :])):
            raise ArgumentError(f"[{op}] {what} must be 1 for the batch and the channels, got {sizes}")
        sizes = sizes[at : at + n]
    elif len(sizes) == 1:
        sizes *= n
    if len(sizes) != n or not all(isinstance(v, int) for v in sizes):
        raise ArgumentError(f"[{op}] {what} must be 1, {n} or {n + 2} ints, got {sizes}")
    if any(v < 1 for v in sizes):
        raise ArgumentError(f"[{op}] {what} must be positive, got {sizes}")
    return sizes


def attributes(op: str, rank: int | None, ksize: Any, strides: Any, padding: Any, data_format: Any) -> dict[str, Any]:
    """What describes the windows to the ops: the attributes that they have in common."""
    n, first = dimensions(op, rank, ksize, data_format)
    explicit: list[int] = []
    if not isinstance(padding, str):
        pairs = np.reshape(padding, (-1, 2)).tolist()
        if len(pairs) == n + 2:
            at = 2 if first else 1
            if np.any(pairs[:at] + pairs[at + n :]):
                raise ArgumentError(f"[{op}] padding of the batch and the channels must be 0, got {pairs}")
            pairs = pairs[at : at + n]
        explicit = [int(p) for pair in pairs for p in pair]
        padding = "EXPLICIT"
    elif padding.upper() not in ("SAME", "VALID"):
        raise ArgumentError(f"[{op}] padding must be SAME, VALID or a list of pairs, got {padding!r}")
    window = {"ksize": extents(op, "ksize", ksize, n, first), "strides": extents(op, "strides", strides, n, first)}
    return {**window, "padding": padding.upper(), "explicit_paddings": explicit, "channels_first": first}


def pooled_shape(c: Any, shape: Shape) -> Shape:
    """The output's shape for an input's.

    SAME: ceil(size / stride). VALID: ceil((size - ksize + 1) / stride). With paddings, size includes them.
    """
    n = len(c.attr.ksize)
    c.require(1 <= n <= 3 and min(c.attr.ksize) > 0, "ksize must be 1 to 3 positive numbers", c.attr.ksize)
    fits = len(c.attr.strides) == n and min(c.attr.strides) > 0
    c.require(fits, f"strides must be {n} positive numbers", c.attr.strides)
    known = c.attr.padding in ("SAME", "VALID", "EXPLICIT")
    c.require(known, "padding must be SAME, VALID or EXPLICIT", repr(c.attr.padding))
    if shape.dims is None:
        return Shape([None] * (n + 2))
    c.require(len(shape) == n + 2, f"input must have {n + 2} dimensions", f"shape {shape}")
    at = 2 if c.attr.channels_first else 1
    dims = list(shape)
    for d in range(n):
        if dims[at + d] is not None:
            dims[at + d] = _pooled(c, dims[at + d], d)
    return Shape(dims)


def _pooled(c: Any, size: int, d: int) -> int:
    k, stride = c.attr.ksize[d], c.attr.strides[d]
    if c.attr.padding == "SAME":
        return -(-size // stride)
    before, after = paddings(c, d)
    c.require(
        k <= size + before + after,
        f"ksize must fit into the {size + before + after} elements of dimension {d} of the {len(c.attr.ksize)} pooled",
        f"{k}; use padding SAME or a smaller window",
    )
    return -(-(size + before + after - k + 1) // stride)


def paddings(c: Any, d: int) -> Sequence[int]:
    """The explicit paddings before and after pooled dimension d."""
    if c.attr.padding != "EXPLICIT":
        return 0, 0
    given = c.attr.explicit_paddings
    c.require(len(given) == 2 * len(c.attr.ksize), f"padding must have {len(c.attr.ksize)} pairs", given)
    pair = given[2 * d : 2 * d + 2]
    smallest = f"padding must lie in [0, {c.attr.ksize[d]}), the window's size, along dimension {d}"
    c.require(all(0 <= p < c.attr.ksize[d] for p in pair), smallest, tuple(pair))
    return pair


# Shapes of input and output; window, strides, padding (pairs: EXPLICIT), whether the channels come first.
_EXAMPLES: Any = (
    ((1, 4, 3, 2), (1, 3, 2, 2), (2, 2), (1, 1), "VALID", False),
    ((2, 5, 1), (2, 3, 1), (3,), (2,), "SAME", False),
    ((1, 2, 3, 3), (1, 2, 2, 2), (2, 2), (2, 2), (1, 1, 0, 1), True),
    ((1, 2, 2, 3, 1), (1, 1, 2, 2, 1), (2, 1, 2), (1, 1, 1), "VALID", False),
    ((0, 3, 3, 1), (0, 2, 2, 1), (2, 2), (1, 1), "VALID", False),
    ((2, 17, 16, 9), (2, 9, 8, 9), (3, 3), (2, 2), "SAME", False),
)


def examples(make: Any) -> Any:
    """Examples of an op: what `make` makes of a random input, an output's shape and the attributes."""

    def found(rng: Any) -> list[dict[str, Any]]:
        made = []
        for shape, pooled, ksize, strides, padding, first in _EXAMPLES:
            explicit = () if isinstance(padding, str) else padding
            how = {"padding": "EXPLICIT" if explicit else padding, "explicit_paddings": explicit}
            attributes = {"ksize": ksize, "strides": strides, "channels_first": first, **how}
            x = rng.permutation(np.prod(shape, dtype=int)).reshape(shape) % 100 / 4  # no two neighbours are equal
            made.append({**make(rng, x, pooled, attributes), **attributes})
        return made

    return found
