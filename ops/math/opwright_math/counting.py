"""Counting: bincount, histogram_fixed_width, confusion_matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, InvalidArgumentError, ShapeError

from opwright_math.segment import unsorted_segment_sum


@export("bincount")
def bincount(
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = "int32",
    name: str | None = None,
    axis: int | None = None,
    binary_output: bool = False,
) -> Any:
    """How often each of the integers 0, 1, ... occurs in `arr`, or the sum of the weights where it does.

    The result has max(arr) + 1 elements, at least minlength, at most maxlength; values from there on are not counted.
    axis=-1: a row of counts for each row. binary_output: 1 for each value that occurs. Negative values are an error.
    """
    arr = convert_to_tensor(arr)
    if axis not in (None, 0, -1):
        raise ArgumentError(f"[bincount] axis must be None, 0 or -1, got {axis}")
    _require_not_negative("bincount", "arr", arr)
    size = _at_most(_at_least(_largest(arr) + 1, minlength), maxlength)
    amounts = ops.ones_like(arr, dtype=dtype) if weights is None else convert_to_tensor(weights)
    if axis == -1 and arr.shape.rank != 1:
        counts = _rows(arr, amounts, size, name)
    else:
        counts = unsorted_segment_sum(amounts, _ids(arr, size), size, name=name)
    return ops.cast(ops.not_equal(counts, 0), counts.dtype) if binary_output else counts


def _rows(arr: Any, amounts: Any, size: Any, name: str | None) -> Any:
    """Counts by row: row i counts into segments [i size, (i + 1) size)."""
    if arr.shape.rank != 2:
        raise ShapeError(f"[bincount] arr must have 1 or 2 dimensions with axis = -1, got shape {arr.shape}")
    n = arr.shape[0] if arr.shape[0] is not None else ops.shape(arr)[0]
    start = ops.expand_dims(ops.cast(ops.range(n), arr.dtype), 1) * ops.cast(size, arr.dtype)
    ids = _ids(arr, size)
    total = (
        ops.cast(n, "int64") * ops.cast(size, "int64") if hasattr(n, "dtype") or hasattr(size, "dtype") else n * size
    )
    counts = unsorted_segment_sum(amounts, ops.where(ops.less(ids, 0), ids, ids + start), total, name=name)
    return ops.reshape(counts, [n, ops.cast(size, "int32") if hasattr(size, "dtype") else size])


def _largest(arr: Any) -> Any:
    """The largest element, -1 if there is none: an int if it is known."""
    known = arr.static_value()
    return int(known.max(initial=-1)) if known is not None else ops.maximum(ops.reduce_max(arr), -1)


def _at_least(size: Any, bound: Any) -> Any:
    return size if bound is None else _either(size, bound, max, ops.maximum)


def _at_most(size: Any, bound: Any) -> Any:
    return size if bound is None else _either(size, bound, min, ops.minimum)


def _either(size: Any, bound: Any, known: Any, op: Any) -> Any:
    if not hasattr(size, "dtype") and np.ndim(bound) == 0 and not hasattr(bound, "op"):
        return known(size, int(bound))
    return op(size, bound)


def _ids(arr: Any, size: Any) -> Any:
    """-1 (dropped) for values that are too large, `size` (an error) for negative ones."""
    size = ops.cast(size, arr.dtype)
    return ops.where(ops.less(arr, 0), size, ops.where(ops.less(arr, size), arr, -ops.ones_like(arr)))


def _require_not_negative(op: str, name: str, x: Any) -> None:
    """Where the values are known now, the error rises here; else when the step runs."""
    if not x.dtype.is_integer:
        raise InvalidArgumentError(f"[{op}] {name} must hold integers, got {x.dtype.name}")
    known = x.static_value()
    if known is not None and known.size and known.min() < 0:
        raise InvalidArgumentError(f"[{op}] {name} must not be negative, got {known.min()}")


@export("histogram_fixed_width_bins")
def histogram_fixed_width_bins(
    values: Any, value_range: Any, nbins: int = 100, dtype: Any = "int32", name: str | None = None
) -> Any:
    """The bin of each value, of `nbins` of equal width in value_range; what lies outside is in the ends."""
    values = convert_to_tensor(values)
    if nbins < 1:
        raise ArgumentError(f"[histogram_fixed_width] nbins must be positive, got {nbins}")
    low, high = ops.unstack(convert_to_tensor(value_range, values.dtype), 2)
    known = [v.static_value() for v in (low, high)]
    if None not in [None if v is None else 1 for v in known] and not known[0] < known[1]:
        raise ArgumentError(f"[histogram_fixed_width] value_range must grow, got [{known[0]}, {known[1]}]")
    wide = ops.cast(values, "float64") if values.dtype.is_integer else values
    low, high = ops.cast(low, wide.dtype), ops.cast(high, wide.dtype)
    bins = ops.floor((wide - low) / (high - low) * float(nbins))
    return ops.cast(ops.minimum(ops.maximum(bins, 0.0), float(nbins - 1)), dtype, name=name)


@export("histogram_fixed_width")
def histogram_fixed_width(
    values: Any, value_range: Any, nbins: int = 100, dtype: Any = "int32", name: str | None = None
) -> Any:
    """How many values fall into each of `nbins` bins of equal width, by `histogram_fixed_width_bins`."""
    bins = histogram_fixed_width_bins(values, value_range, nbins)
    return unsorted_segment_sum(ops.ones_like(bins, dtype=dtype), bins, nbins, name=name)


@export("confusion_matrix")
def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: Any = None,
    weights: Any = None,
    dtype: Any = "int32",
    name: str | None = None,
) -> Any:
    """Element (i, j): how often j was predicted for label i, or the sum of the weights where it was.

    num_classes is one more than the largest of both unless it is given; classes out of range are an error.
    """
    labels, predictions = (ops.cast(convert_to_tensor(v), "int64") for v in (labels, predictions))
    for which, values in (("labels", labels), ("predictions", predictions)):
        _require_not_negative("confusion_matrix", which, values)
    n = num_classes
    if n is None:
        n = _either(_largest(labels), _largest(predictions), max, ops.maximum) + 1
    wide = ops.cast(n, "int64")
    valid = ops.logical_and(_below(labels, wide), _below(predictions, wide))
    ids = ops.where(valid, labels * wide + predictions, wide * wide)  # out of range where one of them is
    amounts = ops.ones_like(ids, dtype=dtype) if weights is None else ops.cast(weights, dtype)
    counts = unsorted_segment_sum(amounts, ids, wide * wide, name=name)
    n = n if isinstance(n, int) else ops.cast(n, "int32")
    return ops.reshape(counts, [n, n])


def _below(x: Any, n: Any) -> Any:
    return ops.logical_and(ops.greater_equal(x, 0), ops.less(x, n))
