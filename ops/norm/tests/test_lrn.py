"""Local response normalisation against NumPy: radii, exponents, widths, dtypes, derivatives, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright import ops
from opwright.errors import ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def _sums(x, radius):
    n = x.shape[-1]
    return np.stack([x[..., max(0, i - radius) : i + radius + 1].sum(-1) for i in range(n)], -1) if n else x


def _reference(x, depth_radius=5, bias=1.0, alpha=1.0, beta=0.5):
    return x / (bias + alpha * _sums(x * x, depth_radius)) ** beta


def test_values_and_gradients(rng):
    cases = [
        case(rng.normal(size=(1, 2, 2, 7)), depth_radius=2, bias=1.0, alpha=0.3, beta=0.75),
        case(rng.normal(size=(2, 1, 2, 3))),
        case(rng.normal(size=(1, 1, 3, 4)), depth_radius=1, bias=0.5, alpha=2.0, beta=1.0),
        case(rng.normal(size=(1, 3, 1, 5)), depth_radius=0, bias=2.0, alpha=0.5, beta=0.6),
        case(rng.normal(size=(3, 4)), depth_radius=3, beta=1.5),
    ]
    check_op(ow.nn.lrn, cases, _reference, dtypes=DTYPES, tolerance=2)
    check_op(
        ops.window_sum, [case(rng.normal(size=(2, 6)), radius=2)], lambda x, radius: _sums(x, radius), dtypes=DTYPES
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_widths_and_radii(dtype, rng):
    for n in [1, 2, 15, 16, 17, 33, 64, 96, 250]:
        for radius in [0, 1, 2, 3, 4, 5, 7, 11, 300]:
            x, dy = (rng.normal(size=(3, n)).astype(dtype) for _ in range(2))
            limit = 5e-6 if dtype == "float32" else 1e-13
            wide = x.astype(np.float64)
            options = {"depth_radius": radius, "bias": 1.0, "alpha": 0.1, "beta": 0.75}
            np.testing.assert_allclose(np.asarray(ow.nn.lrn(x, **options)), _reference(wide, **options), rtol=limit)
            total = 1 + 0.1 * _sums(wide * wide, radius)
            want = dy * total**-0.75 - 0.15 * wide * _sums(dy * wide * total**-1.75, radius)
            got = np.asarray(ops.lrn_grad(dy, x, **options))
            np.testing.assert_allclose(got, want, rtol=limit, atol=10 * limit)


def test_public_names_empty_images_and_nan():
    assert ow.nn.local_response_normalization is ow.nn.lrn
    for shape in [(0, 2, 2, 3), (1, 2, 2, 0)]:
        assert np.asarray(ow.nn.lrn(np.zeros(shape, np.float32))).shape == shape
    y = np.asarray(ow.nn.lrn(np.array([[1.0, np.nan, 1.0, 1.0]]), depth_radius=1))
    np.testing.assert_array_equal(np.isnan(y), [[True, True, True, False]])


def test_errors():
    with pytest.raises(ShapeError, match=r"\[lrn\] depth_radius must not be negative, got -1"):
        ow.nn.lrn(np.ones((1, 1, 1, 3), np.float32), depth_radius=-1)
    with pytest.raises(ShapeError, match=r"\[lrn\] input must have at least 1 dimension"):
        ow.nn.lrn(np.float32(1))
