"""Metrics as in TensorFlow 2: variables that take in batch after batch, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError

from opwright_modules import losses
from opwright_modules.losses import both, weights_like
from opwright_modules.module import Module


@export("metrics.Metric")
class Metric(Module):
    """The base of metrics: one of your own adds its variables in __init__, and defines update_state and result."""

    def __init__(self, name: str | None = None, dtype: Any = "float32") -> None:
        super().__init__(name)
        self.dtype = dtype
        self._state: list[Any] = []

    def add_weight(self, name: str, shape: Any = (), initializer: Any = "zeros", dtype: Any = None) -> Any:
        """A variable of the metric, which reset_state sets to 0 (or ones, with initializer="ones")."""
        make = ops.ones if initializer == "ones" else ops.zeros
        made = ops.Variable(make(list(shape), dtype or self.dtype), trainable=False, name=f"{self.name}/{name}")
        self._state.append((made, make))
        return made

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define update_state")

    def result(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define result")

    def reset_state(self) -> None:
        """Begins anew."""
        for variable, make in self._state:
            variable.assign(make(variable.shape.known(), variable.dtype))

    reset_states = reset_state

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Takes in a batch and returns the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()


@export("metrics.Sum")
class Sum(Metric):
    """The sum of all values, weighted."""

    def __init__(self, name: str | None = "sum", dtype: Any = "float32") -> None:
        super().__init__(name, dtype)
        self.total = self.add_weight("total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = _as(values, self.dtype)
        if sample_weight is not None:
            values = values * weights_like(sample_weight, values)
        self.total.assign_add(ops.reduce_sum(values))

    def result(self) -> Any:
        return ops.identity(self.total)


@export("metrics.Mean")
class Mean(Metric):
    """The mean of all values, weighted; 0 of none."""

    def __init__(self, name: str | None = "mean", dtype: Any = "float32") -> None:
        super().__init__(name, dtype)
        self.total = self.add_weight("total")
        self.count = self.add_weight("count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = _as(values, self.dtype)
        weights = ops.ones_like(values)
        if sample_weight is not None:
            weights = ops.broadcast_to(weights_like(sample_weight, values), ops.shape(values))
            values = values * weights
        self.total.assign_add(ops.reduce_sum(values))
        self.count.assign_add(ops.reduce_sum(weights))

    def result(self) -> Any:
        return ops.divide_no_nan(self.total, self.count)


def _as(values: Any, dtype: Any) -> Any:
    tensor = convert_to_tensor(values)
    return tensor if tensor.dtype == dtype else ops.cast(tensor, dtype)


@export("metrics.MeanMetricWrapper")
class MeanMetricWrapper(Mean):
    """The mean of what a function of labels and predictions gives for each example."""

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = "float32", **options: Any) -> None:
        super().__init__(name or fn.__name__, dtype)
        self._function = fn
        self._options = options

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(self._function(y_true, y_pred, **self._options), sample_weight)


def _matches(a: Any, b: Any) -> Any:
    return ops.cast(ops.equal(a, b), "float32")


@export("metrics.binary_accuracy")
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """How often (y_pred > threshold) = y_true, over the last dimension."""
    true, pred = both(y_true, y_pred)
    return ops.reduce_mean(_matches(true, ops.cast(pred > threshold, true.dtype)), axis=-1)


@export("metrics.categorical_accuracy")
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest prediction is where the largest label is: 0 or 1 for each example."""
    return _matches(ops.argmax(convert_to_tensor(y_true), axis=-1), ops.argmax(convert_to_tensor(y_pred), axis=-1))


def _classes(y_true: Any, y_pred: Any) -> Any:
    """The numbers of the classes, without a last dimension of size 1."""
    true = ops.cast(convert_to_tensor(y_true), "int64")
    return ops.squeeze(true, [-1]) if len(true.shape) == len(y_pred.shape) and true.shape[-1] == 1 else true


@export("metrics.sparse_categorical_accuracy")
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest prediction is that of the class whose number y_true is: 0 or 1 for each example."""
    pred = convert_to_tensor(y_pred)
    return _matches(_classes(y_true, pred), ops.argmax(pred, axis=-1))


@export("metrics.sparse_top_k_categorical_accuracy")
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether the class y_true is among the k largest predictions: 0 or 1 for each example."""
    pred = convert_to_tensor(y_pred)
    return ops.cast(ops.in_top_k(_classes(y_true, pred), pred, k), "float32")


