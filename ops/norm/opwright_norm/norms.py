"""nn.fused_batch_norm, nn.layer_norm, nn.group_norm, nn.instance_norm."""

from __future__ import annotations

import math
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError
from opwright.shapes import normalize_axis

from opwright_norm.batch_norm import batch_normalize, channel_moments
from opwright_norm.layer_norm import layer_norm as layer_norm_op


def _channels_first(op: str, data_format: str) -> bool:
    if data_format in ("NC", "NWC", "NHWC", "NDHWC"):
        return False
    if data_format in ("NCW", "NCHW", "NCDHW"):
        return True
    raise ArgumentError(f"[{op}] data_format must be N...C or NC..., got {data_format!r}")


@export("nn.fused_batch_norm")
def fused_batch_norm(
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any = None,
    variance: Any = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    name: str | None = None,
    exponential_avg_factor: float = 1.0,
) -> tuple[Any, Any, Any]:
    """Batch normalisation: y, mean and variance of each channel.

    In training x is normalised by the moments of the batch, and what comes back are these, the variance with Bessel's
    correction n / (n - 1); with an `exponential_avg_factor` f other than 1 they are mixed into the moving statistics
    given: (1 - f) mean + f batch_mean. Otherwise x is normalised by the mean and variance given, which come back.
    Statistics of 16-bit x, scale and offset are float32. Raises ShapeError where they do not fit x's channels,
    ArgumentError if statistics are missing.
    """
    x = convert_to_tensor(x)
    first, wide = _channels_first("fused_batch_norm", data_format), "float32" if x.dtype.size == 2 else x.dtype
    scale, offset = (convert_to_tensor(v, None if hasattr(v, "dtype") else wide) for v in (scale, offset))
    averaged = is_training and exponential_avg_factor != 1.0
    if (averaged or not is_training) and (mean is None or variance is None):
        raise ArgumentError("[fused_batch_norm] mean and variance must be given, got None; they are the moving ones")
    if not is_training:
        mean, variance = (convert_to_tensor(v, scale.dtype) for v in (mean, variance))
        return batch_normalize(x, mean, variance, scale, offset, epsilon, first, name=name), mean, variance
    batch_mean, batch_variance = channel_moments(x, first, scale.dtype)
    y = batch_normalize(x, batch_mean, batch_variance, scale, offset, epsilon, first, name=name)
    n = _elements_of_a_channel(x, first, scale.dtype)
    batch_variance = batch_variance * (n / ops.maximum(n - 1, 1))
    if averaged:
        batch_mean = mean * (1 - exponential_avg_factor) + batch_mean * exponential_avg_factor
        batch_variance = variance * (1 - exponential_avg_factor) + batch_variance * exponential_avg_factor
    return y, batch_mean, batch_variance


def _elements_of_a_channel(x: Any, first: bool, dtype: Any) -> Any:
    rank = len(x.shape.known_rank())
    return ops.cast(ops.reduced_size(x, [d for d in range(rank) if d != (1 if first else rank - 1)]), dtype)


@export("nn.layer_norm")
def layer_norm(
    inputs: Any,
    scale: Any = None,
    offset: Any = None,
    begin_norm_axis: int = -1,
    epsilon: float = 1e-12,
    name: str | None = None,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) scale + offset, with moments over the dimensions from begin_norm_axis on.

    scale and offset (None: 1 and 0) broadcast to these dimensions.
    """
    x = convert_to_tensor(inputs)
    rank = len(x.shape.known_rank())
    at = normalize_axis(begin_norm_axis, rank, "layer_norm")
    sizes = [_size(x, d) for d in range(at, rank)]
    scale, offset = _row(scale, 1, sizes, x), _row(offset, 0, sizes, x)
    if at == rank - 1:
        return layer_norm_op(x, scale, offset, epsilon, name=name)
    rows = ops.reshape(x, [-1, math.prod(sizes)])
    return ops.identity(ops.reshape_like(layer_norm_op(rows, scale, offset, epsilon), x), name=name)


def _size(x: Any, d: int) -> Any:
    """A dimension: an int, or a tensor where it is not known yet."""
    return ops.shape(x)[d] if x.shape[d] is None else x.shape[d]


def _row(value: Any, default: float, sizes: list[Any], x: Any) -> Any:
    """A parameter for each element of a row."""
    if value is None:
        return ops.fill([math.prod(sizes)], ops.constant(default, x.dtype))
    value = convert_to_tensor(value, x.dtype)
    return value if value.shape.rank == len(sizes) == 1 else ops.reshape(ops.broadcast_to(value, sizes), [-1])


@export("nn.group_norm")
def group_norm(
    inputs: Any,
    groups: int = 32,
    scale: Any = None,
    offset: Any = None,
    epsilon: float = 1e-6,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Any:
    """Each image normalised by the moments of `groups` groups of its channels, then scaled and shifted by channel.

    (Wu and He, 2018.) Raises ShapeError unless groups divides the channels.
    """
    x = convert_to_tensor(inputs)
    first, rank = _channels_first("group_norm", data_format), len(x.shape.known_rank())
    batch, channels = _size(x, 0), _size(x, 1 if first else rank - 1)
    if isinstance(channels, int) and channels % groups:
        raise ShapeError(f"[group_norm] channels must be a multiple of groups = {groups}, got {channels}")
    each = channels // groups
    shape, axes = ([batch, groups, each, -1], [2, 3]) if first else ([batch, -1, groups, each], [1, 3])
    cells = ops.reshape(x, shape)
    mean, variance = ops.nn.moments(cells, axes, keepdims=True)
    y = ops.reshape_like((cells - mean) * ops.rsqrt(variance + epsilon), x)
    for apply, v in ((ops.multiply, scale), (ops.add, offset)):
        if v is not None:
            v = convert_to_tensor(v, x.dtype)
            y = apply(y, ops.reshape(v, [-1] + [1] * (rank - 2)) if first else v)
    return ops.identity(y, name=name)


@export("nn.instance_norm")
def instance_norm(
    inputs: Any,
    scale: Any = None,
    offset: Any = None,
    epsilon: float = 1e-6,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Any:
    """Each channel of each image normalised by its own moments, then scaled and shifted (Ulyanov et al., 2016)."""
    x = convert_to_tensor(inputs)
    channels = x.shape.known_rank()[1 if _channels_first("instance_norm", data_format) else -1]
    if channels is None:
        raise ShapeError("[instance_norm] channels must be known when the graph is built, got None; give x a shape")
    return group_norm(x, channels, scale, offset, epsilon, data_format, name)
