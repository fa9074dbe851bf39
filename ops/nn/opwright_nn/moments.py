"""Means and variances, and what normalizes by them."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.errors import ArgumentError
from opwright.shapes import normalize_axes

moments_op = OpDef("moments(x: T, axes: ints, keepdims: bool = False) -> (mean: T, variance: T)", T=dtypes.floats)


@moments_op.shape
def _moments_shape(c):
    shape = c.shape("x")
    if shape.dims is None:
        return shape, shape
    axes = normalize_axes(c.attr.axes, len(shape), "moments")
    kept = Shape(1 if i in axes else d for i, d in enumerate(shape) if c.attr.keepdims or i not in axes)
    return kept, kept


@moments_op.ref
def _moments_ref(x, axes, keepdims):
    wide = _wide(x)
    mean = ops.reduce_mean(wide, axis=axes, keepdims=True)
    variance = ops.reduce_mean(ops.square(wide - mean), axis=axes, keepdims=keepdims)
    return _as(ops.reshape_like(mean, variance), x.dtype), _as(variance, x.dtype)


@moments_op.gradient
def _moments_gradient(node, dmean, dvariance):
    # variance = mean((x - mean)^2), whose derivative by the mean is 0.
    x, mean, axes, keepdims = node.input("x"), node.output("mean"), node.attr.axes, node.attr.keepdims
    each = 1 / ops.cast(ops.reduced_size(x, axes), x.dtype)
    dmean, dvariance, mean = (
        ops.broadcast_reduced(t, x, axes, keepdims) for t in (dmean * each, dvariance * each, mean)
    )
    return dmean + 2 * dvariance * (x - mean)


def _wide(x: Any) -> Any:
    return ops.cast(x, "float32") if x.dtype.size == 2 else x


def _as(x: Any, dtype: Any) -> Any:
    return x if x.dtype is dtype else ops.cast(x, dtype)


def _axes(axes: Any) -> tuple[int, ...]:
    known = axes.static_value() if hasattr(axes, "static_value") else axes
    if known is None:
        raise ArgumentError(f"[moments] axes must be known when the graph is built, got {axes}")
    return tuple(int(a) for a in np.ravel(known))


@export("nn.moments")
def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = "moments") -> list[Any]:
    """The mean and the variance (not corrected for bias) of x along `axes`. 16-bit floats are computed in float32.

    `shift` is there for TensorFlow's sake and not used. Raises ShapeError on bad axes.
    """
    return moments_op(x, _axes(axes), keepdims, name=name)


@export("nn.weighted_moments")
def weighted_moments(
    x: Any, axes: Any, frequency_weights: Any, keepdims: bool = False, name: str | None = "weighted_moments"
) -> list[Any]:
    """The mean and the variance of x along `axes`, each element counted as often as its weight says."""
    x, axes = convert_to_tensor(x), _axes(axes)
    wide = _wide(x)
    weights = (
        frequency_weights
        if hasattr(frequency_weights, "get_shape")
        else convert_to_tensor(frequency_weights, wide.dtype)
    )
    weights = _as(weights, wide.dtype) + ops.zeros_like(wide)
    total = ops.reduce_sum(weights, axis=axes, keepdims=True)
    mean = ops.reduce_sum(weights * wide, axis=axes, keepdims=True) / total
    variance = ops.reduce_sum(weights * ops.square(wide - mean), axis=axes, keepdims=True) / total
    found = [mean, variance] if keepdims else [ops.squeeze(m, axes) for m in (mean, variance)]
    return [_as(m, x.dtype) for m in found]


@export("nn.sufficient_statistics")
def sufficient_statistics(
    x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = "sufficient_statistics"
) -> tuple[Any, Any, Any, Any]:
    """What normalize_moments makes moments of: the number of elements along `axes`, the sum of x - shift, the sum of
    (x - shift)², and the shift."""
    x, axes = convert_to_tensor(x), _axes(axes)
    counts = ops.cast(ops.reduced_size(x, axes), x.dtype)
    centered = x if shift is None else x - shift
    sums = ops.reduce_sum(centered, axis=axes, keepdims=keepdims)
    squares = ops.reduce_sum(ops.square(centered), axis=axes, keepdims=keepdims)
    return counts, sums, squares, shift


@export("nn.normalize_moments")
def normalize_moments(
    counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = "normalize_moments"
) -> tuple[Any, Any]:
    """The mean and the variance from sufficient statistics."""
    mean_ss = convert_to_tensor(mean_ss)
    shifted_mean = mean_ss / counts
    variance = variance_ss / counts - ops.square(shifted_mean)
    return shifted_mean if shift is None else shifted_mean + shift, variance


@export("nn.batch_normalization")
def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: str | None = "batchnorm"
) -> Any:
    """(x - mean) scale / sqrt(variance + variance_epsilon) + offset. scale and offset may be None."""
    x = convert_to_tensor(x)
    factor = ops.rsqrt(convert_to_tensor(variance, None if hasattr(variance, "dtype") else x.dtype) + variance_epsilon)
    if scale is not None:
        factor = factor * scale
    return ops.add(x * factor, -mean * factor if offset is None else offset - mean * factor, name=name)


@export("nn.batch_norm_with_global_normalization")
def batch_norm_with_global_normalization(
    input: Any,
    mean: Any,
    variance: Any,
    beta: Any,
    gamma: Any,
    variance_epsilon: float,
    scale_after_normalization: bool,
    name: str | None = "batch_norm_with_global_normalization",
) -> Any:
    """batch_normalization with offset beta, and scale gamma if `scale_after_normalization`."""
    scale = gamma if scale_after_normalization else None
    return batch_normalization(input, mean, variance, beta, scale, variance_epsilon, name=name)


@export("nn.zero_fraction", "math.zero_fraction")
def zero_fraction(value: Any, name: str | None = "zero_fraction") -> Any:
    """The fraction of elements that are 0, as float32; nan if there are none."""
    value = convert_to_tensor(value)
    zeros = ops.reduce_sum(ops.cast(ops.equal(value, ops.zeros_like(value)), "int64"))
    fraction = ops.cast(zeros, "float64") / ops.cast(ops.size(value, "int64"), "float64")
    return ops.cast(fraction, "float32", name=name)
