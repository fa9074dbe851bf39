"""Images of another size: each pixel a weighted sum of pixels (resample), or one of them (resize_nearest_neighbor)."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, dtypes, ops

METHODS = ("bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")

resample = OpDef(
    "resample(images: T['n h w c'], size: int32['2'], method: str, align_corners: bool, half_pixel_centers: bool,"
    " antialias: bool, dtype: dtype) -> (resized: dtype)",
    T=dtypes.numbers,
)
resample_grad = OpDef(
    "resample_grad(grad: T['n h w c'], size: int32['2'], method: str, align_corners: bool, half_pixel_centers: bool,"
    " antialias: bool) -> (output: T)",
    T=dtypes.wide_floats,
)
resize_nearest_neighbor = OpDef(
    "resize_nearest_neighbor(images: T['n h w c'], size: int32['2'], align_corners: bool = False,"
    " half_pixel_centers: bool = False) -> (resized: T)",
    T=dtypes.any_type,
)


# Shape, size and method; align_corners, half_pixel_centers, antialias.
_EXAMPLES: Any = (
    ((1, 3, 4, 2), (5, 2), "bilinear", False, True, False),
    ((2, 4, 2, 1), (2, 3), "bicubic", True, False, False),
    ((1, 5, 5, 1), (2, 2), "area", False, False, False),
    ((1, 6, 3, 1), (3, 5), "lanczos3", False, True, True),
    ((0, 3, 4, 2), (5, 2), "bilinear", False, True, False),
    ((2, 33, 17, 3), (17, 40), "bilinear", False, True, False),
)


def _examples(rng: Any, tensor: str, more: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("method", "align_corners", "half_pixel_centers", "antialias")
    return [
        {tensor: rng.uniform(0, 9, shape), "size": np.array(size, np.int32), **dict(zip(names, how)), **more}
        for shape, size, *how in _EXAMPLES
    ]


resample.examples(lambda rng: _examples(rng, "images", {"dtype": dtypes.float32}))
resample_grad.examples(lambda rng: _examples(rng, "grad", {}))

for _op in (resample, resample_grad, resize_nearest_neighbor):

    @_op.shape
    def _shape(c):
        name = c.definition.schema.tensors[0].name
        dims = c.shape(name).dims or (None,) * 4
        size = c.partial("size")
        size = [None, None] if size is None else [None if s is None else int(s) for s in size]
        c.require(all(s is None or s > 0 for s in size), "size must be positive", size)
        c.require(0 not in dims[1:3], f"{name} must have pixels", f"shape {c.shape(name)}")
        both = c.attr.align_corners and c.attr.half_pixel_centers
        c.require(not both, "align_corners and half_pixel_centers exclude each other", "both")
        method = getattr(c.attr, "method", "nearest")
        known = (*METHODS, "nearest")
        c.require(method in known, f"method must be one of {', '.join(known)}", repr(method))
        return Shape([dims[0], *size, dims[3]])


def _size(images):
    """Height and width, as the ops take them."""
    dims = images.shape.dims
    known = dims is not None and None not in dims[1:3]
    return list(dims[1:3]) if known else ops.shape(images)[1:3]


@resample.gradient
def _gradient(node, dy):
    images, a = node.input("images"), node.attr
    if not images.dtype.is_floating:
        return None, None
    made = resample_grad(dy, _size(images), a.method, a.align_corners, a.half_pixel_centers, a.antialias)
    return made if made.dtype is images.dtype else ops.cast(made, images.dtype), None


@resample_grad.gradient
def _grad_gradient(node, ddx):
    a, grad = node.attr, node.input("grad")
    how = a.method, a.align_corners, a.half_pixel_centers, a.antialias
    if a.method == "nearest":
        return resize_nearest_neighbor(ddx, _size(grad), a.align_corners, a.half_pixel_centers), None
    return resample(ddx, _size(grad), *how, ddx.dtype), None


@resize_nearest_neighbor.gradient
def _nearest_gradient(node, dy):
    images, a = node.input("images"), node.attr
    wide = dy if dy.dtype.size > 2 else ops.cast(dy, "float32")
    made = resample_grad(wide, _size(images), "nearest", a.align_corners, a.half_pixel_centers, False)
    return made if made.dtype is images.dtype else ops.cast(made, images.dtype), None
