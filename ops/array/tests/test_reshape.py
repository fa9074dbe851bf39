"""reshape, expand_dims, squeeze, broadcast_to, transpose and what static shapes they give."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def test_reshape(rng):
    check_op(
        ow.reshape,
        [
            case(rng.normal(size=(2, 6)), shape=[3, 4]),
            case(rng.normal(size=(2, 6)), shape=[-1]),
            case(rng.normal(size=()), shape=[1, 1]),
            case(rng.normal(size=(0, 3)), shape=[0, 5]),
        ],
        np.reshape,
        dtypes=ALL,
    )


def test_transpose(rng):
    check_op(
        ow.transpose,
        [
            case(rng.normal(size=(2, 3, 4)), perm=[2, 0, 1]),
            case(rng.normal(size=(2, 3, 4))),
            case(rng.normal(size=(2, 3)), perm=[0, 1]),
            case(rng.normal(size=3)),
        ],
        lambda a, perm=None: np.transpose(a, perm),
        dtypes=ALL,
    )
    check_op(ow.linalg.matrix_transpose, [case(rng.normal(size=(2, 3, 4)))], lambda a: np.swapaxes(a, -1, -2))


def test_a_transpose_of_a_transpose_is_undone(rng, session):
    x = ow.placeholder("float32", [2, 3, 4])
    value = rng.normal(size=(2, 3, 4)).astype(np.float32)
    twice = ow.transpose(ow.transpose(x, [2, 0, 1]), [1, 2, 0])
    np.testing.assert_array_equal(session.run(twice, {x: value}), value)


def test_expand_dims_and_squeeze(rng):
    x = rng.normal(size=(2, 1, 3, 1))
    check_op(ow.expand_dims, [case(x, axis=a) for a in (0, 2, -1, 4)], np.expand_dims)
    check_op(ow.squeeze, [case(x), case(x, axis=[1]), case(x, axis=-1), case(x, axis=[1, 3])], _squeeze)
    assert ow.squeeze(np.ones((1, 2)), ow.constant(0)).shape == (2,)


def _squeeze(x, axis=None):
    return np.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


def test_broadcast_to(rng):
    check_op(
        lambda x, shape: ow.broadcast_to(x, shape),
        [
            case(rng.normal(size=(3, 1)), shape=[2, 3, 4]),
            case(rng.normal(size=()), shape=[2]),
            case(rng.normal(size=(2, 3)), shape=[2, 3]),
            case(rng.normal(size=(1,)), shape=[0]),
        ],
        lambda x, shape: np.broadcast_to(x, shape),
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ow.reshape(x, [4, 4]), r"\[reshape\] shape must have the tensor's 6 elements, got \(4, 4\)"),
        (lambda x: ow.reshape(x, [-1, 4]), r"\[reshape\] shape must divide the tensor's 6 elements"),
        (lambda x: ow.reshape(x, [-1, -1]), r"\[reshape\] shape may hold one -1"),
        (lambda x: ow.transpose(x, [0, 0]), r"\[transpose_dims\] perm must be a permutation of 0 to 1, got \(0, 0\)"),
        (lambda x: ow.expand_dims(x, 3), r"\[expand_dims\] axis must lie in \[-3, 3\), got 3"),
        (lambda x: ow.squeeze(x, [0]), r"\[squeeze\] dimensions \(0,\) must be 1, got \(2, 3\)"),
        (
            lambda x: ow.broadcast_to(x, [3, 3]),
            r"\[broadcast_to\] input must broadcast to shape \(3, 3\), got \(2, 3\)",
        ),
        (lambda x: ow.linalg.matrix_transpose(x[0]), r"\[matrix_transpose\] a must have at least 2 dimensions"),
    ],
)
def test_errors_rise_where_the_node_is_built(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [2, 3]))


def test_sizes_are_followed_from_shape_to_reshape(graph):
    x = ow.placeholder("float32", [None, 4, 5])
    batch = ow.shape(x)[0]
    assert ow.reshape(x, [-1, 20]).shape == (None, 20)
    assert ow.reshape(x, ow.stack([batch, 20])).shape == (None, 20)
    assert ow.reshape(x, [batch, 2, 10]).shape == (None, 2, 10)
    assert ow.zeros(ow.concat([ow.shape(x)[:1], [7]], 0)).shape == (None, 7)
    assert ow.fill(ow.shape(x)[1:], 1.0).shape == (4, 5)
    assert ow.fill([batch, ow.cast(ow.cast(ow.shape(x)[2], "int64"), "int32")], 1.0).shape == (None, 5)
    assert ow.reshape(x, ow.squeeze(ow.expand_dims([batch, 20], 0))).shape == (None, 20)
    assert ow.placeholder("float32").shape.rank is None
    assert ow.transpose(ow.placeholder("float32"), [1, 0]).shape == (None, None)


def test_shape_size_rank(session):
    x = ow.placeholder("int8", [None, 3])
    unknown = ow.placeholder("float32")
    made = [
        ow.shape(x),
        ow.shape(x, out_type="int64"),
        ow.size(x),
        ow.rank(x),
        ow.rank(unknown),
        *ow.shape_n([x, unknown]),
    ]
    found = session.run(made, {x: np.ones((2, 3), np.int8), unknown: np.ones((1, 0, 2))})
    for value, want in zip(found, [[2, 3], [2, 3], 6, 2, 3, [2, 3], [1, 0, 2]], strict=True):
        np.testing.assert_array_equal(value, want)
    assert found[1].dtype == np.int64
    assert ow.rank(x).static_value() == 2
    assert ow.size(np.ones((2, 3))).static_value() == 6


def test_broadcast_shapes(session):
    assert ow.broadcast_static_shape([None, 1, 3], [4, 1]) == (None, 4, 3)
    a, b = ow.placeholder("int32", [2]), ow.placeholder("int32", [3])
    assert session.run(ow.broadcast_dynamic_shape(a, b), {a: [5, 1], b: [2, 1, 4]}).tolist() == [2, 5, 4]
    x = ow.placeholder("float32", [None, 3])
    assert ow.zeros(ow.broadcast_dynamic_shape(ow.shape(x), [2, 1, 1])).shape == (2, None, 3)
    with pytest.raises(ow.OpwrightError, match="broadcast"):
        ow.broadcast_dynamic_shape([2], [3])
