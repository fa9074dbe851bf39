"""moments and what is made of them, against NumPy."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ShapeError
from opwright.testing import case, check_op


def _along(axes):
    return tuple(axes) if isinstance(axes, list) else axes


def test_moments(rng):
    def reference(x, axes, keepdims=False):
        return np.mean(x, _along(axes), keepdims=keepdims), np.var(x, _along(axes), keepdims=keepdims)

    cases = [
        case(rng.normal(size=(3, 4)) + 5, axes=[0]),
        case(rng.normal(size=(2, 3, 2, 2)), axes=[0, 1, 2]),
        case(rng.normal(size=(2, 3, 4)), axes=[-1, 0], keepdims=True),
        case(rng.normal(size=(1, 3)), axes=0),
    ]
    check_op(ow.nn.moments, cases, reference, dtypes=("float32", "float64", "float16", "bfloat16"))


def test_moments_of_float16_are_computed_in_32_bits():
    x = ow.constant(np.repeat([1000.0, 1001.0], 5000), "float16")
    mean, variance = ow.nn.moments(x, [0])
    assert float(mean) == 1000.5
    assert float(variance) == 0.25


def test_weighted_moments(rng):
    def reference(x, weights, axes, keepdims=False):
        w = np.broadcast_to(weights, x.shape)
        mean = np.sum(w * x, _along(axes), keepdims=True) / np.sum(w, _along(axes), keepdims=True)
        variance = np.sum(w * (x - mean) ** 2, _along(axes)) / np.sum(w, _along(axes))
        return mean.reshape(variance.shape), variance

    cases = [
        case(rng.normal(size=(3, 4)), rng.uniform(1, 2, size=(3, 4)), axes=[0]),
        case(rng.normal(size=(2, 3, 4)), rng.uniform(1, 2, size=(2, 1, 1)), axes=[0, 2]),
        case(rng.normal(size=(5,)), np.array(2.0), axes=0),
    ]
    check_op(lambda x, w, axes: ow.nn.weighted_moments(x, axes, w), cases, reference)


def test_sufficient_statistics(rng):
    x, shift = rng.normal(size=(3, 4)), rng.normal(size=4)
    counts, sums, squares, same = ow.nn.sufficient_statistics(x, [0], shift=shift)
    assert float(counts) == 3
    assert same is shift
    np.testing.assert_allclose(np.asarray(sums), np.sum(x - shift, 0))
    np.testing.assert_allclose(np.asarray(squares), np.sum((x - shift) ** 2, 0))
    mean, variance = ow.nn.normalize_moments(counts, sums, squares, same)
    np.testing.assert_allclose(np.asarray(mean), np.mean(x, 0))
    np.testing.assert_allclose(np.asarray(variance), np.var(x, 0))
    mean, variance = ow.nn.normalize_moments(*ow.nn.sufficient_statistics(x, [1]))
    np.testing.assert_allclose(np.asarray(mean), np.mean(x, 1))
    np.testing.assert_allclose(np.asarray(variance), np.var(x, 1))


def test_batch_normalization(rng):
    def reference(x, mean, variance, offset=0, scale=1):
        return (x - mean) / np.sqrt(variance + 0.01) * scale + offset

    x, mean, variance = rng.normal(size=(3, 4)), rng.normal(size=4), rng.uniform(1, 2, size=4)
    offset, scale = rng.normal(size=(2, 4))

    def op(x, mean, variance, offset=None, scale=None):
        return ow.nn.batch_normalization(x, mean, variance, offset, scale, 0.01)

    check_op(op, [case(x, mean, variance, offset, scale), case(x, mean, variance)], reference, tolerance=2)


def test_batch_norm_with_global_normalization(rng):
    x, mean, variance, beta, gamma = *rng.normal(size=(2, 4)), *rng.uniform(1, 2, size=(3, 4))
    plain = (x - mean) / np.sqrt(variance + 0.1)
    for scaled, want in ((True, plain * gamma + beta), (False, plain + beta)):
        found = ow.nn.batch_norm_with_global_normalization(x, mean, variance, beta, gamma, 0.1, scaled)
        np.testing.assert_allclose(np.asarray(found), want)


def test_errors(graph):
    with pytest.raises(ShapeError, match=r"\[moments\] axis must lie in \[-2, 2\), got 2"):
        ow.nn.moments(ow.placeholder("float32", [2, 3]), [2])
