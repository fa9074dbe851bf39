"""What batch normalisation is made of: moments of each channel, the normalisation by them, sums for its gradient."""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes, ops

# U is the dtype of statistics and parameters: float32 where T is a 16-bit float, else T.
channel_moments = OpDef(
    "channel_moments(x: T, channels_first: bool, dtype: dtype) -> (mean: dtype['c'], variance: dtype['c'])",
    T=dtypes.floats,
)
channel_sums = OpDef(
    "channel_sums(dy: T['*s'], x: T['*s'], mean: U['c'], channels_first: bool) -> (sum: U['c'], product: U['c'])",
    T=dtypes.floats,
    U=dtypes.wide_floats,
)
batch_normalize = OpDef(
    "batch_normalize(x: T, mean: U['c'], variance: U['c'], scale: U['c'], offset: U['c'], epsilon: float,"
    " channels_first: bool) -> (y: T)",
    T=dtypes.floats,
    U=dtypes.wide_floats,
)

# In one op, because it is the epilogue of convolutions: a third of the passes over blocks in cache.
centered_scale = OpDef(
    "centered_scale(x: T['...'], center: T['...'], factor: T['...'], offset: T['...']) -> (y: T['...'])",
    T=dtypes.floats,
)


@centered_scale.gradient
def _scale_gradient(node, dy):
    x, center, factor, offset = node.inputs
    dx = dy * factor
    by = (dx, -dx, dy * (x - center), dy)
    return tuple(ops.sum_like(d, v) for d, v in zip(by, (x, center, factor, offset), strict=True))


def _channels(c, name):
    """The channels of x, if they are known."""
    dims = c.shape(name).dims
    if dims is None:
        return None
    c.require(len(dims) >= 2, f"{name} must have at least 2 dimensions", f"shape {c.shape(name)}")
    return dims[1 if c.attr.channels_first else -1]


@channel_moments.shape
def _moments_shape(c):
    return [Shape([_channels(c, "x")])] * 2


@channel_sums.shape
def _sums_shape(c):
    channels, given = _channels(c, "x"), c.shape("mean")
    c.require(given.is_compatible_with([channels]), f"mean must have x's {channels} channels", given)
    return [given.merge([channels])] * 2


@batch_normalize.shape
def _normalize_shape(c):
    channels = _channels(c, "x")
    for name in ("mean", "variance", "scale", "offset"):
        given = c.shape(name)
        c.require(given.is_compatible_with([channels]), f"{name} must have x's {channels} channels", given)
    return c.shape("x")


def _aligned(v, x, channels_first):
    """A vector of the channels in a shape that broadcasts against x."""
    return ops.reshape(v, [-1] + [1] * (len(x.shape.known_rank()) - 2)) if channels_first else v


def _as(x, like):
    """x in the dtype of `like`."""
    return x if x.dtype is like.dtype else ops.cast(x, like.dtype)


@batch_normalize.ref
def _normalize(x, mean, variance, scale, offset, epsilon, channels_first):
    wide = _as(x, mean)
    factor = _aligned(scale * ops.rsqrt(variance + epsilon), wide, channels_first)
    mean, offset = (_aligned(v, wide, channels_first) for v in (mean, offset))
    return _as(centered_scale(wide, mean, factor, offset), x)


@batch_normalize.gradient
def _normalize_gradient(node, dy):
    x, mean, scale, first = (*map(node.input, ("x", "mean", "scale")), node.attr.channels_first)
    inverse = ops.rsqrt(node.input("variance") + node.attr.epsilon)
    total, product = channel_sums(dy, x, mean, first)
    factor = scale * inverse
    wide = _as(dy, mean)
    dx = _as(wide * _aligned(factor, wide, first), x)
    by_variance = -0.5 * factor * ops.square(inverse) * product
    return dx, -factor * total, by_variance, inverse * product, total


@channel_moments.gradient
def _moments_gradient(node, dmean, dvariance):
    # variance = mean((x - mean)^2), whose derivative by the mean is 0.
    x, mean, first = node.input("x"), node.output("mean"), node.attr.channels_first
    rank = len(x.shape.known_rank())
    axes = [d for d in range(rank) if d != (1 if first else rank - 1)]
    wide = _as(x, mean)
    each = 1 / ops.cast(ops.reduced_size(x, axes), mean.dtype)
    dmean, dvariance, mean = (_aligned(v, wide, first) for v in (dmean * each, 2 * dvariance * each, mean))
    return _as(dmean + dvariance * (wide - mean), x)


@channel_sums.gradient
def _sums_gradient(node, dsum, dproduct):
    dy, x, mean, first = (*map(node.input, ("dy", "x", "mean")), node.attr.channels_first)
    wide, slope = _as(x, mean), _as(dy, mean)
    centered = wide - _aligned(mean, wide, first)
    to_sum, to_product = _aligned(dsum, wide, first), _aligned(dproduct, wide, first)
    return _as(to_sum + to_product * centered, x), _as(to_product * slope, x), -dproduct * node.output("sum")
