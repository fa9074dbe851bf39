"""Random crops, flips and colours: where they lie, how often they come, that seeds repeat them, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError


def test_random_crops_come_from_everywhere():
    x = np.arange(4 * 5 * 1).reshape(4, 5, 1)
    corners = set()
    with ow.Graph().as_default():
        crop = ow.random_crop(x, [3, 3, 1], seed=1)
        assert crop.shape.as_list() == [3, 3, 1]
        with ow.Session() as session:
            for _ in range(100):
                found = session.run(crop)[:, :, 0]
                top, left = divmod(int(found[0, 0]), 5)
                np.testing.assert_array_equal(found, x[top : top + 3, left : left + 3, 0])
                corners.add((top, left))
    assert corners == {(t, c) for t in range(2) for c in range(3)}  # a place is missed with probability 6 (5/6)^100


def test_random_flips_of_each_image():
    x = np.arange(2000 * 2).reshape(2000, 2, 1, 1)
    for flip, axis in ((ow.image.random_flip_up_down, 1), (ow.image.random_flip_left_right, 2)):
        images = x if axis == 1 else np.swapaxes(x, 1, 2)
        found = np.asarray(flip(images, seed=3))
        turned = (found != images).any((1, 2, 3))
        np.testing.assert_array_equal(found, np.where(turned[:, None, None, None], np.flip(images, axis), images))
        assert 900 < turned.sum() < 1100  # 4.5 deviations
    single = [np.asarray(ow.image.random_flip_up_down(x[0]))[0, 0, 0] for _ in range(40)]
    assert set(single) == {0, 1}


def test_seeds_repeat_distortions(rng):
    image = rng.uniform(size=(6, 6, 3)).astype(np.float32)

    def distorted():
        with ow.Graph().as_default():
            x = ow.random_crop(image, [4, 4, 3], seed=1)
            x = ow.image.random_flip_left_right(x, seed=2)
            x = ow.image.random_brightness(x, 0.3, seed=3)
            x = ow.image.random_contrast(x, 0.2, 1.8, seed=4)
            x = ow.image.random_saturation(x, 0.5, 1.5, seed=5)
            x = ow.image.random_hue(x, 0.2, seed=6)
            with ow.Session() as session:
                return [session.run(x) for _ in range(3)]

    first, second = distorted(), distorted()
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first[0], first[1])


def test_ranges():
    x = np.full((1, 1, 3), 0.5, np.float32)
    added = np.array([np.asarray(ow.image.random_brightness(x, 0.2))[0, 0, 0] - 0.5 for _ in range(200)])
    assert -0.2 <= added.min() < -0.15
    assert 0.15 < added.max() <= 0.2


def test_errors():
    x = np.zeros((4, 4, 3), np.float32)
    with pytest.raises(ShapeError, match=r"\[random_crop\] size must fit into shape \(4, 4, 3\), got \[5, 4, 3\]"):
        ow.random_crop(x, [5, 4, 3])
    with pytest.raises(ShapeError, match=r"\[random_crop\] size must have 3 elements, got \[2, 2\]"):
        ow.random_crop(x, [2, 2])
    with pytest.raises(ArgumentError, match=r"\[random_brightness\] max_delta must not be negative, got -1"):
        ow.image.random_brightness(x, -1)
    with pytest.raises(ArgumentError, match=r"\[random_contrast\] upper must exceed lower, got 2 and 1"):
        ow.image.random_contrast(x, 2, 1)
    with pytest.raises(ArgumentError, match=r"\[random_hue\] max_delta must lie in \[0, 0.5\], got 0.6"):
        ow.image.random_hue(x, 0.6)
    with pytest.raises(
        ShapeError, match=r"\[random_flip_up_down\] images must have 3 or 4 dimensions, got shape \(4, 4\)"
    ):
        ow.image.random_flip_up_down(x[:, :, 0])
