"""Functions of images whose names or arguments have changed since TensorFlow 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import convert_to_tensor, ops


class ResizeMethod:
    """The numbers of the methods of tf.image.resize_images."""

    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


_METHODS = {0: "bilinear", 1: "nearest_neighbor", "nearest": "nearest_neighbor", 2: "bicubic", 3: "area"}
_OLD = ("new_height", "new_width", "method", "align_corners")
_NEW = ("size", "method", "align_corners", "name")


def resize_images(images: Any, *args: Any, **kwargs: Any) -> Any:
    """Images in another size, with TensorFlow 1's choices of where pixels lie.

    (images, size, method=0, align_corners=False, name=None) or, as before r1.0, (images, new_height, new_width,
    method=0, align_corners=False).
    """
    old = "new_height" in kwargs or (len(args) > 0 and np.ndim(args[0]) == 0 and not hasattr(args[0], "get_shape"))
    given = dict(zip(_OLD if old else _NEW, args, strict=False)) | kwargs
    size = [given.pop("new_height"), given.pop("new_width")] if old else given.pop("size")
    return _resized(convert_to_tensor(images), size, **given)


def _resized(images: Any, size: Any, method: Any = 0, align_corners: bool = False, name: str | None = None) -> Any:
    function = getattr(ops.image, f"resize_{_METHODS.get(method, method)}")
    if images.shape.rank != 3:
        return function(images, size, align_corners, name=name)
    return ops.squeeze(function(ops.expand_dims(images, 0), size, align_corners), [0], name=name)


def crop_and_resize(
    image: Any,
    boxes: Any,
    box_ind: Any = None,
    crop_size: Any = None,
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
    name: str | None = None,
    box_indices: Any = None,
) -> Any:
    """`image.crop_and_resize`, where box_indices was box_ind."""
    which = box_ind if box_indices is None else box_indices
    return ops.image.crop_and_resize(image, boxes, which, crop_size, method, extrapolation_value, name)


API: dict[str, Any] = {
    "image.crop_and_resize": crop_and_resize,
    "image.ResizeMethod": ResizeMethod,
    "image.resize_images": resize_images,
}
