"""Losses and metrics against their formulas in NumPy."""

import math

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError
from opwright.testing import check_gradient

E = 1e-7


def clipped(p):
    return np.clip(p, E, 1 - E)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def huber(t, p, delta=1.0):
    e = np.abs(p - t)
    return np.where(e <= delta, e * e / 2, delta * e - delta * delta / 2).mean(-1)


ELEMENTWISE = {
    "MSE": lambda t, p: ((t - p) ** 2).mean(-1),
    "MAE": lambda t, p: np.abs(t - p).mean(-1),
    "MAPE": lambda t, p: 100 * (np.abs(t - p) / np.maximum(np.abs(t), E)).mean(-1),
    "MSLE": lambda t, p: ((np.log1p(np.maximum(p, E)) - np.log1p(np.maximum(t, E))) ** 2).mean(-1),
    "huber": huber,
    "log_cosh": lambda t, p: np.log(np.cosh(p - t)).mean(-1),
    "poisson": lambda t, p: (p - t * np.log(p + E)).mean(-1),
    "kl_divergence": lambda t, p: (np.clip(t, E, 1) * np.log(np.clip(t, E, 1) / np.clip(p, E, 1))).sum(-1),
    "cosine_similarity": lambda t, p: -(t * p).sum(-1) / np.linalg.norm(t, axis=-1) / np.linalg.norm(p, axis=-1),
    "binary_crossentropy": lambda t, p: -(t * np.log(clipped(p) + E) + (1 - t) * np.log(1 - clipped(p) + E)).mean(-1),
    "categorical_crossentropy": lambda t, p: -(t * np.log(clipped(p / p.sum(-1, keepdims=True)))).sum(-1),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_losses(name, rng):
    true, pred = rng.uniform(0.1, 2, size=(4, 3)), rng.uniform(0.1, 0.9, size=(4, 3))
    function = getattr(ow.losses, name)
    np.testing.assert_allclose(function(true, pred), ELEMENTWISE[name](true, pred), rtol=1e-9)
    check_gradient(lambda p: function(ow.constant(true, "float64"), p), [pred], second_order=False)


def test_crossentropies_of_logits(rng):
    x, classes = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    onehot = np.eye(3)[classes]
    wanted = -log_softmax(x)[np.arange(4), classes]
    np.testing.assert_allclose(ow.losses.categorical_crossentropy(onehot, x, from_logits=True), wanted)
    np.testing.assert_allclose(ow.losses.sparse_categorical_crossentropy(classes, x, from_logits=True), wanted)
    np.testing.assert_allclose(ow.losses.sparse_categorical_crossentropy(classes[:, None], x, from_logits=True), wanted)
    np.testing.assert_allclose(ow.losses.sparse_categorical_crossentropy(classes, x.T, True, axis=0), wanted)
    p = np.exp(log_softmax(x))
    np.testing.assert_allclose(ow.losses.sparse_categorical_crossentropy(classes, p), wanted, rtol=1e-5)
    smooth = onehot * 0.9 + 0.1 / 3
    found = ow.losses.categorical_crossentropy(onehot, x, from_logits=True, label_smoothing=0.1)
    np.testing.assert_allclose(found, -(smooth * log_softmax(x)).sum(-1))
    binary = np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0) - x * onehot
    np.testing.assert_allclose(ow.losses.binary_crossentropy(onehot, x, from_logits=True), binary.mean(-1))


def test_hinges():
    true, pred = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[0.5, 0.5], [2.0, -1.0]])
    wanted = np.maximum(1 - (2 * true - 1) * pred, 0)
    np.testing.assert_allclose(ow.losses.hinge(true, pred), wanted.mean(-1))
    np.testing.assert_allclose(ow.losses.hinge(2 * true - 1, pred), wanted.mean(-1))
    np.testing.assert_allclose(ow.losses.squared_hinge(true, pred), (wanted**2).mean(-1))


