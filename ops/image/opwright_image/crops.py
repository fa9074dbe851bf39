"""crop_and_resize: boxes cut out of images and brought to one size (TensorFlow's; what RoIAlign is made of)."""

from __future__ import annotations

from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError


@export("image.crop_and_resize")
def crop_and_resize(
    image: Any,
    boxes: Any,
    box_indices: Any,
    crop_size: Any,
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
    name: str | None = None,
) -> Any:
    """The boxes [k, (y1, x1, y2, x2)] of images [n, height, width, channels], in the size (height, width).

    Coordinates are shares of the way from the first to the last pixel; box i is cut out of image box_indices[i]. Pixel
    j of m is taken at y1 + j (y2 - y1) / (m - 1) (of one: in the middle), "bilinear" from the four around it or
    "nearest", rounded; outside of the image it is extrapolation_value. The result is float32 (of float64 images
    float64). Its derivatives go to images and boxes (those of "nearest" to images alone). Raises ShapeError where the
    arguments do not fit, ArgumentError for other methods.
    """
    if method not in ("bilinear", "nearest"):
        raise ArgumentError(f"[crop_and_resize] method must be bilinear or nearest, got {method!r}")
    image = convert_to_tensor(image)
    dtype = "float64" if image.dtype == "float64" else "float32"
    boxes, box_indices = (ops.cast(v, to) for v, to in ((boxes, dtype), (box_indices, "int32")))
    _check(image, boxes, box_indices, crop_size)
    height, width = (ops.shape(image)[d] if image.shape.dims is None else _size(image, d) for d in (1, 2))
    crop_height, crop_width = crop_size if isinstance(crop_size, (list, tuple)) else ops.unstack(crop_size, 2)
    y1, x1, y2, x2 = (ops.expand_dims(v, 1) for v in ops.unstack(boxes, 4, 1))
    rows = _Line(y1, y2, height, crop_height, (0, 1, 2, 3))
    columns = _Line(x1, x2, width, crop_width, (0, 2, 1, 3))
    image, inside = ops.cast(image, dtype), ops.logical_and(rows.inside, columns.inside)

    def pixels(y: Any, x: Any) -> Any:
        which = ops.reshape(box_indices, [-1, 1, 1]) + ops.zeros_like(y + x)
        return ops.gather_nd(image, ops.stack([which, y + ops.zeros_like(x), x + ops.zeros_like(y)], 3))

    if method == "nearest":
        found = pixels(rows.nearest, columns.nearest)
    else:
        upper, lower = (
            _between(pixels(y, columns.before), pixels(y, columns.after), columns.share)
            for y in (rows.before, rows.after)
        )
        found = _between(upper, lower, rows.share)
    return ops.where(inside, found, ops.constant(extrapolation_value, dtype), name=name)


class _Line:
    """Where the pixels of the crops' lines lie between those of the images', in one of the two directions."""

    def __init__(self, low: Any, high: Any, size: Any, n: Any, axes: tuple[int, ...]) -> None:
        last, count = ops.cast(ops.subtract(size, 1), low.dtype), ops.cast(n, low.dtype)
        step = (high - low) * last / ops.maximum(count - 1, 1)
        start = ops.where(count > 1, low * last, 0.5 * (low + high) * last)
        at = start + ops.cast(ops.range(n), low.dtype) * step
        at = ops.transpose(ops.reshape(at, [-1, n, 1, 1]), axes)
        self.inside = ops.logical_and(at >= 0, at <= last)  # nan is outside
        at = ops.where(self.inside, at, ops.zeros_like(at))
        before = ops.floor(at)
        self.share = at - before
        self.before, self.after = _whole(before), _whole(ops.ceil(at))
        self.nearest = _whole(ops.floor(at + 0.5))


def _whole(at: Any) -> Any:
    return ops.cast(ops.squeeze(at, [3]), "int32")


def _between(a: Any, b: Any, share: Any) -> Any:
    return a + (b - a) * share


def _size(image: Any, d: int) -> Any:
    return ops.shape(image)[d] if image.shape[d] is None else image.shape[d]


def _check(image: Any, boxes: Any, box_indices: Any, crop_size: Any) -> None:
    """What can be known before anything runs."""
    dims = image.shape.dims
    if dims is not None and (len(dims) != 4 or 0 in dims[1:3]):
        raise ShapeError(f"[crop_and_resize] image must have 4 dimensions and pixels, got shape {image.shape}")
    if not boxes.shape.is_compatible_with([None, 4]):
        raise ShapeError(f"[crop_and_resize] boxes must have the shape (k, 4), got {boxes.shape}")
    count = boxes.shape[0] if boxes.shape.dims is not None else None
    if not box_indices.shape.is_compatible_with([count]):
        raise ShapeError(
            f"[crop_and_resize] box_indices must be one for each of {count} boxes, got {box_indices.shape}"
        )
    if isinstance(crop_size, (list, tuple)):
        if len(crop_size) != 2 or any(isinstance(s, int) and s < 1 for s in crop_size):
            raise ShapeError(f"[crop_and_resize] crop_size must be two positive numbers, got {crop_size}")
