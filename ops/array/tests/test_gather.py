"""gather, gather_nd and their gradients."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def _gather(params, indices, axis=None, batch_dims=0):
    if batch_dims:
        axis = batch_dims if axis is None else axis
        return np.stack([_gather(p, i, axis - 1, batch_dims - 1) for p, i in zip(params, indices, strict=True)])
    return np.take(params, indices, axis or 0)


def test_gather(rng):
    x = rng.normal(size=(3, 4, 5))
    check_op(
        ow.gather,
        [
            case(x, np.array([[0, 3], [3, 1]]), axis=1),
            case(x, np.array(4, np.int32), axis=-1),
            case(x, np.array([], np.int32), axis=1),
            case(x, np.array([[1, 1], [0, 3], [2, 2]]), batch_dims=1),
            case(x, np.array([[1, 1], [0, 4], [2, 2]]), axis=2, batch_dims=1),
            case(x, np.array([0, 1, 3]), axis=1, batch_dims=1),
            case(x, np.array([[0, 2], [2, 2]])),
            case(rng.normal(size=4), np.array([3, 1, 3], np.int32)),
        ],
        _gather,
        dtypes=ALL,
    )


def test_rows_have_a_sparse_gradient(rng, session):
    x, i = ow.placeholder("float64", [4, 3]), ow.placeholder("int32", [None, 2])
    rows = ow.gather(x, i)
    (slope,) = ow.gradients(rows * rows, x)
    assert isinstance(slope, ow.IndexedSlices)
    assert slope.shape == (4, 3)
    value = rng.normal(size=(4, 3))
    found = session.run(slope, {x: value, i: [[1, 3], [1, 0]]})
    np.testing.assert_array_equal(found.indices, [1, 3, 1, 0])
    np.testing.assert_array_equal(found.values, 2 * value[[1, 3, 1, 0]])
    assert found.dense_shape.tolist() == [4, 3]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "bool"])
def test_gather_takes_every_dtype(dtype):
    x = np.array([[1, 0], [0, 1], [1, 1]]).astype(dtype)
    np.testing.assert_array_equal(ow.gather(x, [2, 0]).numpy(), x[[2, 0]])
    np.testing.assert_array_equal(ow.gather(x, [1], axis=1).numpy(), x[:, [1]])


def test_many_rows_are_cut_into_chunks(rng, session):
    x, i = ow.placeholder("float32", [None, None]), ow.placeholder("int64", [None])
    table = rng.normal(size=(500, 64)).astype(np.float32)
    picked = rng.integers(0, 500, 20_000)
    np.testing.assert_array_equal(session.run(ow.gather(x, i), {x: table, i: picked}), table[picked])
    column = picked % 64
    np.testing.assert_array_equal(session.run(ow.gather(x, i, axis=1), {x: table, i: column}), table[:, column])


def _gather_nd(params, indices, batch_dims=0):
    if batch_dims:
        return np.stack([_gather_nd(p, i, batch_dims - 1) for p, i in zip(params, indices, strict=True)])
    if indices.shape[-1] == 0:
        return np.broadcast_to(params, indices.shape[:-1] + params.shape)
    return params[tuple(np.moveaxis(indices, -1, 0))]


def test_gather_nd(rng):
    x = rng.normal(size=(3, 4, 5))
    check_op(
        ow.gather_nd,
        [
            case(x, np.array([[0, 1, 4], [2, 3, 0], [0, 1, 4]])),
            case(x, np.array([[[0, 1]], [[2, 3]]])),
            case(x, np.array([2])),
            case(x, np.zeros((2, 0), np.int32)),
            case(x, np.zeros((0, 2), np.int32)),
            case(x, np.array([[[1, 4]], [[0, 0]], [[3, 3]]]), batch_dims=1),
            case(x, np.array([[[1]] * 4, [[0]] * 4, [[3]] * 4]), batch_dims=2),
        ],
        _gather_nd,
        dtypes=ALL,
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ow.gather(x, [0], axis=2), r"\[gather\] axis must lie in \[-2, 2\), got 2"),
        (lambda x: ow.gather(x, [0.5]), r"\[gather\] indices must be int32 or int64, got float32"),
        (
            lambda x: ow.gather(x, [[0]], batch_dims=1),
            r"\[gather\] the first 1 dimensions of params and indices must agree",
        ),
        (lambda x: ow.gather(x, [0], batch_dims=2), r"\[gather\] batch_dims must be at most 1, got 2"),
        (lambda x: ow.gather(x, [[0], [1]], axis=0, batch_dims=1), "batch_dims must be at most the axis 0, got 1"),
        (
            lambda x: ow.gather_nd(x, [[0, 0, 0]]),
            r"\[gather_nd\] the last dimension of indices must be at most 2, got 3",
        ),
        (lambda x: ow.gather_nd(x, 0), r"\[gather_nd\] indices must have at least 1 dimension"),
    ],
)
def test_errors_rise_where_the_node_is_built(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [2, 3]))


def test_indices_outside_are_named(session):
    x, i = ow.placeholder("float32", [None, 4]), ow.placeholder("int32", None)
    value = np.ones((5, 4))
    for made, bad, text in [
        (ow.gather(x, i), [0, 1, 7], r"\[gather\] indices\[2\] = 7 is not in \[0, 5\)"),
        (ow.gather(x, i, axis=1), [[0, -1]], r"indices\[0,1\] = -1 is not in \[0, 4\)"),
        (ow.gather(x, i), 5, r"indices = 5 is not in \[0, 5\)"),
        (ow.gather_nd(x, i), [[0, 0], [2, 9]], r"\[gather_nd\] indices\[1\] = \[2, 9\] is not inside \[5, 4\]"),
        (ow.gather_grad(ow.ones([1, 4]), ow.reshape(i, [1]), [3, 4]), 3, r"\[gather_grad\] indices\[0\] = 3"),
    ]:
        with pytest.raises(ow.OpwrightError, match=text) as raised:
            session.run(made, {x: value, i: bad})
        assert isinstance(raised.value, IndexError)
    assert session.run(ow.gather(x, i), {x: value[:0], i: np.zeros(0, np.int32)}).shape == (0, 4)
