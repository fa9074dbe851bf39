"""Functions whose arguments have changed since TensorFlow 1: old keywords, old orders, old defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import ops
from opwright.errors import ArgumentError
from opwright.graph import Tensor


def renamed(name: str, **old_to_new: str) -> Callable[..., Any]:
    """The function called `name` today, with the keywords it had."""

    def function(*args: Any, **kwargs: Any) -> Any:
        for old, new in old_to_new.items():
            value = kwargs.pop(old, None)
            if value is None:
                continue
            if kwargs.get(new) is not None:
                raise ArgumentError(f"[{name}] {new} was given as {old} too; give one of them")
            kwargs[new] = value
        return _find(name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = f"`{name}`, also with the keywords it had: {', '.join(old_to_new)}."
    return function


def _find(name: str) -> Any:
    found: Any = ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


_REDUCTIONS = (
    "count_nonzero reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean reduce_min "
    "reduce_prod reduce_sum"
).split()


def concat(values: Any, axis: Any = None, name: str = "concat", concat_dim: Any = None) -> Any:
    """Joins tensors along an axis; also concat(axis, values), as before r1.0."""
    axis = concat_dim if axis is None else axis
    if isinstance(values, int) or (isinstance(values, Tensor) and isinstance(axis, (list, tuple))):
        values, axis = axis, values
    return ops.concat(values, axis, name=name)


def split(
    value: Any,
    num_or_size_splits: Any = None,
    axis: Any = 0,
    num: Any = None,
    name: str = "split",
    split_dim: Any = None,
    num_split: Any = None,
) -> Any:
    """Cuts a tensor along an axis; also split(axis, number, value), as before r1.0."""
    if isinstance(value, int) and not isinstance(axis, int):
        value, axis = axis, value
    axis = axis if split_dim is None else split_dim
    return ops.split(value, num_or_size_splits if num_split is None else num_split, axis, name=name)


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None,
    labels: Any = None,
    logits: Any = None,
    dim: int = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Any:
    """Cross-entropy of softmax(logits) against labels, per example; no gradient flows to the labels.

    Positional arguments are (logits, labels), as before r1.0.
    """
    if _sentinel is not None:
        logits = _sentinel
    if labels is None or logits is None:
        raise ArgumentError("[softmax_cross_entropy_with_logits] labels and logits must be given; use labels=, logits=")
    fixed = ops.stop_gradient(labels)
    return ops.nn.softmax_cross_entropy_with_logits(labels=fixed, logits=logits, axis=_first(axis, dim), name=name)


def softmax_cross_entropy_with_logits_v2(
    labels: Any, logits: Any, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Any:
    """Cross-entropy of softmax(logits) against labels, per example; gradients flow to both."""
    axis = _first(axis, dim, -1)
    return ops.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, axis=axis, name=name)


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Any:
    """Cross-entropy of softmax(logits) against the classes in labels. Positional: (logits, labels), as before r1.0."""
    logits = _first(logits, _sentinel)
    return ops.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None, targets: Any = None
) -> Any:
    """Cross-entropy of sigmoid(logits) against labels. Positional: (logits, targets), as before r1.0."""
    logits, labels = _first(logits, _sentinel), _first(labels, targets)
    return ops.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def dropout(
    x: Any, keep_prob: Any = None, noise_shape: Any = None, seed: Any = None, name: str | None = None, rate: Any = None
) -> Any:
    """Keeps each element with probability keep_prob, or 1 - rate, and scales it up by the inverse."""
    if (keep_prob is None) == (rate is None):
        raise ArgumentError("[dropout] one of keep_prob and rate must be given")
    return ops.nn.dropout(x, 1 - keep_prob if rate is None else rate, noise_shape=noise_shape, seed=seed, name=name)


def pool(
    input: Any,
    window_shape: Any,
    pooling_type: str,
    padding: Any,
    dilation_rate: Any = None,
    strides: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Any:
    """nn.pool with the order of its arguments in TensorFlow 1."""
    return ops.nn.pool(
        input, window_shape, pooling_type, strides, padding, data_format, _first(dilations, dilation_rate), name=name
    )


def _first(*values: Any) -> Any:
    return next((v for v in values if v is not None), None)


_REDUCED = {"reduction_indices": "axis", "keep_dims": "keepdims"}

API: dict[str, Any] = {
    **{f"{prefix}{name}": renamed(name, **_REDUCED) for name in _REDUCTIONS for prefix in ("", "math.")},
    **{
        f"{prefix}{old}": renamed(new, dimension="axis")
        for prefix in ("", "math.")
        for old, new in {"argmax": "argmax", "argmin": "argmin", "arg_max": "argmax", "arg_min": "argmin"}.items()
    },
    "concat": concat,
    "expand_dims": renamed("expand_dims", dim="axis"),
    "nn.avg_pool": renamed("nn.avg_pool", value="input"),
    "nn.dropout": dropout,
    "nn.l2_normalize": renamed("nn.l2_normalize", dim="axis"),
    "nn.log_softmax": renamed("nn.log_softmax", dim="axis"),
    "nn.max_pool": renamed("nn.max_pool", value="input"),
    "nn.max_pool_with_argmax": renamed("nn.max_pool_with_argmax", Targmax="output_dtype"),
    "nn.moments": renamed("nn.moments", keep_dims="keepdims"),
    "nn.pool": pool,
    "nn.sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy_with_logits,
    "nn.softmax": renamed("nn.softmax", dim="axis"),
    "nn.softmax_cross_entropy_with_logits": softmax_cross_entropy_with_logits,
    "nn.softmax_cross_entropy_with_logits_v2": softmax_cross_entropy_with_logits_v2,
    "nn.sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy_with_logits,
    "reverse_sequence": renamed("reverse_sequence", seq_dim="seq_axis", batch_dim="batch_axis"),
    "split": split,
    "squeeze": renamed("squeeze", squeeze_dims="axis"),
}
