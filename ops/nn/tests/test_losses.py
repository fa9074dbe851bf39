"""The losses of TensorFlow 1: formulas, weights, reductions, collections, names."""

import numpy as np
import opwright as ow
import pytest
import scipy.special
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op


def _huber(y, p, delta=1.0):
    e = np.abs(p - y)
    return np.where(e <= delta, e * e / 2, delta * e - delta**2 / 2)


def _log_loss(y, p):
    return -y * np.log(p + 1e-7) - (1 - y) * np.log(1 - p + 1e-7)


def _sigmoid(y, x, label_smoothing=0):
    y = y * (1 - label_smoothing) + 0.5 * label_smoothing
    return -y * scipy.special.log_expit(x) - (1 - y) * scipy.special.log_expit(-x)


def _softmax(y, x, label_smoothing=0):
    y = y * (1 - label_smoothing) + label_smoothing / y.shape[1]
    return -np.sum(y * scipy.special.log_softmax(x, 1), 1)


REFERENCE = {
    "absolute_difference": lambda y, p: np.abs(p - y),
    "mean_squared_error": lambda y, p: (p - y) ** 2,
    "huber_loss": _huber,
    "log_loss": _log_loss,
    "hinge_loss": lambda y, x: np.maximum(0, 1 - (2 * y - 1) * x),
    "cosine_distance": lambda y, p, axis: 1 - np.sum(y * p, axis, keepdims=True),
    "sigmoid_cross_entropy": _sigmoid,
    "softmax_cross_entropy": _softmax,
}
OPTIONS = {
    "huber_loss": [{}, {"delta": 0.3}],
    "cosine_distance": [{"axis": 1}],
    "sigmoid_cross_entropy": [{}, {"label_smoothing": 0.1}],
    "softmax_cross_entropy": [{}, {"label_smoothing": 0.1}],
}


@pytest.mark.parametrize("name", REFERENCE)
def test_formulas(name, rng):
    labels, predictions = scipy.special.softmax(rng.normal(size=(2, 4, 3)), -1)
    cases = [case(labels, predictions, **options) for options in OPTIONS.get(name, [{}])]
    loss = getattr(ow.losses, name)
    # The labels' gradient of softmax_cross_entropy is stopped.
    check_op(
        loss,
        cases,
        lambda y, p, **options: np.mean(REFERENCE[name](y, p, **options)),
        gradient=name != "softmax_cross_entropy",
    )


def test_sparse_softmax_cross_entropy(rng):
    labels, logits = np.array([0, 2, 1, 1]), rng.normal(size=(4, 3))

    def reference(y, x):
        return np.mean(-scipy.special.log_softmax(x, 1)[np.arange(4), y.reshape(-1)])

    check_op(ow.losses.sparse_softmax_cross_entropy, [case(labels, logits), case(labels[:, None], logits)], reference)
    weights = np.array([[1.0], [0.0], [2.0], [0.0]])
    found = ow.losses.sparse_softmax_cross_entropy(labels[:, None], logits, weights=weights)
    losses = -scipy.special.log_softmax(logits, 1)[np.arange(4), labels]
    np.testing.assert_allclose(float(found), np.sum(losses * weights[:, 0]) / 2)


def test_mean_pairwise_squared_error(rng):
    def reference(y, p, weights=1.0):
        e = (p - y).reshape(len(y), -1)
        n = e.shape[1]
        each = np.sum((e[:, :, None] - e[:, None]) ** 2, (1, 2)) / (n * (n - 1))
        return np.sum(each * np.reshape(weights, -1))

    arrays = rng.normal(size=(2, 3, 2, 2))
    cases = [case(*arrays), case(*arrays, weights=2.0), case(*arrays, weights=np.array([0.5, 3, 1]).reshape(3, 1, 1))]
    check_op(ow.losses.mean_pairwise_squared_error, cases, reference)
    assert float(ow.losses.mean_pairwise_squared_error(np.ones((3, 1)), np.zeros((3, 1)))) == 0  # no pairs


