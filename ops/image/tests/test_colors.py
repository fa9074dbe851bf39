"""Colours against NumPy and colorsys: spaces, adjustments, integer images, standardisation, derivatives, errors."""

import colorsys

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op


def _by_pixel(function):
    return lambda x: np.array([function(*p) for p in x.reshape(-1, 3)]).reshape(x.shape)


def test_hsv(rng):
    x = rng.uniform(size=(2, 3, 2, 3))
    special = np.array(
        [[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0.5, 0.5, 0.2], [0.2, 0.5, 0.5]]
    )
    check_op(ow.image.rgb_to_hsv, [case(x)], _by_pixel(colorsys.rgb_to_hsv))
    check_op(ow.image.rgb_to_hsv, [case(special)], _by_pixel(colorsys.rgb_to_hsv), gradient=False)
    check_op(ow.image.hsv_to_rgb, [case(x)], _by_pixel(colorsys.hsv_to_rgb))
    back = ow.image.hsv_to_rgb(ow.image.rgb_to_hsv(special))
    np.testing.assert_allclose(np.asarray(back), special, atol=1e-12)


def test_grey(rng):
    x = rng.uniform(size=(2, 2, 3))
    check_op(ow.image.rgb_to_grayscale, [case(x)], lambda a: (a @ [0.2989, 0.587, 0.114])[..., None])
    check_op(ow.image.grayscale_to_rgb, [case(x[..., :1])], lambda a: np.repeat(a, 3, -1))
    np.testing.assert_array_equal(
        np.asarray(ow.image.rgb_to_grayscale(np.full((1, 1, 3), 200, np.uint8))), [[[200]]]
    )  # 0.9999 x 200 / 255 x 255.5


def test_adjustments(rng):
    x = rng.uniform(0.1, 0.9, size=(2, 3, 4, 3))
    mean = lambda a: a.mean((-3, -2), keepdims=True)  # noqa: E731
    check_op(lambda a: ow.image.adjust_brightness(a, 0.1), [case(x)], lambda a: a + 0.1)
    check_op(lambda a: ow.image.adjust_contrast(a, 1.5), [case(x)], lambda a: (a - mean(a)) * 1.5 + mean(a))
    check_op(lambda a: ow.image.adjust_gamma(a, 2.0, 0.5), [case(x)], lambda a: 0.5 * a**2)

    def hue(r, g, b):
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        return colorsys.hsv_to_rgb((h + 0.3) % 1, s, v)

    def saturation(r, g, b):
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        return colorsys.hsv_to_rgb(h, min(1, s * 1.4), v)

    check_op(lambda a: ow.image.adjust_hue(a, 0.3), [case(x)], _by_pixel(hue), gradient=False)
    check_op(lambda a: ow.image.adjust_saturation(a, 1.4), [case(x)], _by_pixel(saturation), gradient=False)
    check_op(
        lambda a: ow.image.adjust_hue(a, 0.25),
        [case(x[:1, :2, :1])],
        _by_pixel(
            lambda *p: colorsys.hsv_to_rgb((colorsys.rgb_to_hsv(*p)[0] + 0.25) % 1, *colorsys.rgb_to_hsv(*p)[1:])
        ),
    )


def test_integer_images_saturate():
    x = np.array([0, 100, 200, 255], np.uint8).reshape(2, 2, 1)
    brighter = np.asarray(ow.image.adjust_brightness(x, 0.5))
    assert brighter.dtype == np.uint8
    np.testing.assert_array_equal(brighter.ravel(), [127, 227, 255, 255])
    np.testing.assert_array_equal(np.asarray(ow.image.adjust_brightness(x, -0.5)).ravel(), [0, 0, 72, 127])


def test_convert_image_dtype():
    x = np.array([0, 1, 128, 255], np.uint8)
    wide = np.asarray(ow.image.convert_image_dtype(x, "float32"))
    np.testing.assert_allclose(wide, x / 255, rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(ow.image.convert_image_dtype(wide, "uint8")), x)
    np.testing.assert_array_equal(np.asarray(ow.image.convert_image_dtype(x, "int16")), x.astype(int) * 128)
    np.testing.assert_array_equal(
        np.asarray(ow.image.convert_image_dtype(np.int16([0, 128, 32767]), "uint8")), [0, 1, 255]
    )
    np.testing.assert_array_equal(
        np.asarray(ow.image.convert_image_dtype(np.float32([-1, 0.5, 2]), "uint8", saturate=True)), [0, 127, 255]
    )
    assert ow.image.convert_image_dtype(np.float32([1]), "float64").dtype == "float64"


def test_standardization(rng):
    def reference(x):
        n = np.prod(x.shape[-3:])
        deviation = np.maximum(x.std((-3, -2, -1), keepdims=True), 1 / np.sqrt(n))
        return (x - x.mean((-3, -2, -1), keepdims=True)) / deviation

    check_op(
        ow.image.per_image_standardization,
        [case(rng.normal(size=(2, 3, 2, 2))), case(rng.normal(size=(3, 3, 1)))],
        reference,
        tolerance=2,
    )
    check_op(ow.image.per_image_standardization, [case(np.ones((2, 2, 3)))], reference, gradient=False)
    whole = rng.integers(0, 255, (2, 5, 5, 3)).astype(np.uint8)
    np.testing.assert_allclose(
        np.asarray(ow.image.per_image_whitening(whole)), reference(whole.astype(float)), rtol=1e-4, atol=1e-5
    )


def test_errors():
    x = np.zeros((2, 2, 4), np.float32)
    for name in ("rgb_to_hsv", "hsv_to_rgb", "rgb_to_grayscale"):
        with pytest.raises(ShapeError, match=rf"\[{name}\] images must have 3 channels, got shape \(2, 2, 4\)"):
            getattr(ow.image, name)(x)
    with pytest.raises(ShapeError, match=r"\[grayscale_to_rgb\] images must have 1 channel, got shape \(2, 2, 4\)"):
        ow.image.grayscale_to_rgb(x)
    with pytest.raises(ArgumentError, match=r"\[adjust_gamma\] gamma must not be negative, got -1"):
        ow.image.adjust_gamma(x, -1)
