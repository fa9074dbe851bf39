"""l2_loss, l2_normalize, cosine_similarity, zero_fraction."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def test_l2_loss(rng):
    cases = [case(rng.normal(size=shape) / 2) for shape in [(3, 7), (), (1,), (0,), (33,), (2, 1, 5)]]
    check_op(ow.nn.l2_loss, cases, lambda t: np.sum(t * t) / 2, dtypes=DTYPES)


@pytest.mark.parametrize("n", [31, 32, 8191, 8192, 8193, 300_001])
def test_l2_loss_of_every_length(n, rng):
    x = rng.normal(size=n).astype(np.float32)
    want = np.sum(x.astype(np.float64) ** 2) / 2
    np.testing.assert_allclose(float(ow.nn.l2_loss(x)), want, rtol=1e-6)  # partial sums of 256 elements at most


def test_l2_loss_of_float16_adds_up_in_32_bits():
    assert float(ow.nn.l2_loss(ow.constant(np.ones(10_000), "float16"))) == 5000


def test_l2_normalize(rng):
    def reference(x, axis=None, epsilon=1e-12):
        along = tuple(axis) if isinstance(axis, list) else axis
        return x / np.sqrt(np.maximum(np.sum(x * x, axis=along, keepdims=True), epsilon))

    cases = [
        case(rng.normal(size=(3, 4)), axis=1),
        case(rng.normal(size=(3, 4))),
        case(rng.normal(size=(2, 3, 4)), axis=[0, 2]),
        case(rng.normal(size=(2, 3)) / 10, axis=0, epsilon=1.0),
    ]
    check_op(ow.nn.l2_normalize, cases, reference)
    zeros = np.asarray(ow.nn.l2_normalize(np.zeros((1, 3), np.float32), dim=1))
    np.testing.assert_array_equal(zeros, np.zeros((1, 3)))


def test_cosine_similarity(rng):
    def reference(a, b, axis=-1):
        return np.sum(a * b, axis) / np.sqrt(np.sum(a * a, axis) * np.sum(b * b, axis))

    cases = [
        case(rng.normal(size=(3, 4)), rng.normal(size=(3, 4))),
        case(rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 4)), axis=-2),
    ]
    check_op(ow.nn.cosine_similarity, cases, reference)
    zeros = np.asarray(ow.nn.cosine_similarity(np.zeros(3, np.float32), np.ones(3, np.float32)))
    np.testing.assert_array_equal(zeros, 0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int64", "uint8"])
def test_zero_fraction(dtype):
    x = ow.constant(np.array([[0, 1, 2], [0, 0, 5]]), dtype)
    found = ow.nn.zero_fraction(x)
    assert found.dtype == "float32"
    assert float(found) == 0.5
    assert np.isnan(float(ow.nn.zero_fraction(ow.constant(np.zeros((0, 2)), "float32"))))
