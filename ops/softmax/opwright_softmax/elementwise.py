"""Losses that treat each element on its own: sigmoid and weighted cross-entropy, Poisson."""

from __future__ import annotations

import math
from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops

sigmoid_cross_entropy = OpDef(
    "sigmoid_cross_entropy_with_logits(labels: T['*s'], logits: T['*s']) -> (loss: T['*s'])", T=dtypes.floats
)


@sigmoid_cross_entropy.gradient
def _sigmoid_gradient(node, dloss):
    labels, logits = node.input("labels"), node.input("logits")
    return -dloss * logits, dloss * (ops.sigmoid(logits) - labels)


@export("weighted_cross_entropy_with_logits")
def weighted_cross_entropy_with_logits(
    labels: Any, logits: Any, pos_weight: Any, name: str | None = "weighted_cross_entropy_with_logits"
) -> Any:
    """Sigmoid cross-entropy, with the terms of positive labels weighted by `pos_weight`, which may be a tensor."""
    logits = convert_to_tensor(logits)
    labels = convert_to_tensor(labels, logits.dtype)
    # (1 - z) x + (1 + (q - 1) z) log(1 + exp(-x)), TensorFlow's formula; the logarithm is the cross-entropy against 1.
    positive = sigmoid_cross_entropy(ops.ones_like(logits), logits)
    return ops.add((1 - labels) * logits, (1 + (pos_weight - 1) * labels) * positive, name=name)


@export("log_poisson_loss")
def log_poisson_loss(
    targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = "log_poisson_loss"
) -> Any:
    """exp(c) - z c, the log-likelihood loss of targets z under Poisson distributions of log-rates c.

    With `compute_full_loss` plus Stirling's approximation of log(z!), z log(z) - z + log(2 pi z) / 2, or 0 where z is
    in [0, 1].
    """
    log_input = convert_to_tensor(log_input)
    targets = convert_to_tensor(targets, log_input.dtype)
    loss = ops.exp(log_input) - log_input * targets
    if compute_full_loss:
        stirling = targets * ops.log(targets) - targets + 0.5 * ops.log(2 * math.pi * targets)
        small = ops.logical_and(targets >= 0, targets <= 1)
        loss += ops.where(small, ops.zeros_like(targets), stirling)
    return ops.identity(loss, name=name)
