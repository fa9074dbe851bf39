"""in_top_k against a count of the larger predictions: ties, extreme k, odd targets, infinite predictions and nan."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ShapeError


def _in_top_k(targets, predictions, k):
    mine = predictions[np.arange(len(targets)), targets]
    return np.sum(predictions > mine[:, None], 1) < k


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("index", ["int32", "int64"])
def test_values(dtype, index, rng):
    predictions = rng.integers(0, 5, (50, 7)).astype(np.float64)  # with ties
    targets = rng.integers(0, 7, 50).astype(index)
    for k in (0, 1, 3, 7, 100):
        found = ow.nn.in_top_k(targets, ow.constant(predictions, dtype), k)
        np.testing.assert_array_equal(np.asarray(found), _in_top_k(targets, predictions, k))


def test_what_is_false_as_in_tensorflow():
    inf, nan = np.inf, np.nan
    predictions = np.array([[3, 2, 1], [3, 2, 1], [inf, 2, 1], [nan, 2, 1], [-inf, 2, 1]], np.float32)
    found = ow.nn.in_top_k(np.array([3, -1, 1, 1, 1]), predictions, k=3)
    np.testing.assert_array_equal(np.asarray(found), [False] * 5)


def test_empty_and_wide(rng):
    assert np.asarray(ow.nn.in_top_k(np.zeros(0, np.int64), np.zeros((0, 3), np.float32), 1)).shape == (0,)
    predictions, targets = rng.normal(size=(9, 3001)).astype(np.float32), rng.integers(0, 3001, 9)
    found = ow.nn.in_top_k(targets, predictions, 1500)
    np.testing.assert_array_equal(np.asarray(found), _in_top_k(targets, predictions, 1500))


def test_k_may_be_a_tensor(session):
    k = ow.placeholder("int32", [])
    found = ow.nn.in_top_k(np.array([0, 0], np.int32), np.array([[1, 2], [2, 1]], np.float32), k)
    np.testing.assert_array_equal(session.run(found, {k: 1}), [False, True])


def test_errors(graph):
    with pytest.raises(ShapeError, match=r"\[in_top_k\] predictions must have b = 2"):
        ow.nn.in_top_k(ow.placeholder("int32", [2]), ow.placeholder("float32", [3, 4]), 1)
