"""Crops, paddings, flips and turns of images."""

from __future__ import annotations

from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError

from opwright_image.resize import batched


def _sizes(op: str, batch: Any) -> tuple[Any, Any]:
    """Height and width: ints, or tensors where they are not known."""
    dims = batch.shape.dims
    if dims is not None and len(dims) != 4:
        raise ShapeError(f"[{op}] images must have 3 or 4 dimensions, got shape {batch.shape}")
    found = [ops.shape(batch)[d] if dims is None or dims[d] is None else dims[d] for d in (1, 2)]
    return found[0], found[1]


def _require(op: str, ok: Any, requirement: str, got: Any) -> None:
    """Raises ShapeError where what is asked for is known not to be so."""
    if ok is False:
        raise ShapeError(f"[{op}] {requirement}, got {got}")


def _less(a: Any, b: Any) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a < b


@export("image.crop_to_bounding_box")
def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any, name: str | None = None
) -> Any:
    """The box of an image, or of each image of a batch, whose upper left corner is at the offsets.

    Raises ShapeError where it is not inside.
    """

    def function(batch: Any) -> Any:
        height, width = _sizes("crop_to_bounding_box", batch)
        for what, offset, target, size in (
            ("height", offset_height, target_height, height),
            ("width", offset_width, target_width, width),
        ):
            where = f"offset_{what} and target_{what} must describe a box inside the {what} {size}"
            inside = not (_less(offset, 0) or _less(target, 1) or _less(size, offset + target))
            _require("crop_to_bounding_box", inside, where, f"{offset} and {target}")
        rows = slice(offset_height, offset_height + target_height)
        return batch[:, rows, offset_width : offset_width + target_width]

    return batched("crop_to_bounding_box", image, function, name)


@export("image.pad_to_bounding_box")
def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any, name: str | None = None
) -> Any:
    """An image, or each image of a batch, at the offsets in one of zeros. Raises ShapeError where it does not fit."""

    def function(batch: Any) -> Any:
        height, width = _sizes("pad_to_bounding_box", batch)
        after = target_height - offset_height - height, target_width - offset_width - width
        fits = not any(_less(p, 0) for p in (offset_height, offset_width, *after))
        whole = f"the image of {height} x {width} must fit into {target_height} x {target_width}"
        _require("pad_to_bounding_box", fits, whole, f"offsets {offset_height} and {offset_width}")
        return ops.pad(batch, [[0, 0], [offset_height, after[0]], [offset_width, after[1]], [0, 0]])

    return batched("pad_to_bounding_box", image, function, name)


@export("image.resize_with_crop_or_pad", "image.resize_image_with_crop_or_pad")
def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any, name: str | None = None) -> Any:
    """An image, or each image of a batch, cut off or padded with zeros on both sides, centered, to the size."""

    def function(batch: Any) -> Any:
        targets = target_height, target_width
        for what, target in zip(("height", "width"), targets, strict=True):
            _require("resize_with_crop_or_pad", not _less(target, 1), f"target_{what} must be positive", target)
        for axis, (size, target) in enumerate(zip(_sizes("resize_with_crop_or_pad", batch), targets, strict=True), 1):
            batch = _centered(batch, axis, size, target)
        return batch

    return batched("resize_with_crop_or_pad", image, function, name)


def _centered(batch: Any, axis: int, size: Any, target: Any) -> Any:
    """One dimension cut or padded."""
    if isinstance(size, int) and isinstance(target, int):
        cut, before = max(size - target, 0), max(target - size, 0) // 2
        after = max(target - size, 0) - before
    else:
        cut, lacking = ops.maximum(size - target, 0), ops.maximum(target - size, 0)
        before = lacking // 2
        after = lacking - before
    key = [slice(None)] * 4
    key[axis] = slice(cut // 2, cut // 2 + target)
    pads = [[0, 0] for _ in range(4)]
    pads[axis] = [before, after]
    return ops.pad(batch[tuple(key)], pads)


@export("image.central_crop")
def central_crop(image: Any, central_fraction: float, name: str | None = None) -> Any:
    """The middle of an image, or of each image of a batch: this fraction of height and width, in (0, 1]."""
    if not 0 < central_fraction <= 1:
        raise ArgumentError(f"[central_crop] central_fraction must lie in (0, 1], got {central_fraction}")

    def function(batch: Any) -> Any:
        key: list[Any] = [slice(None)]
        for size in _sizes("central_crop", batch):
            if isinstance(size, int):
                start = int((size - size * central_fraction) / 2)
            else:
                wide = ops.cast(size, "float64")
                start = ops.cast((wide - wide * central_fraction) / 2, "int32")
            key.append(slice(start, size - start))
        return batch[tuple(key)]

    return batched("central_crop", image, function, name)


@export("image.flip_left_right")
def flip_left_right(image: Any, name: str | None = None) -> Any:
    """An image, or each image of a batch, with left and right changed round."""
    return batched("flip_left_right", image, lambda batch: ops.reverse(batch, [2]), name)


@export("image.flip_up_down")
def flip_up_down(image: Any, name: str | None = None) -> Any:
    """An image, or each image of a batch, upside down."""
    return batched("flip_up_down", image, lambda batch: ops.reverse(batch, [1]), name)


@export("image.transpose", "image.transpose_image")
def transpose(image: Any, name: str | None = None) -> Any:
    """An image, or each image of a batch, with rows and columns changed round."""
    return batched("transpose", image, lambda batch: ops.transpose(batch, [0, 2, 1, 3]), name)


@export("image.rot90")
def rot90(image: Any, k: int = 1, name: str | None = None) -> Any:
    """An image, or each image of a batch, turned counter-clockwise k times by 90 degrees."""

    def function(batch: Any) -> Any:
        if k % 4 == 2:
            return ops.reverse(batch, [1, 2])
        turned = ops.transpose(batch, [0, 2, 1, 3])
        return batch if k % 4 == 0 else ops.reverse(turned, [1 if k % 4 == 1 else 2])

    return batched("rot90", image, function, name)


@export("image.total_variation")
def total_variation(images: Any, name: str | None = None) -> Any:
    """The sum of the absolute differences of neighbouring pixels: of an image, or for each image of a batch."""
    images = convert_to_tensor(images)
    rank = len(images.shape.known_rank())
    if rank not in (3, 4):
        raise ShapeError(f"[total_variation] images must have 3 or 4 dimensions, got shape {images.shape}")
    axes = list(range(rank - 3, rank))
    down, right = images[..., 1:, :, :] - images[..., :-1, :, :], images[..., :, 1:, :] - images[..., :, :-1, :]
    return ops.add(ops.reduce_sum(ops.abs(down), axes), ops.reduce_sum(ops.abs(right), axes), name=name)
