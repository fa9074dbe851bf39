"""Indexing by arrays, as NumPy does it: https://numpy.org/doc/stable/user/basics.indexing.html#advanced-indexing.

Slices and new axes come first. Then the dimensions with an array (a number beside an array counts as one) are gathered
at the arrays broadcast against each other. What they broadcast to takes the place of these dimensions if they were next
to each other, else it comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from opwright import convert_to_tensor, ops
from opwright.errors import ArgumentError, ShapeError


def picked(x: Any, keys: tuple[Any, ...], is_array: Callable[[Any], bool], name: str | None) -> Any:
    """x[keys], of which at least one is an array, list or tensor of integers or bools.

    Raises ArgumentError for arrays of other things, ShapeError for more indices than there are dimensions.
    """
    if x.shape.dims is None:
        raise ShapeError("[getitem] the tensor's rank must be known for an index with arrays, got an unknown one")
    items = _expanded(x, [_as_index(k) if is_array(k) else k for k in keys])
    arrays = [k for k in items if _is_advanced(k)]
    basic = tuple(slice(None) if _is_advanced(k) else k for k in items)
    if any(k != slice(None) for k in basic):
        x = x[basic]
    at = [d for d, k in enumerate(items) if _is_advanced(k)]
    indices = [_counted_from_front(k, x, d) for k, d in zip(arrays, at, strict=True)]
    if len(at) == 1:
        return ops.gather(x, indices[0], axis=at[0], name=name)
    rest = [d for d in range(len(x.shape)) if d not in at]
    together = _broadcast(indices)
    found = ops.gather_nd(ops.transpose(x, at + rest), ops.stack(together, -1), name=name)
    if at != list(range(at[0], at[0] + len(at))) or at[0] == 0:
        return found
    n = len(together[0].shape)  # the dimensions before the arrays' go back before them
    order = [*range(n, n + at[0]), *range(n), *range(n + at[0], n + len(rest))]
    return ops.transpose(found, order)


def _is_advanced(key: Any) -> bool:
    return key is not None and not isinstance(key, slice)


def _as_index(key: Any) -> Any:
    key = convert_to_tensor(np.zeros(0, np.int64) if isinstance(key, list) and not key else key)
    if not (key.dtype.is_bool or key.dtype.is_integer):
        raise ArgumentError(f"[getitem] an array of indices must hold integers or bools, got {key.dtype.name}")
    return key


def _is_mask(key: Any) -> bool:
    return hasattr(key, "get_shape") and bool(key.dtype.is_bool)


def _expanded(x: Any, keys: list[Any]) -> list[Any]:
    """One item for each dimension of x, and None for new ones: the ellipsis as slices, masks as arrays of indices."""
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if len(dots) > 1:
        raise ArgumentError(f"[getitem] an index may hold one ellipsis, got {len(dots)}")
    taken = sum(len(k.shape) if _is_mask(k) else 1 for k in keys if k is not None and k is not Ellipsis)
    left = len(x.shape) - taken
    if left < 0:
        raise ShapeError(f"[getitem] at most {len(x.shape)} dimensions can be indexed, got {taken}")
    place = dots[0] if dots else len(keys)
    filled = [*keys[:place], *[slice(None)] * left, *keys[place + 1 :]]
    items: list[Any] = []
    dims = 0
    for key in filled:
        if _is_mask(key):
            rank = len(key.shape)
            x.shape[dims : dims + rank].merge(key.shape)
            items += ops.unstack(ops.where(key), rank, axis=1)
            dims += rank
        else:
            items.append(key)
            dims += key is not None
    return items


def _counted_from_front(index: Any, x: Any, d: int) -> Any:
    """An array of indices (or a number) with negative ones counted from the end."""
    index = convert_to_tensor(index)
    known = index.static_value()
    if known is not None and not (known < 0).any():
        return index
    size = ops.cast(ops.shape(x)[d], index.dtype)
    return ops.where(index < 0, index + size, index)


def _broadcast(indices: list[Any]) -> list[Any]:
    """Arrays of indices as int64 of one shape."""
    whole = [i if i.dtype.name == "int64" else ops.cast(i, "int64") for i in indices]
    total = sum((ops.zeros_like(i) for i in whole[1:]), ops.zeros_like(whole[0]))
    return [i + total for i in whole]
