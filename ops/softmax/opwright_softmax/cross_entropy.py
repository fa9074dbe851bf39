"""Softmax cross-entropies: ops of two outputs, the loss of each row and its derivative by the logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import DType, OpDef, convert_to_tensor, dtypes, export, ops
from opwright.shapes import broadcast, normalize_axis

dense_op = OpDef(
    "softmax_cross_entropy_with_logits(labels: T['*b n'], logits: T['*b n']) -> (loss: T['*b'], backprop: T['*b n'])",
    T=dtypes.floats,
)
dense_op.examples(
    lambda rng: [
        {"labels": np.full(s, 1 / s[-1]), "logits": rng.normal(size=s)}  # the labels are probabilities in any dtype
        for s in ((3, 4), (2,), (2, 2, 8), (0, 4), (17, 32))
    ]
)
sparse_op = OpDef(
    "sparse_softmax_cross_entropy_with_logits(labels: I['*b'], logits: T['*b n'])"
    " -> (loss: T['*b'], backprop: T['*b n'])",
    T=dtypes.floats,
    I=dtypes.indices,
)


@dense_op.gradient
def _dense_gradient(node, dloss, dbackprop):
    # loss = sum(l) log(sum(exp(x))) - <l, x>; backprop = softmax(x) - l, its derivative where sum(l) = 1.
    logits = node.input("logits")
    dloss = ops.expand_dims(dloss, -1)
    by_labels, by_logits = -dloss * ops.log_softmax(logits), dloss * node.output("backprop")
    if not _is_zero(dbackprop):
        by_labels -= dbackprop
        by_logits += ops.softmax_grad(dbackprop, ops.softmax(logits))
    return by_labels, by_logits


@sparse_op.gradient
def _sparse_gradient(node, dloss, dbackprop):
    by_logits = ops.expand_dims(dloss, -1) * node.output("backprop")
    if not _is_zero(dbackprop):
        by_logits += ops.softmax_grad(dbackprop, ops.softmax(node.input("logits")))
    return None, by_logits


def _is_zero(dy: Any) -> bool:
    """Whether this is what stands for an output that nothing is differentiated through. At worst False: then zeros are
    added in vain."""
    if hasattr(dy, "storage"):
        return not dy.storage.any()
    values = [t.static_value() for t in dy.op.inputs] if dy.op.type == "fill" else [dy.static_value()]
    return values[-1] is not None and not np.any(values[-1])


@export("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """The cross-entropy of softmax(logits) against labels along `axis`, without that axis.

    Each row of labels must sum to 1: the gradient, as TensorFlow's, takes it for granted. Labels and logits broadcast
    against each other. Gradients go to both.
    """
    labels, logits = _tensors(labels, logits)
    if labels.shape.dims != logits.shape.dims and labels.shape.is_known and logits.shape.is_known:
        shape = np.array(broadcast(labels.shape, logits.shape).known(), np.int32)
        labels, logits = ops.broadcast_to(labels, shape), ops.broadcast_to(logits, shape)
    if axis != -1:
        labels, logits = _moved_last(labels, axis), _moved_last(logits, axis)
    return dense_op(labels, logits, name=name or "softmax_cross_entropy_with_logits")[0]


def _tensors(labels: Any, logits: Any) -> tuple[Any, Any]:
    """Both as tensors; what is none takes the dtype of what is one."""
    dtype = next((t.dtype for t in (logits, labels) if isinstance(getattr(t, "dtype", None), DType)), None)
    made = []
    for value in (logits, labels):
        own = dtype is None or isinstance(getattr(value, "dtype", None), DType)
        made.append(convert_to_tensor(value) if own else convert_to_tensor(value, dtype))
        dtype = dtype or made[0].dtype
    return made[1], made[0]


def _moved_last(x: Any, axis: int) -> Any:
    rank = len(x.shape.known_rank())
    at = normalize_axis(axis, rank, "softmax_cross_entropy_with_logits")
    return x if at == rank - 1 else ops.transpose(x, [d for d in range(rank) if d != at] + [at])


@export("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """The cross-entropy of softmax(logits) against class numbers, for each row along the last axis.

    Running it raises OutOfRangeError where a label is no class.
    """
    return sparse_op(labels, logits, name=name or "sparse_softmax_cross_entropy_with_logits")[0]
