"""Crops, paddings, flips and turns against NumPy: known and unknown sizes, single images and batches, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op


def _crop(x, top, left, height, width):
    return x[..., top : top + height, left : left + width, :]


def _pad(x, top, left, height, width):
    y = np.zeros((*x.shape[:-3], height, width, x.shape[-1]))
    y[..., top : top + x.shape[-3], left : left + x.shape[-2], :] = x
    return y


def test_boxes(rng):
    crops = [
        case(rng.normal(size=(2, 4, 5, 2)), top=1, left=2, height=2, width=3),
        case(rng.normal(size=(3, 3, 1)), top=0, left=0, height=3, width=1),
    ]
    check_op(
        lambda x, top, left, height, width: ow.image.crop_to_bounding_box(x, top, left, height, width), crops, _crop
    )
    pads = [
        case(rng.normal(size=(2, 2, 3, 2)), top=1, left=2, height=4, width=5),
        case(rng.normal(size=(3, 3, 1)), top=0, left=0, height=3, width=4),
    ]
    check_op(lambda x, top, left, height, width: ow.image.pad_to_bounding_box(x, top, left, height, width), pads, _pad)


@pytest.mark.parametrize("size", [(2, 3), (7, 8), (3, 9), (8, 2), (5, 6), (4, 7)])
def test_resize_with_crop_or_pad(size, rng):
    def reference(x, size):
        for axis, target in zip((1, 2), size):
            n = x.shape[axis]
            cut, before = max(n - target, 0), max(target - n, 0) // 2
            x = np.take(x, range(cut // 2, cut // 2 + min(n, target)), axis)
            pads = [(0, 0)] * 4
            pads[axis] = before, max(target - n, 0) - before
            x = np.pad(x, pads)
        return x

    def function(x, size):
        return ow.image.resize_with_crop_or_pad(x, *size)

    check_op(function, [case(rng.normal(size=(2, 5, 6, 1)), size=size)], reference, second_order=False)
    assert ow.image.resize_image_with_crop_or_pad is ow.image.resize_with_crop_or_pad


@pytest.mark.parametrize(
    ("size", "fraction"), [((10, 8), 0.5), ((7, 5), 0.5), ((4, 3), 1.0), ((9, 9), 0.1), ((5, 6), 0.87)]
)
def test_central_crop(size, fraction, rng):
    def reference(x, central_fraction):
        top, left = (int((n - n * central_fraction) / 2) for n in x.shape[1:3])
        return x[:, top : x.shape[1] - top, left : x.shape[2] - left]

    one = case(rng.normal(size=(1, *size, 2)), central_fraction=fraction)
    check_op(ow.image.central_crop, [one], reference, gradient=False)


def test_flips_and_turns(rng):
    x = rng.normal(size=(2, 3, 4, 2))
    for function, reference in (
        (ow.image.flip_left_right, lambda a: a[..., :, ::-1, :]),
        (ow.image.flip_up_down, lambda a: a[..., ::-1, :, :]),
        (ow.image.transpose, lambda a: np.swapaxes(a, -3, -2)),
    ):
        check_op(function, [case(x), case(x[0])], reference, second_order=False)
    for k in range(-1, 6):
        one = case(x, k=k)
        check_op(ow.image.rot90, [one], lambda a, k: np.rot90(a, k, (1, 2)), gradient=False)


def test_total_variation(rng):
    def reference(x):
        return abs(np.diff(x, axis=-3)).sum((-3, -2, -1)) + abs(np.diff(x, axis=-2)).sum((-3, -2, -1))

    check_op(
        ow.image.total_variation,
        [
            case(
                rng.normal(size=(2, 3, 4, 2)),
            ),
            case(rng.normal(size=(3, 2, 1))),
        ],
        reference,
    )


def test_integers_keep_their_dtype(rng):
    x = rng.integers(0, 255, (4, 5, 3)).astype(np.uint8)
    for y in (
        ow.image.flip_left_right(x),
        ow.image.central_crop(x, 0.5),
        ow.image.resize_with_crop_or_pad(x, 6, 3),
        ow.image.rot90(x),
    ):
        assert y.dtype == "uint8"


def test_errors(graph):
    x = ow.placeholder("float32", [None, 4, 6, 3])
    with pytest.raises(
        ShapeError, match=r"offset_height and target_height must describe a box inside the height 4, got 2 and 3"
    ):
        ow.image.crop_to_bounding_box(x, 2, 0, 3, 2)
    with pytest.raises(
        ShapeError, match=r"offset_width and target_width must describe a box inside the width 6, got -1 and 3"
    ):
        ow.image.crop_to_bounding_box(x, 0, -1, 3, 3)
    with pytest.raises(
        ShapeError, match=r"\[pad_to_bounding_box\] the image of 4 x 6 must fit into 4 x 7, got offsets 0 and 2"
    ):
        ow.image.pad_to_bounding_box(x, 0, 2, 4, 7)
    with pytest.raises(ShapeError, match=r"\[resize_with_crop_or_pad\] target_width must be positive, got 0"):
        ow.image.resize_with_crop_or_pad(x, 2, 0)
    with pytest.raises(ArgumentError, match=r"\[central_crop\] central_fraction must lie in \(0, 1\], got 0"):
        ow.image.central_crop(x, 0)
    with pytest.raises(ShapeError, match=r"\[total_variation\] images must have 3 or 4 dimensions, got shape \(4, 4\)"):
        ow.image.total_variation(np.zeros((4, 4), np.float32))