CLASSES = (
    "MeanSquaredError MeanAbsoluteError Huber LogCosh Poisson KLDivergence Hinge SquaredHinge CosineSimilarity "
    "CategoricalCrossentropy SparseCategoricalCrossentropy BinaryCrossentropy MeanAbsolutePercentageError "
    "MeanSquaredLogarithmicError"
).split()


@pytest.mark.parametrize("name", CLASSES)
def test_loss_classes_reduce(name, rng):
    sparse = name.startswith("Sparse")
    true = np.array([0, 2, 1, 1]) if sparse else rng.uniform(0.1, 0.9, size=(4, 3))
    pred = rng.uniform(0.1, 0.9, size=(4, 3))
    make = getattr(ow.losses, name)
    each = np.asarray(make(reduction="none")(true, pred))
    assert each.shape == (4,)
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    assert float(make()(true, pred)) == pytest.approx(each.mean())
    assert float(make(reduction="sum")(true, pred)) == pytest.approx(each.sum())
    assert float(make()(true, pred, sample_weight=weights)) == pytest.approx((each * weights).mean())
    assert float(make()(true, pred, sample_weight=weights[:, None])) == pytest.approx((each * weights).mean())


def test_loss_options():
    loss = ow.losses.BinaryCrossentropy(from_logits=True)
    assert float(loss([[1.0]], [[0.0]])) == pytest.approx(math.log(2))
    assert float(ow.losses.Huber(0.5)([[0.0]], [[2.0]])) == 0.875
    assert ow.losses.CategoricalCrossentropy().name == "categorical_crossentropy"
    with pytest.raises(
        ArgumentError, match="reduction must be one of auto, sum_over_batch_size, sum, none, got 'mean'"
    ):
        ow.losses.MeanSquaredError(reduction="mean")
    with pytest.raises(ArgumentError, match="the options are from_logits, label_smoothing, got"):
        ow.losses.BinaryCrossentropy(from_logit=True)

    class Mine(ow.losses.Loss):
        def call(self, y_true, y_pred):
            return y_true * y_pred

    assert float(Mine()(ow.constant([1.0, 2.0]), ow.constant([3.0, 4.0]))) == 5.5


def test_means():
    mean = ow.metrics.Mean()
    assert float(mean.result()) == 0.0
    mean.update_state([1.0, 2.0])
    mean.update_state(6.0)
    assert float(mean.result()) == 3.0
    mean.reset_state()
    assert float(mean([2.0, 4.0], sample_weight=[3.0, 1.0])) == 2.5
    assert [v.trainable for v in mean.variables] == [False, False]
    total = ow.metrics.Sum()
    total.update_state([1, 2])
    assert float(total([3.0], sample_weight=2.0)) == 9.0


def test_accuracies():
    scores = np.array([[0.1, 0.8, 0.1], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]], np.float32)
    classes = np.array([1, 2, 2])
    assert float(ow.metrics.Accuracy()(classes, [1, 0, 2])) == pytest.approx(2 / 3)
    assert float(ow.metrics.SparseCategoricalAccuracy()(classes, scores)) == pytest.approx(2 / 3)
    assert float(ow.metrics.SparseCategoricalAccuracy()(classes[:, None], scores)) == pytest.approx(2 / 3)
    assert float(ow.metrics.CategoricalAccuracy()(np.eye(3)[classes], scores)) == pytest.approx(2 / 3)
    assert float(ow.metrics.SparseTopKCategoricalAccuracy(k=2)(classes, scores)) == 1.0
    assert float(ow.metrics.TopKCategoricalAccuracy(2)(np.eye(3)[classes], scores)) == 1.0
    assert float(ow.metrics.BinaryAccuracy()([[1.0, 0.0]], [[0.7, 0.6]])) == 0.5
    assert float(ow.metrics.BinaryAccuracy(threshold=0.65)([[1.0, 0.0]], [[0.7, 0.6]])) == 1.0
    weighted = ow.metrics.SparseCategoricalAccuracy()
    weighted.update_state(classes, scores, sample_weight=[1.0, 3.0, 0.0])
    assert float(weighted.result()) == 0.25