def test_compute_average_loss(rng):
    losses, weights = rng.normal(size=4), rng.uniform(size=4)
    check_op(
        ow.nn.compute_average_loss,
        [case(losses), case(losses, weights), case(losses, global_batch_size=8)],
        lambda x, w=1.0, global_batch_size=4: np.sum(x * w) / global_batch_size,
    )


WEIGHTS = [1.0, 0.5, 0, np.array([[1.0], [0.0], [3.0]]), np.array([[1.0, 2.0, 0.0, 1.0]]), np.ones((3, 4))]


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda w: str(np.shape(w)))
def test_reductions(weights, rng):
    losses = rng.normal(size=(3, 4))
    w = np.broadcast_to(weights, losses.shape)

    def divided(a, b):
        return a / b if b else 0.0

    want = {
        "none": losses * w,
        "weighted_sum": np.sum(losses * w),
        "weighted_mean": divided(np.sum(losses * w), np.sum(w)),
        "weighted_sum_over_batch_size": np.mean(losses * w),
        "weighted_sum_by_nonzero_weights": divided(np.sum(losses * w), np.count_nonzero(w)),
    }
    assert set(want) == set(ow.losses.Reduction.all())
    for reduction, value in want.items():
        found = ow.losses.compute_weighted_loss(losses, weights, reduction=reduction)
        np.testing.assert_allclose(np.asarray(found), value, rtol=1e-12, atol=1e-12)


def test_dtypes():
    half = ow.constant([1.0, 2.0], "float16")
    assert ow.losses.compute_weighted_loss(half).dtype == "float16"
    assert ow.losses.mean_squared_error(np.array([1, 2]), np.array([1, 4])).dtype == "float32"
    assert float(ow.losses.mean_squared_error(np.array([1, 2]), np.array([1, 4]))) == 2


def test_no_elements_give_0():
    assert float(ow.losses.mean_squared_error(np.zeros((0, 2)), np.zeros((0, 2)))) == 0


def test_collections_and_names(graph, session):
    labels, predictions = ow.constant([1.0, 2.0]), ow.constant([2.0, 4.0])
    first = ow.losses.mean_squared_error(labels, predictions, scope="model")
    second = ow.losses.absolute_difference(labels, predictions)
    ow.losses.absolute_difference(labels, predictions, loss_collection=None)
    third = ow.losses.compute_weighted_loss(labels, loss_collection="mine")
    assert first.name == "model/value:0"
    assert second.name == "absolute_difference/value:0"
    assert ow.losses.get_losses() == [first, second]
    assert ow.losses.get_losses("model") == [first]
    assert ow.losses.get_losses(loss_collection="mine") == [third]
    assert session.run(ow.losses.get_regularization_loss()) == 0
    regularizer = ow.constant(10.0)
    graph.add_to_collection("regularization_losses", regularizer)
    assert ow.losses.get_regularization_losses() == [regularizer]
    assert session.run(ow.losses.get_regularization_loss()) == 10
    assert session.run(ow.losses.get_total_loss()) == 14
    assert session.run(ow.losses.get_total_loss(add_regularization_losses=False)) == 4


def test_errors(graph):
    x = ow.placeholder("float32", [None, 3])
    with pytest.raises(ShapeError, match=r"\[losses.huber_loss\] predictions must have the labels' shape \(\?, 2\)"):
        ow.losses.huber_loss(ow.placeholder("float32", [None, 2]), x)
    with pytest.raises(ShapeError, match=r"\[losses\] weights must be a scalar or have the losses' shape"):
        ow.losses.mean_squared_error(x, x, weights=np.ones(3))
    with pytest.raises(ArgumentError, match=r"\[losses\] reduction must be one of none, .*, got 'mean'"):
        ow.losses.mean_squared_error(x, x, reduction="mean")
    with pytest.raises(ArgumentError, match=r"\[losses.cosine_distance\] axis must be given, got None"):
        ow.losses.cosine_distance(x, x)
    with pytest.raises(ArgumentError, match=r"the graph must have a collected loss, got none"):
        ow.losses.get_total_loss()
