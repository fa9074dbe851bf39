"""Images of other dtypes and colour spaces: conversions, brightness, contrast, hue, saturation, standardisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from opwright import as_dtype, convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError


@export("image.convert_image_dtype")
def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """An image in another dtype, scaled so that the integers' [0, max] corresponds to the floats' [0, 1).

    saturate: clipped to the dtype's limits before the cast.
    """
    image, wanted = convert_to_tensor(image), as_dtype(dtype)
    if image.dtype is wanted:
        return ops.identity(image, name=name)
    cast = ops.saturate_cast if saturate else ops.cast
    if image.dtype.is_integer and wanted.is_integer:
        few, many = int(wanted.max), int(image.dtype.max)
        if few < many:
            return cast(ops.floordiv(image, ops.constant((many + 1) // (few + 1), image.dtype)), wanted, name=name)
        wide = ops.cast(image, wanted)
        return ops.multiply(wide, ops.constant((few + 1) // (many + 1), wanted), name=name)
    if image.dtype.is_integer:
        return ops.multiply(ops.cast(image, wanted), 1 / int(image.dtype.max), name=name)
    if wanted.is_integer:
        return cast(image * (int(wanted.max) + 0.5), wanted, name=name)
    return ops.cast(image, wanted, name=name)


def in_floats(image: Any, function: Callable[[Any], Any], name: str | None = None) -> Any:
    """A function of an image of floats, applied to one of any dtype."""
    image = convert_to_tensor(image)
    wide = image if image.dtype in ("float32", "float64") else convert_image_dtype(image, "float32")
    return convert_image_dtype(function(wide), image.dtype, saturate=True, name=name)


def _like(value: Any, image: Any) -> Any:
    """A number or tensor in the image's dtype."""
    return ops.cast(value, image.dtype) if hasattr(value, "get_shape") else convert_to_tensor(value, image.dtype)


@export("image.adjust_brightness")
def adjust_brightness(image: Any, delta: Any, name: str | None = None) -> Any:
    """delta, a part of the range [0, 1], added to every element."""
    return in_floats(image, lambda x: x + _like(delta, x), name)


@export("image.adjust_contrast")
def adjust_contrast(images: Any, contrast_factor: Any, name: str | None = None) -> Any:
    """(x - mean) contrast_factor + mean, the mean that of each channel of each image."""

    def function(x: Any) -> Any:
        mean = ops.reduce_mean(x, axis=[-3, -2], keepdims=True)
        return (x - mean) * _like(contrast_factor, x) + mean

    return in_floats(images, function, name)


@export("image.adjust_gamma")
def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1, name: str | None = None) -> Any:
    """gain x^gamma."""
    if isinstance(gamma, (int, float)) and gamma < 0:
        raise ArgumentError(f"[adjust_gamma] gamma must not be negative, got {gamma}")
    return in_floats(image, lambda x: gain * ops.pow(x, _like(gamma, x)), name)


@export("image.adjust_hue")
def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """The hue of RGB images turned by delta, a part of the circle in [-1, 1]."""

    def function(x: Any) -> Any:
        h, s, v = ops.unstack(rgb_to_hsv(x), 3, axis=-1)
        turned = ops.floormod(h + _like(delta, x), ops.constant(1, x.dtype))
        return hsv_to_rgb(ops.stack([turned, s, v], axis=-1))

    return in_floats(image, function, name)


@export("image.adjust_saturation")
def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """The saturation of RGB images multiplied by the factor and clipped to [0, 1]."""

    def function(x: Any) -> Any:
        h, s, v = ops.unstack(rgb_to_hsv(x), 3, axis=-1)
        factor = _like(saturation_factor, x)
        return hsv_to_rgb(ops.stack([h, ops.clip_by_value(s * factor, 0, 1), v], axis=-1))

    return in_floats(image, function, name)


def _channels(op: str, images: Any) -> tuple[Any, Any, Any]:
    images = convert_to_tensor(images)
    dims = images.shape.known_rank()
    if not dims or dims[-1] not in (None, 3):
        raise ShapeError(f"[{op}] images must have 3 channels, got shape {images.shape}")
    first, second, third = ops.unstack(images, 3, axis=-1)
    return first, second, third


@export("image.rgb_to_hsv")
def rgb_to_hsv(images: Any, name: str | None = None) -> Any:
    """Hue, saturation and value, all in [0, 1], of RGB in [0, 1] (Smith, 1978). Grey has hue 0, black saturation 0."""
    r, g, b = _channels("rgb_to_hsv", images)
    v, low = ops.maximum(ops.maximum(r, g), b), ops.minimum(ops.minimum(r, g), b)
    c, zero, one = v - low, ops.zeros_like(v), ops.ones_like(v)
    colored, sixth = ops.greater(c, zero), 1 / (6 * ops.where(ops.greater(c, zero), c, one))
    by_red, by_green, by_blue = (g - b) * sixth, (b - r) * sixth + 2 / 6, (r - g) * sixth + 4 / 6
    h = ops.where(ops.equal(r, v), by_red, ops.where(ops.equal(g, v), by_green, by_blue))
    h = ops.where(colored, ops.where(ops.less(h, zero), h + 1, h), zero)
    bright = ops.greater(v, zero)
    s = ops.where(bright, c / ops.where(bright, v, one), zero)
    return ops.stack([h, s, v], axis=-1, name=name or "rgb_to_hsv")


@export("image.hsv_to_rgb")
def hsv_to_rgb(images: Any, name: str | None = None) -> Any:
    """RGB of hue, saturation and value in [0, 1]."""
    h, s, v = _channels("hsv_to_rgb", images)
    ramps = ops.abs(h * 6 - 3) - 1, 2 - ops.abs(h * 6 - 2), 2 - ops.abs(h * 6 - 4)
    rgb = [(1 - s + s * ops.clip_by_value(ramp, 0, 1)) * v for ramp in ramps]
    return ops.stack(rgb, axis=-1, name=name or "hsv_to_rgb")


@export("image.rgb_to_grayscale")
def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """0.2989 R + 0.587 G + 0.114 B (the luma of ITU-R BT.601), in one channel."""
    images = convert_to_tensor(images)
    _channels("rgb_to_grayscale", images)

    def function(x: Any) -> Any:
        return ops.reduce_sum(x * ops.constant([0.2989, 0.587, 0.114], x.dtype), axis=-1, keepdims=True)

    return in_floats(images, function, name)


@export("image.grayscale_to_rgb")
def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """The one channel three times."""
    images = convert_to_tensor(images)
    dims = images.shape.known_rank()
    if not dims or dims[-1] not in (None, 1):
        raise ShapeError(f"[grayscale_to_rgb] images must have 1 channel, got shape {images.shape}")
    return ops.concat([images] * 3, axis=-1, name=name or "grayscale_to_rgb")


@export("image.per_image_standardization", "image.per_image_whitening")
def per_image_standardization(image: Any, name: str | None = None) -> Any:
    """(x - mean) / max(deviation, 1 / sqrt(elements)), the moments those of each image, as float32 (or float64)."""
    image = convert_to_tensor(image)
    x = image if image.dtype in ("float32", "float64") else ops.cast(image, "float32")
    mean, variance = ops.nn.moments(x, [-3, -2, -1], keepdims=True)
    dims = image.shape.known_rank()[-3:]
    n = math.prod(dims) if None not in dims else ops.cast(ops.reduced_size(x, [-3, -2, -1]), x.dtype)
    least = 1 / math.sqrt(max(n, 1)) if isinstance(n, int) else ops.rsqrt(n)
    return ops.divide(x - mean, ops.maximum(ops.sqrt(variance), least), name=name)
