"""quantile, median: order statistics over some axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError
from opwright.shapes import normalize_axes

from opwright_math.reduce import n_reduced
from opwright_math.sort import sort_with_indices


@export("quantile")
def quantile(
    a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False, name: str | None = None
) -> Any:
    """The q-th quantiles of the elements of some axes, as NumPy's `quantile`; nan where one of them is nan.

    q holds numbers from 0 to 1; their dimensions come first in the result. method: "linear", "lower", "higher",
    "midpoint" or "nearest". Raises ArgumentError for another method or q.
    """
    a, q = convert_to_tensor(a), np.asarray(q, np.float64)
    if q.size and not (q.min() >= 0 and q.max() <= 1):
        raise ArgumentError(f"[quantile] q must lie in [0, 1], got {q.tolist()}")
    rank = len(a.shape.known_rank())
    axes = normalize_axes(axis, rank, "quantile")
    kept = [i for i in range(rank) if i not in axes]
    turned = ops.transpose(a, [*axes, *kept])
    sizes = [d if d is not None else ops.shape(a)[i] for i, d in enumerate(a.shape) if i in kept]
    rows = sort_with_indices(ops.reshape(turned, [-1, *sizes]), 0, name=name)[0]
    last = n_reduced(a, axes, "float64") - 1.0
    flat = [_at(rows, last * float(one), method) for one in q.ravel()]
    if keepdims:
        flat = [_with_axes(one, axes) for one in flat]
    if q.ndim == 0:
        return flat[0]
    return ops.reshape(ops.stack(flat), [*q.shape, *_sizes(flat[0])]) if q.ndim > 1 else ops.stack(flat)


def _sizes(x: Any) -> list[Any]:
    return [d if d is not None else ops.shape(x)[i] for i, d in enumerate(x.shape)]


def _with_axes(x: Any, axes: tuple[int, ...]) -> Any:
    for axis in axes:
        x = ops.expand_dims(x, axis)
    return x


def _at(rows: Any, position: Any, method: str) -> Any:
    """Row `position`, a float64 tensor, of sorted rows, or something between its neighbours."""
    low, high = ops.floor(position), ops.ceil(position)
    below, above = _row(rows, low), _row(rows, high)
    ways = {
        "linear": lambda: below + (above - below) * ops.cast(position - low, rows.dtype),
        "lower": lambda: below,
        "higher": lambda: above,
        "midpoint": lambda: below + (above - below) * ops.cast((high - low) * 0.5, rows.dtype),
        "nearest": lambda: _row(rows, ops.round(position)),  # halves to even, as NumPy
    }
    if method not in ways:
        raise ArgumentError(f"[quantile] method must be one of {', '.join(ways)}, got {method!r}")
    top = rows[-1]
    return ops.where(ops.is_nan(top), top, ways[method]())


def _row(rows: Any, position: Any) -> Any:
    return ops.gather(rows, ops.cast(position, "int32"), axis=0)


@export("median")
def median(a: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The median of the elements of some axes, as NumPy's; of an even number the mean of the middle two."""
    return quantile(a, 0.5, axis, "midpoint", keepdims, name)
