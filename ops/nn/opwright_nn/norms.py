"""l2_loss, and tensors scaled to unit length."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops

l2_loss = OpDef("l2_loss(t: T) -> (y: T[''])", T=dtypes.floats)


@l2_loss.gradient
def _l2_loss_gradient(node, dy):
    return dy * node.input("t")


@export("l2_normalize", "math.l2_normalize")
def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = "l2_normalize", dim: Any = None
) -> Any:
    """x / sqrt(max(sum(x²), epsilon)), the sum along `axis` (an int or several; None: all)."""
    x = convert_to_tensor(x)
    squares = ops.reduce_sum(ops.square(x), axis=dim if axis is None else axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)), name=name)


@export("cosine_similarity")
def cosine_similarity(
    x1: Any, x2: Any, axis: int = -1, epsilon: float = 1e-8, name: str | None = "cosine_similarity"
) -> Any:
    """<x1, x2> / max(|x1| |x2|, epsilon) along `axis`. The arguments broadcast against each other."""
    x1 = convert_to_tensor(x1)
    x2 = convert_to_tensor(x2, x1.dtype)
    product = ops.reduce_sum(x1 * x2, axis=axis)
    lengths = ops.reduce_sum(ops.square(x1), axis=axis) * ops.reduce_sum(ops.square(x2), axis=axis)
    return ops.multiply(product, ops.rsqrt(ops.maximum(lengths, epsilon * epsilon)), name=name)
