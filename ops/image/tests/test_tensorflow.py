"""Resizing and cropping beside TensorFlow: values and derivatives over a grid of sizes, methods and conventions."""

import itertools
import random
import warnings

import numpy as np
import opwright as ow
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

SIZES = (1, 3, 7, 17, 33)
CONVENTIONS = {
    "resize_bilinear": ({}, {"align_corners": True}, {"half_pixel_centers": True}),
    "resize_bicubic": ({}, {"align_corners": True}, {"half_pixel_centers": True}),
    "resize_nearest_neighbor": ({}, {"align_corners": True}, {"half_pixel_centers": True}),
    "resize_area": ({}, {"align_corners": True}),
    "resize": [
        {"method": m, "antialias": a}
        for m in ("bilinear", "bicubic", "area", "nearest", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
        for a in (False, True)
    ],
    "crop_and_resize": ({}, {"method": "nearest"}, {"extrapolation_value": 2.5}),
}


def grid(name):
    """(name, convention, batch, height, width, new height, new width)."""
    for how, batch, h, w, th, tw in itertools.product(
        CONVENTIONS[name], (0, 1, 2), SIZES, (1, 4, 9), SIZES, (1, 5, 12)
    ):
        if batch or name in ("resize_nearest_neighbor", "crop_and_resize"):  # TensorFlow refuses other empty batches
            yield name, how, batch, h, w, th, tw


def computed(m, point, x, boxes, which, dy):
    """The result, and its derivative by the images and, of crop_and_resize, the boxes."""
    name, how, *_, th, tw = point
    place = m.image if hasattr(m.image, name) else m.compat.v1.image
    with m.GradientTape() as tape:
        x, boxes = m.constant(x), m.constant(boxes)
        tape.watch([x, boxes])
        if name == "crop_and_resize":
            y = place.crop_and_resize(x, boxes, which, [th, tw], **how)
        else:
            y = getattr(place, name)(x, [th, tw], **how)
        loss = m.reduce_sum(y * dy)
    if name == "resize_area" or how.get("method") == "area":  # TensorFlow has no derivative of it
        return [np.asarray(y)]
    dx, dboxes = tape.gradient(loss, [x, boxes])
    with_boxes = name == "crop_and_resize" and how.get("method") != "nearest"
    return [np.asarray(a) for a in ((y, dx, dboxes) if with_boxes else (y, dx)) if a is not None]


def agree(point, seed=0):
    name, _, batch, h, w, th, tw = point
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, h, w, 3)).astype(np.float32)
    k = 3 * min(batch, 1) if name == "crop_and_resize" else batch
    boxes, which = rng.uniform(-0.2, 1.2, (k, 4)).astype(np.float32), rng.integers(0, max(batch, 1), k).astype(np.int32)
    dy = rng.normal(size=(k, th, tw, 3)).astype(np.float32)
    ours, theirs = (computed(m, point, x, boxes, which, dy) for m in (ow, tf))
    for what, found, want in zip(("y", "dx", "dboxes"), ours, theirs, strict=False):
        assert found.shape == want.shape, (point, what)
        most = np.abs(want).max(initial=1)
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4 * most, err_msg=f"{what} of {point}")


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_draw_of_the_grid(name):
    for point in random.Random(name).sample(list(grid(name)), 30):
        agree(point)
