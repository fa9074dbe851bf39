"""logsumexp, variance, standard deviation, norms, count_nonzero: values, gradients at their edges, errors."""

import numpy as np
import opwright as ow
import pytest
import scipy.special
from opwright.errors import ArgumentError
from opwright.testing import case, check_gradient, check_op

REFERENCES = {
    "reduce_logsumexp": scipy.special.logsumexp,
    "reduce_variance": np.var,
    "reduce_std": np.std,
    "reduce_euclidean_norm": lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_values_and_gradients(name, rng):
    cases = [
        case(rng.normal(size=(3, 4))),
        case(rng.normal(size=(2, 3, 4)), axis=[0, -1], keepdims=True),
        case(rng.normal(size=(2, 3)), axis=1),
    ]

    def reference(x, axis=None, keepdims=False):
        return REFERENCES[name](x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    check_op(getattr(ow, name), cases, reference)


def test_logsumexp_of_large_and_infinite_elements():
    inf = np.inf
    x = np.array([[1000.0, 1001.0], [-1000.0, -1001.0], [-inf, -inf], [-inf, 2.0], [inf, 1.0], [np.nan, 1.0]])
    fed = ow.constant(x)
    with ow.GradientTape() as tape:
        tape.watch(fed)
        y = ow.reduce_logsumexp(fed, 1)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(np.asarray(y), np.logaddexp(x[:, 0], x[:, 1]), rtol=1e-15)
    slope = np.asarray(tape.gradient(y, fed))
    np.testing.assert_allclose(slope[:2], scipy.special.softmax(x[:2], 1), rtol=1e-12)
    np.testing.assert_array_equal(slope[2:4], [[0, 0], [0, 1]])
    assert slope[4, 1] == 0


def test_second_derivative_of_logsumexp_with_an_empty_row(graph, session):
    x = ow.placeholder("float64", (2, 2))
    (slope,) = ow.gradients(ow.reduce_logsumexp(x, 1), [x])
    (curve,) = ow.gradients(slope[:, 0], [x])
    p = 1 / (1 + np.exp(1.0))  # softmax of (0, 1)
    found = session.run(curve, {x: [[-np.inf, -np.inf], [0.0, 1.0]]})
    np.testing.assert_allclose(found, [[0, 0], [p * (1 - p), -p * (1 - p)]], rtol=1e-12)


@pytest.mark.parametrize("name", ["reduce_std", "reduce_euclidean_norm", "reduce_variance"])
def test_the_gradient_of_nothing_is_zero(name):
    x = ow.constant(np.zeros((2, 3)))
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = getattr(ow, name)(x, 1)
    np.testing.assert_array_equal(np.asarray(tape.gradient(y, x)), np.zeros((2, 3)))


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "float16"])
def test_count_nonzero(dtype, rng):
    x = (rng.integers(-1, 2, (4, 5))).astype(dtype)
    for axis in (None, 0, (0, 1)):
        found = np.asarray(ow.count_nonzero(x, axis))
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, np.count_nonzero(x, axis))
    assert ow.count_nonzero(x, dtype="int32").dtype == ow.int32


@pytest.mark.parametrize("order", ["euclidean", 1, 2, 3, 2.5, np.inf])
def test_vector_norms(order, rng):
    cases = [case(rng.normal(size=(2, 3)), axis=a, keepdims=k) for a, k in [(0, False), (-1, True)]]
    known = 2 if order == "euclidean" else order

    def reference(x, axis, keepdims):
        return np.linalg.norm(x, known, axis, keepdims)

    check_op(lambda x, **how: ow.linalg.norm(x, order, **how), cases, reference)


@pytest.mark.parametrize("order", ["euclidean", "fro", 1, np.inf])
def test_matrix_norms(order, rng):
    cases = [case(rng.normal(size=(2, 3, 4)), axis=a, keepdims=k) for a, k in [((0, 2), False), ((-1, 1), True)]]
    known = "fro" if order == "euclidean" else order

    def reference(x, axis, keepdims):
        return np.linalg.norm(x, known, axis, keepdims)

    check_op(lambda x, **how: ow.linalg.norm(x, order, **how), cases, reference)


def test_the_norm_of_all_elements(rng):
    x = rng.normal(size=(2, 3))
    np.testing.assert_allclose(float(ow.norm(x)), np.linalg.norm(x), rtol=1e-12)
    check_gradient(lambda v: ow.norm(v, 3), [x])


def test_errors():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ArgumentError, match=r"\[norm\] ord must be 'euclidean' or a positive number, got -1"):
        ow.norm(x, -1)
    with pytest.raises(ArgumentError, match=r"\[norm\] ord must be .* for matrices, got 3"):
        ow.norm(x, 3, axis=(0, 1))
    with pytest.raises(ArgumentError, match=r"\[norm\] axis must be None, an int or a pair of ints, got \[0, 1, 2\]"):
        ow.norm(x, axis=[0, 1, 2])
