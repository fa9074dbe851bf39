"""Resizing against matrices made in NumPy and against Pillow: methods, conventions, dtypes, derivatives, errors."""

import itertools

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op

SIZES = [(5, 5), (4, 8), (8, 4), (7, 3), (3, 7), (1, 4), (4, 1), (6, 13), (13, 6), (5, 6)]


def _positions(n, m, align, half):
    """Where the m targets lie among n sources."""
    scale = (n - 1) / (m - 1) if align and m > 1 else n / m
    return (np.arange(m) + 0.5) * scale - 0.5 if half else np.arange(m) * scale


def _keys(t, a):
    t = abs(t)
    return np.where(t <= 1, (a + 2) * t**3 - (a + 3) * t**2 + 1, np.where(t < 2, a * (t**3 - 5 * t**2 + 8 * t - 4), 0))


def _matrix(method, n, m, align=False, half=False):
    """The m x n matrix of a line's weights."""
    w, at = np.zeros((m, n)), _positions(n, m, align, half)
    for i, x in enumerate(at):
        base = int(np.floor(x))
        if method == "bilinear":
            for s, weight in ((base, 1 - (x - base)), (base + 1, x - base)):
                w[i, np.clip(s, 0, n - 1)] += weight
        elif method == "bicubic":
            d = np.round((x - base) * 1024) / 1024
            for s in range(-1, 3):
                if not half or 0 <= base + s < n:
                    w[i, np.clip(base + s, 0, n - 1)] += _keys(d - s, -0.5 if half else -0.75)
            w[i] /= w[i].sum()
        elif method == "area":
            scale = ((n - 1) / (m - 1) if align and m > 1 else n / m) or 1  # of one pixel any area
            edges = np.arange(n + 1)
            cover = np.clip(np.minimum(edges[1:], x + scale) - np.maximum(edges[:-1], x), 0, None)
            cover[-1] += max(0, x + scale - max(n, x))
            w[i] = cover / scale
        else:  # nearest
            scale = (n - 1) / (m - 1) if align and m > 1 else n / m
            s = np.floor(x + 0.5) if align else np.floor((i + 0.5) * scale) if half else np.floor(x)
            w[i, min(int(s), n - 1)] = 1
    return w


def _resized(images, size, method, **options):
    rows, columns = (_matrix(method, images.shape[1 + d], size[d], **options) for d in (0, 1))
    return np.einsum("ih,nhwc,jw->nijc", rows, images, columns)


def _legacy(name):
    def function(images, size, align=False, half=False):
        arguments = (images, size, align) if name == "area" else (images, size, align, half)
        return getattr(ow.image, "resize_nearest_neighbor" if name == "nearest" else f"resize_{name}")(*arguments)

    return function


@pytest.mark.parametrize(
    ("name", "how"),
    [
        (name, how)
        for name in ("bilinear", "bicubic", "area", "nearest")
        for how in ({}, {"align": True}, {"half": True})
        if (name, how) != ("area", {"half": True})
    ],
    ids=str,
)
def test_conventions(name, how, rng):
    for (h, th), (w, tw) in itertools.product(SIZES[::2], SIZES[1::2]):
        x = rng.normal(size=(2, h, w, 3))
        got = np.asarray(_legacy(name)(x, [th, tw], **how))
        # Positions are computed in float32: of 13 pixels to 1e-6.
        np.testing.assert_allclose(got, _resized(x, (th, tw), name, **how), rtol=1e-4, atol=2e-5)


def test_known_values():
    """2 x 2 to 4 x 4 as TensorFlow's documentation and tests give it."""
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    legacy = np.asarray(ow.image.resize_bilinear(x, [4, 4]))[0, :, :, 0]
    np.testing.assert_allclose(legacy, [[1, 1.5, 2, 2], [2, 2.5, 3, 3], [3, 3.5, 4, 4], [3, 3.5, 4, 4]])
    half = np.asarray(ow.image.resize(x, [4, 4]))[0, :, :, 0]
    ramp = np.array([0, 0.25, 0.75, 1])
    np.testing.assert_allclose(half, 1 + 2 * ramp[:, None] + ramp)
    corners = np.asarray(ow.image.resize_bilinear(x, [3, 3], align_corners=True))[0, :, :, 0]
    np.testing.assert_allclose(corners, [[1, 1.5, 2], [2, 2.5, 3], [3, 3.5, 4]])


def test_derivatives(rng):
    cases = [
        case(rng.normal(size=(2, 3, 4, 2)), size=[5, 3]),
        case(rng.normal(size=(1, 4, 3, 1)), size=[2, 7], align=True),
        case(rng.normal(size=(1, 3, 3, 3)), size=[4, 2], half=True),
    ]
    for name in ("bilinear", "bicubic", "nearest", "area"):
        usable = [c for c in cases if name != "area" or "half" not in c.attributes]
        check_op(
            _legacy(name),
            usable,
            lambda x, size, name=name, **how: _resized(x, size, name, **how),
            tolerance=1e7,  # positions are computed in float32
            dtypes=("float64",),
        )


