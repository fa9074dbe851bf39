"""crop_and_resize against interpolation by SciPy, pixel by pixel; derivatives, errors."""

import itertools

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, OutOfRangeError, ShapeError
from opwright.testing import case, check_op, run_in_graph
from scipy import ndimage


def reference(image, boxes, which, crop_size, method="bilinear", extrapolation_value=0.0):
    ends = np.array(image.shape[1:3]) - 1
    made = np.full((len(boxes), *crop_size, image.shape[3]), float(extrapolation_value))
    for b, (i, j) in itertools.product(range(len(boxes)), np.ndindex(*crop_size)):
        low, high = boxes[b, :2], boxes[b, 2:]
        share = [a / (n - 1) if n > 1 else 0.5 for a, n in zip((i, j), crop_size)]
        at = (low + (high - low) * share) * ends
        if (at >= 0).all() and (at <= ends).all():
            at = np.floor(at + 0.5) if method == "nearest" else at
            for c in range(image.shape[3]):
                made[b, i, j, c] = ndimage.map_coordinates(image[which[b], :, :, c], at[:, None], order=1)[0]
    return made


def arguments(rng, shape, k):
    return rng.normal(size=shape), rng.uniform(-0.1, 1.1, (k, 4)), rng.integers(0, shape[0], k)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
def test_values_and_derivatives(method, rng):
    cases = [
        case(*arguments(rng, (2, 4, 5, 2), 3), crop_size=[3, 2], method=method),
        case(*arguments(rng, (1, 3, 3, 1), 2), crop_size=[1, 4], method=method, extrapolation_value=2.5),
        case(*arguments(rng, (1, 1, 6, 1), 1), crop_size=[2, 1], method=method),
    ]
    check_op(ow.image.crop_and_resize, cases, reference, dtypes=("float64",))


def test_odd_sizes(rng):
    for h, w, size, k in itertools.product((1, 3, 7, 17), (1, 6, 33), ([1, 1], [7, 3], [14, 14]), (0, 4)):
        image, boxes, which = arguments(rng, (3, h, w, 3), k)
        found = ow.image.crop_and_resize(image.astype(np.float32), boxes, which, size)
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, reference(image, boxes, which, size), rtol=1e-4, atol=1e-4)


def test_whole_mirrored_and_integer_images(rng):
    image = rng.integers(0, 255, (2, 5, 4, 3)).astype(np.uint8)
    boxes = np.array([[0, 0, 1, 1], [1, 1, 0, 0], [np.nan, 0, 1, 1]], np.float32)
    whole, turned, nothing = np.asarray(
        ow.image.crop_and_resize(image, boxes, [0, 1, 0], [5, 4], extrapolation_value=7)
    )
    np.testing.assert_allclose(whole, image[0])
    np.testing.assert_allclose(turned, image[1, ::-1, ::-1])
    assert (nothing == 7).all()


def test_sizes_known_only_when_it_runs(rng):
    image, boxes, which = arguments(rng, (2, 4, 5, 2), 3)

    def function(image, boxes, which, size):
        return ow.image.crop_and_resize(image, boxes, which, size)

    size = np.array([3, 1], np.int32)
    (found,) = run_in_graph(function, [image, boxes, which.astype(np.int32), size], {}, known=False)
    np.testing.assert_allclose(found, reference(image, boxes, which, size), atol=1e-12)


def test_errors():
    image, boxes = np.zeros((2, 3, 3, 1), np.float32), np.zeros((2, 4), np.float32)
    for error, text, *args in (
        (ArgumentError, "method must be bilinear or nearest, got 'bicubic'", image, boxes, [0, 1], [2, 2], "bicubic"),
        (
            ShapeError,
            r"image must have 4 dimensions and pixels, got shape \(3, 3, 1\)",
            image[0],
            boxes,
            [0, 1],
            [2, 2],
        ),
        (ShapeError, r"pixels, got shape \(2, 0, 3, 1\)", image[:, :0], boxes, [0, 1], [2, 2]),
        (ShapeError, r"boxes must have the shape \(k, 4\), got \(2, 3\)", image, boxes[:, :3], [0, 1], [2, 2]),
        (ShapeError, r"box_indices must be one for each of 2 boxes, got \(3,\)", image, boxes, [0, 1, 0], [2, 2]),
        (ShapeError, r"crop_size must be two positive numbers, got \[2, 0\]", image, boxes, [0, 1], [2, 0]),
    ):
        with pytest.raises(error, match=rf"^\[crop_and_resize\] .*{text}"):
            ow.image.crop_and_resize(*args)
    with pytest.raises(OutOfRangeError):
        ow.image.crop_and_resize(image, boxes, [0, 2], [2, 2])
