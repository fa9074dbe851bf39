"""Indexing with arrays against NumPy, with gradients."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, OutOfRangeError, ShapeError
from opwright.testing import case, check_op

X = np.arange(60.0).reshape(3, 4, 5)
ROWS, J = np.array([0, 2]), np.array([1, 3])
KEYS = {
    "rows": ROWS,
    "negative rows": np.array([[-1, 0], [2, -3]]),
    "pairs": (ROWS, J),
    "lists": ([0, 1], [1, 2]),
    "an axis": (slice(None), J),
    "apart": (ROWS, slice(None), J),
    "together": (slice(None), ROWS, J),
    "a number beside": (1, J),
    "a number behind": (slice(None), J, 2),
    "a number apart": (1, slice(None), J),
    "ellipsis": (..., np.array([0, -1])),
    "new axis": (None, ROWS),
    "new axis between": (ROWS, None, J),
    "slices too": (slice(1, None), J, slice(None, None, -2)),
    "broadcast": (ROWS[:, None], J),
    "mask": np.array([True, False, True]),
    "mask of a list": [True, False, True],
    "mask of all": X > 30,
    "mask of the last": (..., np.array([True, False, True, True, False])),
    "mask and slice": (np.array([True, False, True]), slice(1, 3)),
    "mask and array": (np.array([True, False, True]), J),
    "mask of two": (slice(None), X[0] > 7),
    "empty": (slice(None), np.array([], np.int64)),
    "empty list": [],
}


@pytest.mark.parametrize("name", KEYS)
def test_as_numpy(name):
    key = KEYS[name]
    found = ow.constant(X)[key]
    assert found.shape == X[key].shape
    assert np.array_equal(found, X[key])
    with ow.Graph().as_default(), ow.Session() as session:
        fed = ow.placeholder("float64", [None, None, None])
        assert np.array_equal(session.run(fed[key], {fed: X}), X[key])


@pytest.mark.parametrize("name", ["pairs", "apart", "a number behind", "negative rows", "mask and slice"])
def test_gradients(name, rng):
    check_op(lambda x: x[KEYS[name]], [case(rng.normal(size=(3, 4, 5)))], lambda x: x[KEYS[name]])


def test_tensors_as_indices():
    x = ow.constant(X)
    assert np.array_equal(x[ow.constant([0, -1]), ow.constant(1)], X[[0, -1], 1])
    v = ow.Variable(X)
    assert np.array_equal(v[1:, ow.constant([0, 2])], X[1:, [0, 2]])
    with ow.Graph().as_default(), ow.Session() as session:
        i = ow.placeholder("int32", [None])
        assert np.array_equal(session.run(ow.constant(X)[i, i], {i: [-1, 0]}), X[[-1, 0], [-1, 0]])


def test_errors():
    x = ow.constant(X)
    with pytest.raises(ShapeError, match="at most 3 dimensions can be indexed, got 4"):
        x[ROWS, ROWS, ROWS, ROWS]
    with pytest.raises(ArgumentError, match="must hold integers or bools, got float32"):
        x[ow.constant([1.0]), ROWS]
    with pytest.raises(ArgumentError, match="may hold one ellipsis"):
        x[..., ROWS, ...]
    with pytest.raises(OutOfRangeError):
        x[np.array([0, 3])]
    with pytest.raises(OutOfRangeError):
        x[np.array([0, -4]), ROWS]
    with pytest.raises(ShapeError):
        x[:, np.array([True, False])]
    with pytest.raises(ArgumentError, match="a mask must be an array of bools"):
        x[True, ROWS]