@pytest.mark.parametrize(
    ("method", "theirs"),
    [("bilinear", "BILINEAR"), ("bicubic", "BICUBIC"), ("lanczos3", "LANCZOS")],
)
def test_antialiased_kernels_agree_with_pillow(method, theirs, rng):
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

    for (h, th), (w, tw) in itertools.product(SIZES[:5], SIZES[3:8]):
        x = rng.uniform(size=(h, w)).astype(np.float32)
        want = np.asarray(Image.fromarray(x).resize((tw, th), getattr(Image.Resampling, theirs)))
        got = np.asarray(ow.image.resize(x[:, :, None], [th, tw], method, antialias=True))[:, :, 0]
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["lanczos3", "lanczos5", "gaussian", "mitchellcubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_kernels(method, antialias, rng):
    kernels = {
        "lanczos3": (3, lambda t: np.sinc(t) * np.sinc(t / 3)),
        "lanczos5": (5, lambda t: np.sinc(t) * np.sinc(t / 5)),
        "gaussian": (1.5, lambda t: np.exp(-2 * t * t)),
        "mitchellcubic": (2, lambda t: np.where(abs(t) < 1, (21 * abs(t) ** 3 - 36 * t * t + 16) / 18, (-7 * abs(t) ** 3 + 36 * t * t - 60 * abs(t) + 32) / 18)),
    }  # fmt: skip
    radius, kernel = kernels[method]

    def matrix(n, m):
        wide = max(1.0, n / m) if antialias else 1.0
        t = (np.arange(n) + 0.5 - (np.arange(m)[:, None] + 0.5) * n / m) / wide
        w = np.where(abs(t) < radius, kernel(t), 0)
        return w / w.sum(1, keepdims=True)

    x = rng.normal(size=(2, 9, 6, 2))
    got = np.asarray(ow.image.resize(x, [5, 11], method, antialias=antialias))
    np.testing.assert_allclose(got, np.einsum("ih,nhwc,jw->nijc", matrix(9, 5), x, matrix(6, 11)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32"])
def test_dtypes(dtype, rng):
    x = ow.cast(rng.integers(0, 100, (1, 5, 6, 3)), dtype)
    wide = np.asarray(ow.cast(x, "float64"))
    linear = ow.image.resize(x, [7, 4])
    assert linear.dtype == "float32"
    np.testing.assert_allclose(np.asarray(linear), _resized(wide, (7, 4), "bilinear", half=True), rtol=1e-4)
    chosen = ow.image.resize(x, [7, 4], "nearest")
    assert chosen.dtype == dtype
    np.testing.assert_array_equal(np.asarray(ow.cast(chosen, "float64")), _resized(wide, (7, 4), "nearest", half=True))
    if x.dtype.is_floating:
        with ow.GradientTape() as tape:
            tape.watch(x)
            y = ow.reduce_sum(ow.cast(ow.image.resize(x, [10, 12], "nearest"), "float32")) + ow.reduce_sum(
                ow.image.resize(x, [10, 12])
            )
        dx = tape.gradient(y, x)
        assert dx.dtype == dtype
        # Twice as many pixels each way: every pixel counts 4 times in the one, and 4 on average in the other.
        np.testing.assert_allclose(np.asarray(ow.cast(dx, "float64")).mean(), 8, rtol=1e-2)


@pytest.mark.parametrize("channels", [1, 3, 4, 17])
def test_single_images_channels_and_empty_batches(channels, rng):
    x = rng.normal(size=(6, 5, channels))
    got = np.asarray(ow.image.resize(x, [4, 9], "bicubic"))
    np.testing.assert_allclose(got, _resized(x[None], (4, 9), "bicubic", half=True)[0], rtol=1e-3, atol=1e-4)
    for method in ("bilinear", "nearest"):
        assert ow.image.resize(np.zeros((0, 6, 5, channels), np.float32), [3, 4], method).shape == (0, 3, 4, channels)


def test_the_old_proportions(rng):
    x = rng.normal(size=(1, 10, 20, 3))
    assert ow.image.resize(x, [30, 30], preserve_aspect_ratio=True).shape == (1, 15, 30, 3)
    assert ow.image.resize(x, [5, 30], preserve_aspect_ratio=True).shape == (1, 5, 10, 3)


def test_unknown_sizes(graph):
    x, size = ow.placeholder("float32", [None, None, None, 3]), ow.placeholder("int32", [2])
    y = ow.image.resize(x, size)
    (dx,) = ow.gradients(y, x)
    assert y.shape.as_list() == [None, None, None, 3]
    with ow.Session() as session:
        for h, w in ((3, 5), (6, 2)):
            found = session.run([y, dx], {x: np.ones((2, 4, 4, 3), np.float32), size: [h, w]})
            np.testing.assert_allclose(found[0], np.ones((2, h, w, 3)), rtol=1e-6)
            np.testing.assert_allclose(found[1].sum(), 2 * h * w * 3, rtol=1e-5)


def test_errors(graph):
    x = ow.placeholder("float32", [None, 4, 4, 3])
    with pytest.raises(ArgumentError, match=r"\[resize\] method must be one of bilinear, .*, got 'linear'"):
        ow.image.resize(x, [2, 2], "linear")
    with pytest.raises(ShapeError, match=r"\[resample\] size must be positive, got \[0, 2\]"):
        ow.image.resize(x, [0, 2])
    with pytest.raises(ShapeError, match=r"align_corners and half_pixel_centers exclude each other"):
        ow.image.resize_bicubic(x, [2, 2], True, True)
    with pytest.raises(ShapeError, match=r"\[resample\] images must have pixels, got shape \(\?, 0, 4, 3\)"):
        ow.image.resize(ow.placeholder("float32", [None, 0, 4, 3]), [2, 2])
    with pytest.raises(ShapeError, match=r"\[resize\] images must have 3 or 4 dimensions, got shape \(4, 4\)"):
        ow.image.resize(np.zeros((4, 4), np.float32), [2, 2])
    with pytest.raises(ShapeError, match=r"\[resize\] images must have a known size for preserve_aspect_ratio"):
        ow.image.resize(ow.placeholder("float32", [None, None, 4, 3]), [2, 2], preserve_aspect_ratio=True)