def test_errors_and_counts():
    true, pred = [[0.0, 1.0], [1.0, 1.0]], [[0.2, 0.9], [0.4, 0.6]]
    assert float(ow.metrics.MeanSquaredError()(true, pred)) == pytest.approx(0.1425)
    assert float(ow.metrics.MeanAbsoluteError()(true, pred)) == pytest.approx(0.325)
    assert float(ow.metrics.RootMeanSquaredError()(true, pred)) == pytest.approx(math.sqrt(0.1425))
    assert float(ow.metrics.Precision()(true, pred)) == 1.0
    assert float(ow.metrics.Recall()(true, pred)) == pytest.approx(2 / 3)
    assert float(ow.metrics.Precision(0.1)([0.0, 1.0], [0.3, 0.3])) == 0.5
    metric = ow.metrics.BinaryCrossentropy(from_logits=True)
    assert float(metric([[1.0]], [[0.0]])) == pytest.approx(math.log(2))
    with pytest.raises(ArgumentError, match="the options are threshold"):
        ow.metrics.BinaryAccuracy(limit=1)


def test_metrics_of_your_own():
    class Largest(ow.metrics.Metric):
        def __init__(self):
            super().__init__("largest")
            self.value = self.add_weight("value")

        def update_state(self, x):
            self.value.assign(ow.maximum(self.value, ow.reduce_max(x)))

        def result(self):
            return self.value

    metric = Largest()
    metric.update_state(ow.constant([1.0, 7.0]))
    assert float(metric(ow.constant([3.0]))) == 7.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


# What TensorFlow 2.21 gives for these labels and predictions.
LABELS, PREDICTIONS, WEIGHTS = [0, 0, 1, 1, 1, 0], [0.0, 0.5, 0.3, 0.9, 0.5, 0.2], [1, 2, 3, 1, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "weights", "wanted"),
    [
        ((200, "ROC"), None, 0.8333333),
        ((200, "PR"), None, 0.8289904),
        ((3, "ROC"), None, 0.6666667),
        ((3, "PR"), None, 0.7433408),
        ((200, "ROC", "minoring"), WEIGHTS, 0.68),
        ((200, "ROC", "majoring"), WEIGHTS, 0.76),
        ((3, "ROC", "minoring"), WEIGHTS, 0.2),
    ],
)
def test_areas_under_curves(arguments, weights, wanted):
    metric = ow.metrics.AUC(*arguments)
    for part in (slice(0, 2), slice(2, 6)):
        metric.update_state(LABELS[part], PREDICTIONS[part], weights and weights[part])
    assert float(metric.result()) == pytest.approx(wanted, abs=2e-7)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_the_area_is_how_often_a_right_label_is_ranked_higher(rng):
    labels, predictions = rng.integers(0, 2, 300), rng.uniform(size=300)
    pairs = predictions[labels == 1][:, None] - predictions[labels == 0]
    metric = ow.metrics.AUC(thresholds=predictions)
    assert float(metric(labels, predictions)) == pytest.approx((pairs > 0).mean(), abs=1e-6)
    logits = ow.metrics.AUC(thresholds=predictions, from_logits=True)
    assert float(logits(labels, np.log(predictions / (1 - predictions)))) == pytest.approx((pairs > 0).mean(), abs=0.01)
    for text, options in (
        (r"curve must be ROC or PR, got 'X'", {"curve": "X"}),
        ("summation_method must be interpolation, minoring or majoring, got 'X'", {"summation_method": "X"}),
        ("num_thresholds must be at least 2, got 1", {"num_thresholds": 1}),
    ):
        with pytest.raises(ArgumentError, match=text):
            ow.metrics.AUC(**options)
