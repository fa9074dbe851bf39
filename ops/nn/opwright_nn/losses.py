"""TensorFlow 1's losses: weighted, averaged, and collected in the graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opwright import convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError, ShapeError

LOSSES = "losses"
REGULARIZATION_LOSSES = "regularization_losses"


@export("losses.Reduction")
class Reduction:
    """How a loss's elements become one number."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        return cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def validate(cls, key: str) -> None:
        """Raises ArgumentError unless `key` is a reduction."""
        if key not in cls.all():
            raise ArgumentError(f"[losses] reduction must be one of {', '.join(cls.all())}, got {key!r}")


BY_NONZERO = Reduction.SUM_BY_NONZERO_WEIGHTS


def _scope(scope: str | None, default: str) -> AbstractContextManager[Any]:
    graph = scopes.current_graph()
    return nullcontext() if graph is None else graph.name_scope(scope or default)


def _floating(x: Any, like: Any = None) -> Any:
    """The tensor as float32, or float64 if it or `like` is that."""
    x = convert_to_tensor(x)
    wanted = like.dtype if like is not None else x.dtype if x.dtype == "float64" else "float32"
    return x if x.dtype == wanted else ops.cast(x, wanted)


def _pair(op: str, labels: Any, predictions: Any) -> tuple[Any, Any]:
    """Both in one floating dtype. Raises ShapeError unless their shapes agree."""
    predictions = _floating(predictions)
    labels = _floating(labels, predictions)
    if not labels.shape.is_compatible_with(predictions.shape):
        raise ShapeError(
            f"[losses.{op}] predictions must have the labels' shape {labels.shape}, got {predictions.shape}"
        )
    return labels, predictions


