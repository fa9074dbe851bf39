"""Softmax cross-entropies against SciPy's log_softmax: dense and sparse labels, axes, broadcasting, derivatives."""

import numpy as np
import opwright as ow
import pytest
import scipy.special
from opwright import ops
from opwright.errors import OutOfRangeError, ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def _dense(labels, logits, axis=-1):
    return -np.sum(labels * scipy.special.log_softmax(logits, axis), axis)


def _sparse(labels, logits):
    return -np.take_along_axis(scipy.special.log_softmax(logits, -1), labels[..., None].astype(int), -1)[..., 0]


def _probabilities(rng, shape, axis=-1):
    return scipy.special.softmax(rng.normal(size=shape), axis)


def test_dense_labels(rng):
    cases = [
        case(_probabilities(rng, (3, 7)), 3 * rng.normal(size=(3, 7))),
        case(_probabilities(rng, (2, 3, 4)), rng.normal(size=(2, 3, 4))),
        case(_probabilities(rng, (3, 2), 0), rng.normal(size=(3, 2)), axis=0),
        case(np.ones((4, 1)), rng.normal(size=(4, 1))),
        case(np.eye(5), rng.normal(size=(5, 5))),
        case(_probabilities(rng, (3,)), rng.normal(size=(3,))),
    ]
    check_op(ow.nn.softmax_cross_entropy_with_logits, cases, _dense, dtypes=DTYPES)
    large = [case(np.zeros((0, 3)), np.zeros((0, 3)))]
    large += [case(_probabilities(rng, (2, n)), rng.normal(size=(2, n))) for n in (16, 33, 1000, 9001)]
    check_op(ow.nn.softmax_cross_entropy_with_logits, large, _dense, gradient=False)


def test_no_classes():
    none = np.zeros((3, 0), np.float32)
    np.testing.assert_array_equal(np.asarray(ow.nn.softmax_cross_entropy_with_logits(none, none)), np.zeros(3))
    with pytest.raises(OutOfRangeError, match=r"labels must lie in \[0, 0\)"):
        ow.nn.sparse_softmax_cross_entropy_with_logits(np.zeros(3, np.int32), none)


def test_dense_labels_broadcast(rng):
    cases = [case(_probabilities(rng, (1, 4)), rng.normal(size=(3, 4)))]
    for one in cases:
        found = ow.nn.softmax_cross_entropy_with_logits(*one.arrays)
        np.testing.assert_allclose(np.asarray(found), _dense(*one.arrays), rtol=1e-6)


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_sparse_labels(index, rng):
    cases = [
        case(rng.integers(0, 7, 4).astype(index), 3 * rng.normal(size=(4, 7))),
        case(rng.integers(0, 4, (2, 3)).astype(index), rng.normal(size=(2, 3, 4))),
        case(np.array(1, index), rng.normal(size=(3,))),
        case(np.zeros(3, index), rng.normal(size=(3, 1))),
    ]
    check_op(ow.nn.sparse_softmax_cross_entropy_with_logits, cases, _sparse, dtypes=DTYPES)
    large = [case(np.zeros((0,), index), np.zeros((0, 3)))]
    large += [case(rng.integers(0, n, 3).astype(index), rng.normal(size=(3, n))) for n in (16, 17, 1000, 9001)]
    check_op(ow.nn.sparse_softmax_cross_entropy_with_logits, large, _sparse, gradient=False)


def test_backprop_is_a_derivative_that_can_be_differentiated(rng):
    labels, logits = _probabilities(rng, (2, 5)), rng.normal(size=(2, 5))
    check_op(
        lambda z, x: ops.softmax_cross_entropy_with_logits(z, x)[1],
        [case(labels, logits)],
        lambda z, x: scipy.special.softmax(x, -1) - z,
        dtypes=DTYPES,
        tolerance=2,  # a difference of rounded numbers
    )
    check_op(
        lambda z, x: ops.sparse_softmax_cross_entropy_with_logits(z, x)[1],
        [case(np.array([4, 0]), logits)],
        lambda z, x: scipy.special.softmax(x, -1) - np.eye(5)[z],
        dtypes=DTYPES,
        tolerance=2,
    )


def test_nothing_is_computed_for_an_unused_backprop(graph, rng):
    logits = ow.placeholder("float32", [None, 3])
    loss = ow.nn.sparse_softmax_cross_entropy_with_logits(labels=np.array([0, 1]), logits=logits)
    ow.gradients(loss, logits)
    assert "softmax_grad" not in {op.type for op in graph.operations}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities(dtype):
    inf = np.inf
    logits = np.array([[-inf, 0, 0], [-inf, 1, 0], [inf, 0, 0], [-inf, -inf, -inf], [1e30, -1e30, 0]], dtype)
    labels = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype)
    want = [np.log(2), inf, np.nan, np.nan, 2e30]
    loss, backprop = ops.softmax_cross_entropy_with_logits(labels, logits)
    np.testing.assert_allclose(np.asarray(loss), want, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(backprop)[0], [0, -0.5, 0.5])
    assert np.isnan(np.asarray(backprop)[2:4]).all()
    sparse = ow.nn.sparse_softmax_cross_entropy_with_logits(labels.argmax(-1), logits)
    np.testing.assert_allclose(np.asarray(sparse), want, rtol=1e-6)


def test_labels_are_converted_to_the_dtype_of_the_logits():
    logits = ow.constant([[1.0, 2.0]])
    found = ow.nn.softmax_cross_entropy_with_logits(labels=np.array([[0.0, 1.0]]), logits=logits)
    assert found.dtype == "float32"
    np.testing.assert_allclose(np.asarray(found), [np.log1p(np.exp(-1))], rtol=1e-6)


@pytest.mark.parametrize("label", [-1, 3, 2**31])
def test_labels_out_of_range(label):
    labels = np.array([0, label])
    with pytest.raises(
        OutOfRangeError, match=rf"labels must lie in \[0, 3\), the number of classes, got {label} in row 1"
    ):
        ow.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=np.zeros((2, 3), np.float32))


def test_errors(graph):
    logits = ow.placeholder("float32", [None, 3])
    with pytest.raises(ShapeError, match=r"\[softmax_cross_entropy_with_logits\] logits must have n = 4"):
        ow.nn.softmax_cross_entropy_with_logits(labels=ow.placeholder("float32", [None, 4]), logits=logits)
    with pytest.raises(
        ShapeError, match=r"\[sparse_softmax_cross_entropy_with_logits\] logits's dimensions \*b must eq"
    ):
        ow.nn.sparse_softmax_cross_entropy_with_logits(labels=ow.placeholder("int32", [None, 1]), logits=logits)
    with pytest.raises(ShapeError, match=r"\[softmax_cross_entropy_with_logits\] axis must lie in \[-2, 2\), got 2"):
        ow.nn.softmax_cross_entropy_with_logits(labels=logits, logits=logits, axis=2)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_slope_of_the_gradient_along_a_direction(sparse, rng):
    """The Hessian times a vector: forwards over backwards, against (diag(p) - p pT) v."""
    x, v = rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    labels = np.array([1, 4]) if sparse else np.eye(5)[[1, 4]]
    loss = ow.nn.sparse_softmax_cross_entropy_with_logits if sparse else ow.nn.softmax_cross_entropy_with_logits
    _, slope = ow.jvp(ow.grad(lambda x: ow.reduce_sum(loss(labels=labels, logits=x))), [x], [v])
    p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(slope, p * v - p * (p * v).sum(-1, keepdims=True), atol=1e-12)
