"""scatter_nd, tensor_scatter_update, _add, _sub, _max, _min."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")
POINTS = np.array([[0, 1], [2, 3], [0, 1]])
ROWS = np.array([[3], [0], [3]], np.int32)


def _at(function):
    def scattered(tensor, indices, updates):
        out = np.array(tensor)
        function(out, tuple(np.moveaxis(indices, -1, 0)), updates)
        return out

    return scattered


def test_scatter_nd(rng):
    check_op(
        lambda indices, updates, shape: ow.scatter_nd(indices, updates, np.asarray(shape, indices.dtype.numpy)),
        [
            case(POINTS, rng.normal(size=3), shape=[3, 4]),
            case(POINTS, rng.normal(size=(3, 2)), shape=[3, 4, 2]),
            case(ROWS, rng.normal(size=(3, 5)), shape=[4, 5]),
            case(np.array([1]), rng.normal(size=2), shape=[3, 2]),
            case(np.zeros((0, 2), int), rng.normal(size=0), shape=[3, 4]),
        ],
        lambda indices, updates, shape: _at(np.add.at)(np.zeros(shape), indices, updates),
        dtypes=ALL,
    )


def test_tensor_scatter(rng):
    tensor = rng.normal(size=(3, 4))
    apart = np.array([[0, 1], [2, 3]])
    cases = [case(tensor, POINTS, rng.normal(size=3)), case(tensor, POINTS[:, :1], rng.normal(size=(3, 4)))]
    check_op(ow.tensor_scatter_add, cases, _at(np.add.at), dtypes=ALL)
    check_op(ow.tensor_scatter_nd_sub, cases, _at(np.subtract.at), dtypes=ALL)
    check_op(ow.tensor_scatter_max, cases, _at(np.maximum.at), dtypes=ALL)
    check_op(ow.tensor_scatter_nd_min, cases, _at(np.minimum.at), dtypes=ALL)
    update = _at(lambda out, at, updates: out.__setitem__(at, updates))
    check_op(ow.tensor_scatter_nd_update, [case(tensor, apart, rng.normal(size=2))], update, dtypes=ALL)


def test_wide_slices_are_cut_into_chunks(rng, session):
    tensor, updates = (ow.placeholder("float32", [None, None]) for _ in range(2))
    indices = ow.placeholder("int64", [None, 1])
    x, u = rng.integers(0, 9, (40, 5000)).astype(np.float32), rng.integers(0, 9, (30, 5000)).astype(np.float32)
    rows = rng.integers(0, 40, (30, 1))
    feeds = {tensor: x, updates: u, indices: rows}
    scattered, added = session.run(
        [ow.scatter_nd(indices, updates, ow.shape(tensor, "int64")), ow.tensor_scatter_add(tensor, indices, updates)],
        feeds,
    )
    np.testing.assert_array_equal(scattered, _at(np.add.at)(np.zeros_like(x), rows, u))
    np.testing.assert_array_equal(added, _at(np.add.at)(x, rows, u))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8"])
def test_integers(dtype):
    x, u = np.array([1, 2, 3]).astype(dtype), np.array([2, 1, 2]).astype(dtype)
    at = [[0], [0], [2]]
    assert ow.tensor_scatter_add(x, at, u).numpy().tolist() == [4, 2, 5]
    assert ow.tensor_scatter_update(x, at, u).numpy().tolist() == [1, 2, 2]
    assert ow.scatter_nd(at, u, [3]).numpy().tolist() == [3, 0, 2]


def test_bools_are_or_ed():
    assert ow.scatter_nd([[0], [0], [2]], [True, True, False], [3]).numpy().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ow.scatter_nd([[0]], [1.0, 2.0], [3]), r"\[scatter_nd\] updates must have shape \(1,\), got \(2,\)"),
        (lambda: ow.scatter_nd([[0, 0]], [1.0], [3]), "the last dimension of indices must be at most 1, got 2"),
        (
            lambda: ow.tensor_scatter_add([1.0], [[0]], [[1.0]]),
            r"\[tensor_scatter_add\] updates must have shape \(1,\), got \(1, 1\)",
        ),
        (lambda: ow.scatter_nd([[4]], [1.0], [3]), r"\[scatter_nd\] indices\[0\] = \[4\] is not inside \[3\]"),
        (lambda: ow.tensor_scatter_update([1.0], [[-1]], [1.0]), r"indices\[0\] = \[-1\] is not inside \[1\]"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call()
