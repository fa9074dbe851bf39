"""Random crops, flips and colours, by the seeds of the random family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError

from opwright_image import colors, frames


@export("random_crop", "image.random_crop")
def random_crop(value: Any, size: Any, seed: int | None = None, name: str | None = None) -> Any:
    """A part of the tensor of the given size, from a place drawn evenly. Raises ShapeError where it is too small."""
    value = convert_to_tensor(value)
    size = [int(s) for s in size]
    dims = value.shape.dims
    if dims is not None and len(dims) != len(size):
        raise ShapeError(f"[random_crop] size must have {len(dims)} elements, got {size}")
    if dims is not None and any(d is not None and d < s for d, s in zip(dims, size, strict=True)):
        raise ShapeError(f"[random_crop] size must fit into shape {value.shape}, got {size}")
    room = ops.shape(value) - size + 1
    draws = ops.random_uniform([len(size)], dtype="float64", seed=seed)
    begin = ops.cast(ops.floor(draws * ops.cast(room, "float64")), "int32")
    return ops.identity(ops.slice(value, begin, size), name=name)


def _flipped(op: str, image: Any, flip: Callable[[Any], Any], seed: int | None, name: str | None) -> Any:
    """Each image flipped with probability one half."""
    image = convert_to_tensor(image)
    dims = image.shape.known_rank()
    if len(dims) not in (3, 4):
        raise ShapeError(f"[{op}] images must have 3 or 4 dimensions, got shape {image.shape}")
    shape = [1, 1, 1] if len(dims) == 3 else [ops.shape(image)[0] if dims[0] is None else dims[0], 1, 1, 1]
    heads = ops.less(ops.random_uniform(shape, seed=seed), 0.5)
    return ops.where_v2(heads, flip(image), image, name=name)


@export("image.random_flip_left_right")
def random_flip_left_right(image: Any, seed: int | None = None, name: str | None = None) -> Any:
    """An image, or each image of a batch on its own, flipped left to right with probability one half."""
    return _flipped("random_flip_left_right", image, frames.flip_left_right, seed, name)


@export("image.random_flip_up_down")
def random_flip_up_down(image: Any, seed: int | None = None, name: str | None = None) -> Any:
    """An image, or each image of a batch on its own, turned upside down with probability one half."""
    return _flipped("random_flip_up_down", image, frames.flip_up_down, seed, name)


def _drawn(op: str, lower: float, upper: float, seed: int | None) -> Any:
    if not lower < upper:
        raise ArgumentError(f"[{op}] upper must exceed lower, got {lower} and {upper}")
    return ops.random_uniform([], lower, upper, seed=seed)


@export("image.random_brightness")
def random_brightness(image: Any, max_delta: float, seed: int | None = None, name: str | None = None) -> Any:
    """adjust_brightness by a delta drawn evenly from [-max_delta, max_delta)."""
    if max_delta < 0:
        raise ArgumentError(f"[random_brightness] max_delta must not be negative, got {max_delta}")
    return colors.adjust_brightness(image, ops.random_uniform([], -max_delta, max_delta, seed=seed), name)


@export("image.random_contrast")
def random_contrast(image: Any, lower: float, upper: float, seed: int | None = None, name: str | None = None) -> Any:
    """adjust_contrast by a factor drawn evenly from [lower, upper)."""
    if lower < 0:
        raise ArgumentError(f"[random_contrast] lower must not be negative, got {lower}")
    return colors.adjust_contrast(image, _drawn("random_contrast", lower, upper, seed), name)


@export("image.random_saturation")
def random_saturation(image: Any, lower: float, upper: float, seed: int | None = None, name: str | None = None) -> Any:
    """adjust_saturation by a factor drawn evenly from [lower, upper)."""
    if lower < 0:
        raise ArgumentError(f"[random_saturation] lower must not be negative, got {lower}")
    return colors.adjust_saturation(image, _drawn("random_saturation", lower, upper, seed), name)


@export("image.random_hue")
def random_hue(image: Any, max_delta: float, seed: int | None = None, name: str | None = None) -> Any:
    """adjust_hue by a delta drawn evenly from [-max_delta, max_delta), max_delta in [0, 0.5]."""
    if not 0 <= max_delta <= 0.5:
        raise ArgumentError(f"[random_hue] max_delta must lie in [0, 0.5], got {max_delta}")
    return colors.adjust_hue(image, ops.random_uniform([], -max_delta, max_delta, seed=seed), name)
