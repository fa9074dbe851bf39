"""image.resize and its kin, by TensorFlow 1's and 2's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError

from opwright_image.resample import METHODS, resample, resize_nearest_neighbor


@export("image.ResizeMethod")
class ResizeMethod:
    """The names of the methods of image.resize."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


def batched(op: str, image: Any, function: Callable[[Any], Any], name: str | None = None) -> Any:
    """A function of batches of images applied to one or to a batch."""
    image = convert_to_tensor(image)
    rank = image.shape.rank
    if rank not in (None, 3, 4):
        raise ShapeError(f"[{op}] images must have 3 or 4 dimensions, got shape {image.shape}")
    if rank != 3:
        return ops.identity(function(image), name=name)
    return ops.squeeze(function(ops.expand_dims(image, 0)), [0], name=name)


def resized(
    images: Any, size: Any, method: str, align: bool = False, half: bool = False, antialias: bool = False
) -> Any:
    """A batch in another size, in float32; float64 stays float64, and "nearest" keeps any dtype."""
    if method == "nearest":
        return resize_nearest_neighbor(images, size, align, half)
    images = convert_to_tensor(images)
    dtype = "float64" if images.dtype == "float64" else "float32"
    return resample(images, size, method, align, half, antialias, dtype)


@export("image.resize")
def resize(
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
) -> Any:
    """An image [height, width, channels], or a batch of them, in the size (height, width), pixels being squares.

    method: one of ResizeMethod; antialias widens its kernel where images shrink ("area" and "nearest" have none). The
    result is float32 (of float64 images float64, of "nearest" the images' dtype). preserve_aspect_ratio: the largest
    images of the old proportions that fit. Raises ArgumentError for other methods.
    """
    if method not in (*METHODS, "nearest"):
        raise ArgumentError(f"[resize] method must be one of {', '.join((*METHODS, 'nearest'))}, got {method!r}")

    def function(batch: Any) -> Any:
        wanted = _fitting(batch, size) if preserve_aspect_ratio else size
        return resized(batch, wanted, method, half=method != "area", antialias=antialias and method != "area")

    return batched("resize", images, function, name)


def _fitting(batch: Any, size: Any) -> list[int]:
    """The size of the largest images of the batch's proportions that fit into `size`."""
    known = batch.shape.known_rank()[1:3]
    if None in known:
        raise ShapeError(f"[resize] images must have a known size for preserve_aspect_ratio, got shape {batch.shape}")
    scale = min(s / k for s, k in zip([int(s) for s in size], known, strict=True))
    return [max(1, round(k * scale)) for k in known]


def _legacy(method: str) -> Callable[..., Any]:
    def function(
        images: Any, size: Any, align_corners: bool = False, half_pixel_centers: bool = False, name: str | None = None
    ) -> Any:
        made = resized(images, size, method, align_corners, half_pixel_centers)
        return made if name is None else ops.identity(made, name=name)

    function.__doc__ = f"A batch of images in another size, {method}, with TensorFlow 1's choices of where pixels lie."
    function.__name__ = f"resize_{method}"
    return function


resize_bilinear = export("image.resize_bilinear")(_legacy("bilinear"))
resize_bicubic = export("image.resize_bicubic")(_legacy("bicubic"))
resize_nearest = export("image.resize_nearest_neighbor")(_legacy("nearest"))


@export("image.resize_area")
def resize_area(images: Any, size: Any, align_corners: bool = False, name: str | None = None) -> Any:
    """A batch of images in another size, each pixel the mean of the area it covers."""
    return ops.identity(resized(images, size, "area", align_corners), name=name)