@export("losses.compute_weighted_loss")
def compute_weighted_loss(
    losses: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """losses * weights, reduced to a number unless `reduction` is NONE, and added to the graph's `loss_collection`.

    Weights are a scalar, or of the losses' rank with each dimension equal or 1. MEAN divides by the sum of the weights,
    SUM_BY_NONZERO_WEIGHTS by the number of elements whose weight is not 0, SUM_OVER_BATCH_SIZE by that of all; dividing
    by 0 gives 0. Raises ShapeError for other weights, ArgumentError for another reduction.
    """
    Reduction.validate(reduction)
    with _scope(scope, "weighted_loss"):
        given = convert_to_tensor(losses)
        losses = _floating(given)
        plain = isinstance(weights, (int, float)) and weights == 1
        weights = _floating(weights, losses)
        _check_weights(weights.shape, losses.shape)
        loss = losses if plain else losses * weights
        if reduction != Reduction.NONE:
            loss = ops.reduce_sum(loss)
            count = None if reduction == Reduction.SUM else _count(losses, weights, plain, reduction)
            loss = loss if count is None else ops.div_no_nan(loss, count)
        loss = loss if loss.dtype is given.dtype or not given.dtype.is_floating else ops.cast(loss, given.dtype)
        loss = ops.identity(loss, name="value")
    add_loss(loss, loss_collection)
    return loss


def _check_weights(weights: Any, losses: Any) -> None:
    if weights.rank in (None, 0) or losses.rank is None:
        return
    same = weights.rank == losses.rank
    if not same or any(None not in (w, d) and w not in (1, d) for w, d in zip(weights, losses, strict=True)):
        raise ShapeError(
            f"[losses] weights must be a scalar or have the losses' shape {losses}, or 1 in its place, got {weights}"
        )


def _count(losses: Any, weights: Any, plain: bool, reduction: str) -> Any:
    """What the sum of the losses is divided by."""
    if plain or reduction == Reduction.SUM_OVER_BATCH_SIZE:
        return ops.cast(ops.size(losses), losses.dtype)
    if reduction == BY_NONZERO:
        weights = ops.cast(ops.not_equal(weights, ops.zeros_like(weights)), losses.dtype)
    return ops.reduce_sum(weights + ops.zeros_like(losses))


@export("losses.add_loss")
def add_loss(loss: Any, loss_collection: Any = LOSSES) -> None:
    """Adds a loss to a collection of the current graph; does nothing in eager execution or for the collection None."""
    graph = scopes.current_graph()
    if graph is not None and loss_collection:
        graph.add_to_collection(loss_collection, loss)


@export("losses.get_losses")
def get_losses(scope: str | None = None, loss_collection: Any = LOSSES) -> list[Any]:
    """The current graph's collected losses; with `scope`, those whose names begin with it."""
    graph = scopes.current_graph()
    return [] if graph is None else graph.get_collection(loss_collection, scope)


@export("losses.get_regularization_losses")
def get_regularization_losses(scope: str | None = None) -> list[Any]:
    """The current graph's regularization losses."""
    return get_losses(scope, REGULARIZATION_LOSSES)


@export("losses.get_regularization_loss")
def get_regularization_loss(scope: str | None = None, name: str = "total_regularization_loss") -> Any:
    """The sum of the regularization losses; 0 if there are none."""
    found = get_regularization_losses(scope)
    return ops.add_n(found, name=name) if found else ops.constant(0.0)


@export("losses.get_total_loss")
def get_total_loss(add_regularization_losses: bool = True, name: str = "total_loss", scope: str | None = None) -> Any:
    """The sum of all collected losses, regularization losses included. Raises ArgumentError if there are none."""
    found = get_losses(scope) + (get_regularization_losses(scope) if add_regularization_losses else [])
    if not found:
        raise ArgumentError("[losses.get_total_loss] the graph must have a collected loss, got none")
    return ops.add_n(found, name=name)


def _elementwise(
    op: str, labels: Any, predictions: Any, formula: Callable[[Any, Any], Any], weights: Any, *rest: Any
) -> Any:
    """compute_weighted_loss of formula(labels, predictions)."""
    scope, loss_collection, reduction = rest
    labels, predictions = _pair(op, labels, predictions)
    with _scope(scope, op) as full:
        return compute_weighted_loss(formula(labels, predictions), weights, full, loss_collection, reduction)


@export("losses.absolute_difference")
def absolute_difference(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """|predictions - labels|, weighted and reduced as compute_weighted_loss says."""
    return _elementwise(
        "absolute_difference",
        labels,
        predictions,
        lambda y, p: ops.abs(p - y),
        weights,
        scope,
        loss_collection,
        reduction,
    )


@export("losses.mean_squared_error")
def mean_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """(predictions - labels)², weighted and reduced as compute_weighted_loss says."""
    return _elementwise(
        "mean_squared_error", labels, predictions, lambda y, p: ops.square(p - y), weights, scope, loss_collection,
        reduction,
    )  # fmt: skip


@export("losses.huber_loss")
def huber_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    delta: float = 1.0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """e² / 2 where |e| = |predictions - labels| ≤ delta, else delta |e| - delta² / 2; weighted and reduced."""

    def formula(y: Any, p: Any) -> Any:
        error = ops.abs(p - y)
        quadratic = ops.minimum(error, delta)
        return 0.5 * ops.square(quadratic) + delta * (error - quadratic)

    return _elementwise("huber_loss", labels, predictions, formula, weights, scope, loss_collection, reduction)


@export("losses.log_loss")
def log_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """-y log(p + epsilon) - (1 - y) log(1 - p + epsilon), weighted and reduced."""

    def formula(y: Any, p: Any) -> Any:
        return -y * ops.log(p + epsilon) - (1 - y) * ops.log(1 - p + epsilon)

    return _elementwise("log_loss", labels, predictions, formula, weights, scope, loss_collection, reduction)


@export("losses.hinge_loss")
def hinge_loss(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """max(0, 1 - (2 y - 1) logits) for labels y of 0 and 1, weighted and reduced."""

    def formula(y: Any, x: Any) -> Any:
        return ops.nn.relu(1 - (2 * y - 1) * x)

    return _elementwise("hinge_loss", labels, logits, formula, weights, scope, loss_collection, reduction)


@export("losses.cosine_distance")
def cosine_distance(
    labels: Any,
    predictions: Any,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
    dim: int | None = None,
) -> Any:
    """1 - the sum of labels * predictions along `axis`, which keeps size 1, weighted and reduced. The arguments must
    have unit length along the axis. Raises ArgumentError without an axis."""
    along = dim if axis is None else axis
    if along is None:
        raise ArgumentError("[losses.cosine_distance] axis must be given, got None")

    def formula(y: Any, p: Any) -> Any:
        return 1 - ops.reduce_sum(y * p, axis=along, keepdims=True)

    return _elementwise("cosine_distance", labels, predictions, formula, weights, scope, loss_collection, reduction)


@export("losses.sigmoid_cross_entropy")
def sigmoid_cross_entropy(
    multi_class_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """Sigmoid cross-entropies of labels moved towards 1/2 by `label_smoothing`, weighted and reduced."""

    def formula(y: Any, x: Any) -> Any:
        y = y * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y
        return ops.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x)

    return _elementwise(
        "sigmoid_cross_entropy", multi_class_labels, logits, formula, weights, scope, loss_collection, reduction
    )


@export("losses.softmax_cross_entropy")
def softmax_cross_entropy(
    onehot_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """Softmax cross-entropies of labels moved towards the uniform distribution by `label_smoothing`, weighted and
    reduced. No gradient goes to the labels."""

    def formula(y: Any, x: Any) -> Any:
        if label_smoothing:
            classes = ops.cast(ops.shape(y)[1], y.dtype)
            y = y * (1 - label_smoothing) + label_smoothing / classes
        return ops.nn.softmax_cross_entropy_with_logits(labels=ops.stop_gradient(y), logits=x)

    return _elementwise(
        "softmax_cross_entropy", onehot_labels, logits, formula, weights, scope, loss_collection, reduction
    )


@export("losses.sparse_softmax_cross_entropy")
def sparse_softmax_cross_entropy(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = LOSSES,
    reduction: str = BY_NONZERO,
) -> Any:
    """Softmax cross-entropies against class numbers, weighted and reduced. Labels and weights may have a last dimension
    of size 1 that the losses lack."""
    with _scope(scope, "sparse_softmax_cross_entropy") as full:
        logits, labels = convert_to_tensor(logits), convert_to_tensor(labels)
        rows = None if logits.shape.rank is None else logits.shape.rank - 1
        labels = _without_last(labels, rows)
        if hasattr(weights, "__len__") or hasattr(weights, "shape"):
            weights = _without_last(_floating(weights), rows)
        loss = ops.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return compute_weighted_loss(loss, weights, full, loss_collection, reduction)


def _without_last(x: Any, rank: int | None) -> Any:
    """The tensor without its last dimension, if that is 1 and the rank one too high."""
    dims = x.shape.dims
    surplus = dims is not None and rank is not None and len(dims) == rank + 1 and dims[-1] in (1, None)
    return ops.squeeze(x, [-1]) if surplus and rank else x


@export("losses.mean_pairwise_squared_error")
def mean_pairwise_squared_error(
    labels: Any, predictions: Any, weights: Any = 1.0, scope: str | None = None, loss_collection: Any = LOSSES
) -> Any:
    """For each example the mean over pairs of elements of ((p_i - p_j) - (y_i - y_j))², weighted and summed.

    Weights are a scalar, or one for each example."""
    labels, predictions = _pair("mean_pairwise_squared_error", labels, predictions)
    with _scope(scope, "mean_pairwise_squared_error"):
        weights = _floating(weights, predictions)
        _check_weights(weights.shape, predictions.shape)
        errors = predictions - labels
        axes = list(range(1, len(errors.shape.known_rank())))
        # For n elements e: sum over i, j of (e_i - e_j)^2 = 2 n sum(e^2) - 2 sum(e)^2, and there are n (n - 1) pairs.
        present = ops.cast(ops.not_equal(weights, ops.zeros_like(weights)), errors.dtype) + ops.zeros_like(errors)
        n = ops.reduce_sum(present, axis=axes, keepdims=True)
        squares = ops.reduce_sum(ops.square(errors), axis=axes, keepdims=True)
        total = ops.square(ops.reduce_sum(errors, axis=axes, keepdims=True))
        pairs = ops.div_no_nan(squares, ops.nn.relu(n - 1)) - ops.div_no_nan(total, n * (n - 1))
        loss = ops.reduce_sum(2 * pairs * weights, name="value")
    add_loss(loss, loss_collection)
    return loss


@export("nn.compute_average_loss")
def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Any:
    """The sum of the examples' losses, times their weights, over the batch's size (by default the first dimension)."""
    losses = _floating(per_example_loss)
    weighted = losses if sample_weight is None else losses * _floating(sample_weight, losses)
    n = ops.shape(losses)[0] if global_batch_size is None else global_batch_size
    return ops.reduce_sum(weighted) / ops.cast(n, losses.dtype)
