"""Sums, extremes, searching, sorting, sets of the standard."""

from __future__ import annotations

from typing import Any, NamedTuple

from opwright import as_dtype, convert_to_tensor, export, ops
from opwright.errors import ArgumentError


def _wide(x: Any, dtype: Any) -> Any:
    """What a sum or product is computed of: small integers become int64, as the standard asks for."""
    x = convert_to_tensor(x)
    wanted = as_dtype(dtype) if dtype is not None else as_dtype("int64") if x.dtype.is_integer else x.dtype
    return x if x.dtype is wanted else ops.cast(x, wanted)


@export("array_api.sum")
def sum(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Σ x over axes, all by default."""
    return ops.reduce_sum(_wide(x, dtype), axis=axis, keepdims=keepdims)


@export("array_api.prod")
def prod(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Π x over axes, all by default."""
    return ops.reduce_prod(_wide(x, dtype), axis=axis, keepdims=keepdims)


@export("array_api.cumulative_sum")
def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Σ of the elements so far; include_initial: with a 0 before the first.

    Raises ArgumentError without an axis, unless there is one dimension.
    """
    if axis is None and len(x.shape) != 1:
        raise ArgumentError(f"[cumulative_sum] axis must be given, got None for shape {x.shape}")
    at = (axis or 0) % len(x.shape)
    found = ops.cumsum(_wide(x, dtype), at)
    if not include_initial:
        return found
    sizes = [1 if d == at else n for d, n in enumerate(x.shape.known())]
    return ops.concat([ops.zeros(sizes, found.dtype), found], at)


@export("array_api.max")
def max(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest over axes, all by default."""
    return ops.reduce_max(x, axis=axis, keepdims=keepdims)


@export("array_api.min")
def min(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest over axes, all by default."""
    return ops.reduce_min(x, axis=axis, keepdims=keepdims)


@export("array_api.mean")
def mean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over axes, all by default."""
    return ops.reduce_mean(x, axis=axis, keepdims=keepdims)


@export("array_api.var")
def var(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """Σ (x - mean)² / (n - correction) over axes, all by default."""
    found = ops.reduce_variance(x, axis=axis, keepdims=keepdims)
    if not correction:
        return found
    n = ops.cast(ops.size(x), found.dtype) / ops.cast(ops.size(found), found.dtype)
    return found * (n / (n - correction))


@export("array_api.std")
def std(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The root of var."""
    return ops.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


@export("array_api.all")
def all(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements are not 0, over axes, all by default."""
    return ops.reduce_all(ops.cast(x, "bool"), axis=axis, keepdims=keepdims)


@export("array_api.any")
def any(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether an element is not 0, over axes, all by default."""
    return ops.reduce_any(ops.cast(x, "bool"), axis=axis, keepdims=keepdims)


def _arg(op: Any, x: Any, axis: int | None, keepdims: bool) -> Any:
    if axis is None:
        found = op(ops.reshape(x, [-1]), 0)
        return ops.reshape(found, [1] * len(x.shape)) if keepdims else found
    found = op(x, axis)
    return ops.expand_dims(found, axis) if keepdims else found


@export("array_api.argmax")
def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first largest element lies along an axis, or among all."""
    return _arg(ops.argmax, x, axis, keepdims)


@export("array_api.argmin")
def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first smallest element lies along an axis, or among all."""
    return _arg(ops.argmin, x, axis, keepdims)


@export("array_api.count_nonzero")
def count_nonzero(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """How many elements are not 0, over axes, all by default."""
    return ops.count_nonzero(x, axis=axis, keepdims=keepdims)


@export("array_api.nonzero")
def nonzero(x: Any, /) -> tuple[Any, ...]:
    """The indices of what is not 0, for each dimension."""
    return tuple(ops.unstack(ops.where(x), len(x.shape), axis=1))


@export("array_api.searchsorted")
def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Any:
    """Where the elements of x2 belong in the sorted x1."""
    rows = x1 if sorter is None else ops.gather(x1, sorter)
    return ops.reshape(ops.searchsorted(rows, ops.reshape(x2, [-1]), side, "int64"), x2.shape.known())


@export("array_api.sort")
def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The elements of an axis in order."""
    return ops.sort(x, axis, "DESCENDING" if descending else "ASCENDING")


@export("array_api.argsort")
def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The int64 indices that put the elements of an axis in order."""
    return ops.cast(ops.argsort(x, axis, "DESCENDING" if descending else "ASCENDING", stable), "int64")


class UniqueAll(NamedTuple):
    """Different elements in order, where each occurs first, where each element's equal is, how often each occurs."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """Different elements in order, and how often each occurs."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """Different elements in order, and where each element's equal is."""

    values: Any
    inverse_indices: Any


@export("array_api.unique_all")
def unique_all(x: Any, /) -> UniqueAll:
    """See UniqueAll."""
    x = convert_to_tensor(x)
    elements = ops.reshape(x, [-1])
    found, inverse, counts = ops.unique_with_counts(elements, "int64")
    order = ops.argsort(found)
    places = ops.invert_permutation(order)
    first = ops.unsorted_segment_min(ops.range(ops.size(elements, "int64"), dtype="int64"), inverse, ops.size(found))
    where_now = ops.reshape(ops.cast(ops.gather(places, inverse), "int64"), x.shape.known())
    return UniqueAll(ops.gather(found, order), ops.gather(first, order), where_now, ops.gather(counts, order))


@export("array_api.unique_counts")
def unique_counts(x: Any, /) -> UniqueCounts:
    """See UniqueCounts."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


@export("array_api.unique_inverse")
def unique_inverse(x: Any, /) -> UniqueInverse:
    """See UniqueInverse."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


@export("array_api.unique_values")
def unique_values(x: Any, /) -> Any:
    """The different elements in order."""
    return unique_all(x).values
