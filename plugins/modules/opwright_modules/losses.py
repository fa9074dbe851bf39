"""Losses as in TensorFlow 2: functions that give one number an example, classes that reduce them to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError

EPSILON = 1e-7  # how far predicted probabilities keep from 0 and 1
_REDUCTIONS = ("auto", "sum_over_batch_size", "sum", "none")


def both(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and predictions as tensors of the predictions' dtype (float32 for integers)."""
    pred = convert_to_tensor(y_pred)
    pred = pred if pred.dtype.is_floating else ops.cast(pred, "float32")
    true = convert_to_tensor(y_true)
    return (true if true.dtype is pred.dtype else ops.cast(true, pred.dtype)), pred


def _mean(x: Any) -> Any:
    return ops.reduce_mean(x, axis=-1)


@export("losses.MSE", "losses.mse", "metrics.MSE", "metrics.mse")
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of (y_true - y_pred)² over the last dimension."""
    true, pred = both(y_true, y_pred)
    return _mean(ops.squared_difference(pred, true))


@export("losses.MAE", "losses.mae", "losses.mean_absolute_error", "metrics.MAE", "metrics.mae")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of |y_true - y_pred| over the last dimension."""
    true, pred = both(y_true, y_pred)
    return _mean(ops.abs(pred - true))


@export("losses.MAPE", "losses.mean_absolute_percentage_error")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 times the mean of |y_true - y_pred| / |y_true| over the last dimension."""
    true, pred = both(y_true, y_pred)
    return 100.0 * _mean(ops.abs(true - pred) / ops.maximum(ops.abs(true), EPSILON))


@export("losses.MSLE", "losses.mean_squared_logarithmic_error")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of (log(1 + y_true) - log(1 + y_pred))² over the last dimension; negative numbers count as 0."""
    true, pred = both(y_true, y_pred)
    logs = [ops.log1p(ops.maximum(x, EPSILON)) for x in (pred, true)]
    return _mean(ops.squared_difference(*logs))


@export("losses.huber")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """The mean over the last dimension of e² / 2 where |e| ≤ delta, else delta |e| - delta² / 2."""
    true, pred = both(y_true, y_pred)
    error = ops.abs(pred - true)
    return _mean(ops.where(error <= delta, 0.5 * error * error, delta * error - 0.5 * delta * delta))


@export("losses.log_cosh", "losses.logcosh")
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """The mean of log cosh(y_pred - y_true) = e + log(1 + exp(-2 e)) - log 2 over the last dimension."""
    true, pred = both(y_true, y_pred)
    error = pred - true
    return _mean(error + ops.softplus(-2.0 * error) - 0.6931471805599453)


@export("losses.poisson")
def poisson(y_true: Any, y_pred: Any) -> Any:
    """The mean of y_pred - y_true log(y_pred) over the last dimension."""
    true, pred = both(y_true, y_pred)
    return _mean(pred - true * ops.log(pred + EPSILON))


@export("losses.KLD", "losses.kl_divergence", "losses.kullback_leibler_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """The sum of y_true log(y_true / y_pred) over the last dimension."""
    true, pred = (ops.clip_by_value(x, EPSILON, 1.0) for x in both(y_true, y_pred))
    return ops.reduce_sum(true * ops.log(true / pred), axis=-1)


def _signs(true: Any) -> Any:
    """Labels that are -1 and 1, also if they come as 0 and 1."""
    binary = ops.reduce_all(ops.logical_or(ops.equal(true, 0.0), ops.equal(true, 1.0)))
    return ops.where(binary, 2.0 * true - 1.0, true)


@export("losses.hinge")
def hinge(y_true: Any, y_pred: Any) -> Any:
    """The mean of max(1 - y_true y_pred, 0) over the last dimension; labels are -1 and 1, or 0 and 1."""
    true, pred = both(y_true, y_pred)
    return _mean(ops.maximum(1.0 - _signs(true) * pred, 0.0))


@export("losses.squared_hinge")
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """The mean of max(1 - y_true y_pred, 0)² over the last dimension; labels are -1 and 1, or 0 and 1."""
    true, pred = both(y_true, y_pred)
    return _mean(ops.square(ops.maximum(1.0 - _signs(true) * pred, 0.0)))


@export("losses.cosine_similarity")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between the vectors along an axis."""
    true, pred = (ops.l2_normalize(x, axis=axis) for x in both(y_true, y_pred))
    return -ops.reduce_sum(true * pred, axis=axis)


def _smoothed(true: Any, label_smoothing: float, classes: Any) -> Any:
    return true * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else true


def _inside(probabilities: Any) -> Any:
    return ops.clip_by_value(probabilities, EPSILON, 1.0 - EPSILON)


@export("losses.categorical_crossentropy", "metrics.categorical_crossentropy")
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-Σ y_true log(y_pred) along an axis; probabilities are scaled to the sum 1 before."""
    true, pred = both(y_true, y_pred)
    true = _smoothed(true, label_smoothing, true.shape[axis])
    if from_logits:
        return ops.nn.softmax_cross_entropy_with_logits(labels=true, logits=pred, axis=axis)
    pred = _inside(pred / ops.reduce_sum(pred, axis=axis, keepdims=True))
    return -ops.reduce_sum(true * ops.log(pred), axis=axis)


@export("losses.sparse_categorical_crossentropy", "metrics.sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log of the probability of the class whose number y_true is."""
    pred = convert_to_tensor(y_pred)
    if axis not in (-1, len(pred.shape) - 1):
        order = [d for d in range(len(pred.shape)) if d != axis % len(pred.shape)] + [axis % len(pred.shape)]
        pred = ops.transpose(pred, order)
    true = ops.cast(convert_to_tensor(y_true), "int64")
    if len(true.shape) == len(pred.shape):
        true = ops.squeeze(true, [-1])
    logits = pred if from_logits else ops.log(_inside(pred))
    return ops.nn.sparse_softmax_cross_entropy_with_logits(labels=true, logits=logits)


@export("losses.binary_crossentropy", "metrics.binary_crossentropy")
def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0) -> Any:
    """The mean of -y log(p) - (1 - y) log(1 - p) over the last dimension."""
    true, pred = both(y_true, y_pred)
    true = _smoothed(true, label_smoothing, 2.0)
    if from_logits:
        return _mean(ops.nn.sigmoid_cross_entropy_with_logits(labels=true, logits=pred))
    p = _inside(pred)
    return -_mean(true * ops.log(p + EPSILON) + (1.0 - true) * ops.log(1.0 - p + EPSILON))