@export("metrics.top_k_categorical_accuracy")
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether the largest label is among the k largest predictions: 0 or 1 for each example."""
    return sparse_top_k_categorical_accuracy(ops.argmax(convert_to_tensor(y_true), axis=-1), y_pred, k)


def _accuracy(y_true: Any, y_pred: Any) -> Any:
    true, pred = both(y_true, y_pred)
    return _matches(true, pred)


def _of(function: Callable[..., Any], default_name: str, summary: str, **options: Any) -> type[Metric]:
    """A metric of a function, with its options as arguments."""

    class OfFunction(MeanMetricWrapper):
        def __init__(self, *args: Any, name: str | None = None, dtype: Any = "float32", **given: Any) -> None:
            if len(args) > len(options) or given.keys() - options.keys():
                raise ArgumentError(
                    f"[{default_name}] the options are {', '.join(options) or 'none'}, got {given or args}"
                )
            chosen = {**options, **dict(zip(options, args, strict=False)), **given}
            super().__init__(function, name or default_name, dtype, **chosen)

    OfFunction.__doc__ = summary
    return OfFunction


Accuracy = export("metrics.Accuracy")(_of(_accuracy, "accuracy", "How often predictions equal labels."))
BinaryAccuracy = export("metrics.BinaryAccuracy")(
    _of(binary_accuracy, "binary_accuracy", "How often (y_pred > threshold) = y_true.", threshold=0.5)
)
CategoricalAccuracy = export("metrics.CategoricalAccuracy")(
    _of(categorical_accuracy, "categorical_accuracy", "How often the largest prediction is the largest label's.")
)
SparseCategoricalAccuracy = export("metrics.SparseCategoricalAccuracy")(
    _of(sparse_categorical_accuracy, "sparse_categorical_accuracy", "How often the largest prediction is y_true's.")
)
TopKCategoricalAccuracy = export("metrics.TopKCategoricalAccuracy")(
    _of(top_k_categorical_accuracy, "top_k_categorical_accuracy", "How often the label is among the k largest.", k=5)
)
SparseTopKCategoricalAccuracy = export("metrics.SparseTopKCategoricalAccuracy")(
    _of(sparse_top_k_categorical_accuracy, "sparse_top_k_categorical_accuracy", "How often y_true is among the k.", k=5)
)
MeanSquaredError = export("metrics.MeanSquaredError")(
    _of(losses.mean_squared_error, "mean_squared_error", "The mean squared error.")
)
MeanAbsoluteError = export("metrics.MeanAbsoluteError")(
    _of(losses.mean_absolute_error, "mean_absolute_error", "The mean absolute error.")
)
CategoricalCrossentropy = export("metrics.CategoricalCrossentropy")(
    _of(
        losses.categorical_crossentropy,
        "categorical_crossentropy",
        "The mean categorical cross-entropy.",
        from_logits=False,
        label_smoothing=0.0,
    )
)
SparseCategoricalCrossentropy = export("metrics.SparseCategoricalCrossentropy")(
    _of(
        losses.sparse_categorical_crossentropy,
        "sparse_categorical_crossentropy",
        "The mean categorical cross-entropy of class numbers.",
        from_logits=False,
    )
)
BinaryCrossentropy = export("metrics.BinaryCrossentropy")(
    _of(
        losses.binary_crossentropy,
        "binary_crossentropy",
        "The mean binary cross-entropy.",
        from_logits=False,
        label_smoothing=0.0,
    )
)


@export("metrics.RootMeanSquaredError")
class RootMeanSquaredError(MeanSquaredError):  # type: ignore[misc, valid-type]
    """The root of the mean squared error."""

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = "float32") -> None:
        super().__init__(name=name, dtype=dtype)

    def result(self) -> Any:
        return ops.sqrt(super().result())


class _Counting(Metric):
    """Counts predictions above a threshold, by what they and their labels are."""

    def __init__(self, thresholds: float | None = None, name: str | None = None, dtype: Any = "float32") -> None:
        super().__init__(name, dtype)
        self._threshold = 0.5 if thresholds is None else thresholds
        self.true_positives = self.add_weight("true_positives")
        self.others = self.add_weight("others")

    def _wrong(self, true: Any, chosen: Any) -> Any:
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        true, pred = both(y_true, y_pred)
        chosen = ops.cast(pred > self._threshold, true.dtype)
        right, wrong = true * chosen, self._wrong(true, chosen)
        if sample_weight is not None:
            right, wrong = (x * weights_like(sample_weight, x) for x in (right, wrong))
        self.true_positives.assign_add(_as(ops.reduce_sum(right), self.dtype))
        self.others.assign_add(_as(ops.reduce_sum(wrong), self.dtype))

    def result(self) -> Any:
        return ops.divide_no_nan(self.true_positives, self.true_positives + self.others)


@export("metrics.Precision")
class Precision(_Counting):
    """Of the predictions above the threshold (0.5), how many are right."""

    def _wrong(self, true: Any, chosen: Any) -> Any:
        return (1.0 - true) * chosen


@export("metrics.Recall")
class Recall(_Counting):
    """Of the labels that are 1, for how many the prediction is above the threshold (0.5)."""

    def _wrong(self, true: Any, chosen: Any) -> Any:
        return true * (1.0 - chosen)
