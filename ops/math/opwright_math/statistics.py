"""Reductions made of others: logsumexp, variance, standard deviation, norms, count_nonzero."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from opwright import OpDef, convert_to_tensor, dtypes, export, ops
from opwright.errors import ArgumentError
from opwright.shapes import normalize_axes

from opwright_math.reduce import n_reduced, reduce_max, reduce_mean, reduce_sum, reduced_shape, unreduced

reduce_logsumexp = OpDef(
    "reduce_logsumexp(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.floats
)
reduce_euclidean_norm = OpDef(
    "reduce_euclidean_norm(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)",
    T=dtypes.floats,
)
reduce_variance = OpDef(
    "reduce_variance(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.floats
)
reduce_std = OpDef(
    "reduce_std(input_tensor: T, axis: ints | None = None, keepdims: bool = False) -> (y: T)", T=dtypes.floats
)

for _op in (reduce_logsumexp, reduce_euclidean_norm, reduce_variance, reduce_std):

    @_op.shape
    def _shape(c):
        return reduced_shape(c.shape("input_tensor"), c.attr.axis, c.attr.keepdims, c.definition.name)


@reduce_logsumexp.ref
def _logsumexp(input_tensor, axis, keepdims):
    # Kept finite, so that infinities cancel nowhere: x - largest is -inf where all are, and inf where one is.
    dtype = input_tensor.dtype
    largest = ops.minimum(ops.maximum(reduce_max(input_tensor, axis, True), dtype.min), dtype.max)
    total = reduce_sum(ops.exp(input_tensor - largest), axis, keepdims)
    return ops.log(total) + (largest if keepdims else ops.reshape_like(largest, total))


@reduce_logsumexp.gradient
def _logsumexp_gradient(node, dy):
    # exp(x - y), and 0 where y is -inf: x is there, too, and x - the lowest float is.
    x, y = node.input("input_tensor"), node.output("y")
    return ops.exp(x - unreduced(ops.maximum(y, y.dtype.min), node)) * unreduced(dy, node)


@reduce_euclidean_norm.ref
def _norm(input_tensor, axis, keepdims):
    return ops.sqrt(reduce_sum(ops.square(input_tensor), axis, keepdims))


@reduce_euclidean_norm.gradient
def _norm_gradient(node, dy):
    return node.input("input_tensor") * unreduced(dy / _not_zero(node.output("y")), node)


@reduce_variance.ref
def _variance(input_tensor, axis, keepdims):
    return reduce_mean(ops.square(input_tensor - reduce_mean(input_tensor, axis, True)), axis, keepdims)


@reduce_variance.gradient
def _variance_gradient(node, dy):
    x = node.input("input_tensor")
    deviation = x - reduce_mean(x, node.attr.axis, True)
    return deviation * unreduced(dy * 2.0 / n_reduced(x, node.attr.axis, dy.dtype), node)


@reduce_std.ref
def _std(input_tensor, axis, keepdims):
    return ops.sqrt(reduce_variance(input_tensor, axis, keepdims))


@reduce_std.gradient
def _std_gradient(node, dy):
    x, y = node.input("input_tensor"), node.output("y")
    deviation = x - reduce_mean(x, node.attr.axis, True)
    return deviation * unreduced(dy / (_not_zero(y) * n_reduced(x, node.attr.axis, dy.dtype)), node)


def _not_zero(y: Any) -> Any:
    """y, and 1 where it is 0: what it divides is 0 there, and so is the gradient (the least of the subgradients)."""
    return ops.where(ops.equal(y, 0.0), ops.ones_like(y), y)


@export("count_nonzero")
def count_nonzero(
    input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = "int64", name: str | None = None
) -> Any:
    """How many elements of some axes are not zero (not false), as `dtype`."""
    x = convert_to_tensor(input)
    there = x if x.dtype.is_bool else ops.not_equal(x, ops.zeros_like(x))
    return reduce_sum(ops.cast(there, dtype), axis, keepdims, name=name)


@export("norm", "linalg.norm")
def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The norm of vectors (axis an int, or None: all elements as one) or matrices (axis a pair of ints).

    ord: "euclidean", 1, 2, inf or any positive number for vectors; "euclidean", "fro", 1, 2, inf for matrices. Raises
    ArgumentError for another one.
    """
    x = convert_to_tensor(tensor)
    pair = axis is not None and np.ndim(axis) == 1
    if pair and len(axis) != 2:
        raise ArgumentError(f"[norm] axis must be None, an int or a pair of ints, got {axis}")
    if ord == "euclidean" or (pair and ord == "fro") or (not pair and ord == 2):
        return reduce_euclidean_norm(x, axis, keepdims, name=name)
    return _matrix_norm(x, ord, tuple(axis), keepdims) if pair else _vector_norm(x, ord, axis, keepdims)


def _vector_norm(x: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    if isinstance(order, str) or not order > 0:
        raise ArgumentError(f"[norm] ord must be 'euclidean' or a positive number, got {order!r}")
    if order == math.inf:
        return reduce_max(ops.abs(x), axis, keepdims)
    if order == 1:
        return reduce_sum(ops.abs(x), axis, keepdims)
    return ops.pow(reduce_sum(ops.pow(ops.abs(x), float(order)), axis, keepdims), 1.0 / float(order))


def _matrix_norm(x: Any, order: Any, axis: tuple[int, int], keepdims: bool) -> Any:
    """The largest sum of a column (1) or row (inf), the largest singular value (2)."""
    if order not in (1, 2, math.inf):
        raise ArgumentError(f"[norm] ord must be 'euclidean', 'fro', 1, 2 or inf for matrices, got {order!r}")
    rank = len(x.shape.known_rank())
    rows, columns = (normalize_axes(a, rank, "norm")[0] for a in axis)
    if order == 2:
        others = [i for i in range(rank) if i not in (rows, columns)]
        singular = ops.svd(ops.transpose(x, [*others, rows, columns]), compute_uv=False)
        largest = reduce_max(singular, -1)
        return _put_back(largest, sorted((rows, columns))) if keepdims else largest
    inner, outer = (rows, columns) if order == 1 else (columns, rows)
    return reduce_max(reduce_sum(ops.abs(x), inner, True), (inner, outer), keepdims)


def _put_back(x: Any, axes: list[int]) -> Any:
    for axis in axes:
        x = ops.expand_dims(x, axis)
    return x