@export("losses.Loss")
class Loss:
    """The base of losses: one of your own defines call(y_true, y_pred), one number an example.

    `reduction` is "sum_over_batch_size" (their mean), "sum" or "none". Raises ArgumentError for another.
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = None) -> None:
        self.reduction = str(reduction).lower()
        if self.reduction not in _REDUCTIONS:
            raise ArgumentError(f"[Loss] reduction must be one of {', '.join(_REDUCTIONS)}, got {reduction!r}")
        self.name = name

    def call(self, y_true: Any, y_pred: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        losses = self.call(y_true, y_pred)
        if sample_weight is not None:
            losses = losses * weights_like(sample_weight, losses)
        if self.reduction == "none":
            return losses
        return ops.reduce_sum(losses) if self.reduction == "sum" else ops.reduce_mean(losses)


def weights_like(sample_weight: Any, values: Any) -> Any:
    """Weights that broadcast to values: of their dtype, with as many dimensions."""
    weights = convert_to_tensor(sample_weight)
    weights = weights if weights.dtype is values.dtype else ops.cast(weights, values.dtype)
    if len(weights.shape) == len(values.shape) + 1 and weights.shape[-1] == 1:
        return ops.squeeze(weights, [-1])
    while 0 < len(weights.shape) < len(values.shape):
        weights = ops.expand_dims(weights, -1)
    return weights


def _of(function: Callable[..., Any], default_name: str, options: dict[str, Any]) -> type[Loss]:
    """A Loss of a function, with its options as arguments."""

    class OfFunction(Loss):
        def __init__(
            self, *args: Any, reduction: Any = "sum_over_batch_size", name: str | None = None, **given: Any
        ) -> None:
            super().__init__(reduction, name or default_name)
            stray = given.keys() - options.keys()
            if stray or len(args) > len(options):
                raise ArgumentError(
                    f"[{type(self).__name__}] the options are {', '.join(options) or 'none'}, got {given}"
                )
            self._options = {**options, **dict(zip(options, args, strict=False)), **given}

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return function(y_true, y_pred, **self._options)

    OfFunction.__doc__ = f"{function.__doc__} Reduced over the examples: see Loss."
    return OfFunction


_SMOOTHED = {"from_logits": False, "label_smoothing": 0.0}
MeanSquaredError = export("losses.MeanSquaredError")(_of(mean_squared_error, "mean_squared_error", {}))
MeanAbsoluteError = export("losses.MeanAbsoluteError")(_of(mean_absolute_error, "mean_absolute_error", {}))
Huber = export("losses.Huber")(_of(huber, "huber", {"delta": 1.0}))
LogCosh = export("losses.LogCosh")(_of(log_cosh, "log_cosh", {}))
Poisson = export("losses.Poisson")(_of(poisson, "poisson", {}))
KLDivergence = export("losses.KLDivergence")(_of(kl_divergence, "kl_divergence", {}))
Hinge = export("losses.Hinge")(_of(hinge, "hinge", {}))
SquaredHinge = export("losses.SquaredHinge")(_of(squared_hinge, "squared_hinge", {}))
CosineSimilarity = export("losses.CosineSimilarity")(_of(cosine_similarity, "cosine_similarity", {"axis": -1}))
CategoricalCrossentropy = export("losses.CategoricalCrossentropy")(
    _of(categorical_crossentropy, "categorical_crossentropy", _SMOOTHED | {"axis": -1})
)
SparseCategoricalCrossentropy = export("losses.SparseCategoricalCrossentropy")(
    _of(sparse_categorical_crossentropy, "sparse_categorical_crossentropy", {"from_logits": False})
)
BinaryCrossentropy = export("losses.BinaryCrossentropy")(_of(binary_crossentropy, "binary_crossentropy", _SMOOTHED))
MeanAbsolutePercentageError = export("losses.MeanAbsolutePercentageError")(
    _of(mean_absolute_percentage_error, "mean_absolute_percentage_error", {})
)
MeanSquaredLogarithmicError = export("losses.MeanSquaredLogarithmicError")(
    _of(mean_squared_logarithmic_error, "mean_squared_logarithmic_error", {})
)
