"""dropout: elements set to 0 at random, the others scaled so that the expected value stays."""

from __future__ import annotations

import numbers
from typing import Any

from opwright import DType, OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.errors import ArgumentError, DTypeError, InvalidArgumentError

dropout_op = OpDef(
    "dropout(x: T['*s'], rate: R[''], seed: int = 0, seed2: int = 0) -> (y: T['*s'], mask: bool['*s'])",
    T=dtypes.floats,
    R=dtypes.wide_floats,
    random=True,
)
dropout_grad = OpDef(
    "dropout_grad(dy: T['*s'], mask: bool['*s'], rate: R['']) -> (dx: T['*s'])", T=dtypes.floats, R=dtypes.wide_floats
)


@dropout_op.gradient
def _dropout_gradient(node, dy, _):
    # What the rate does to the mask has no derivative.
    return dropout_grad(dy, node.output("mask"), node.input("rate")), None


@dropout_grad.gradient
def _dropout_grad_gradient(node, ddx):
    return dropout_grad(ddx, node.input("mask"), node.input("rate")), None, None


@export("nn.dropout")
def dropout(
    x: Any,
    rate: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = "dropout",
    *,
    keep_prob: Any = None,
) -> Any:
    """x with each element 0 with probability `rate` and else divided by 1 - rate; rate 0 gives x as it is.

    `rate`, a number or a scalar tensor in [0, 1), may be given as keep_prob = 1 - rate. `noise_shape` draws fewer
    numbers, which broadcast to x (None stands for x's own size). Raises InvalidArgumentError for a rate outside [0, 1),
    ArgumentError if neither or both of rate and keep_prob are given, DTypeError unless x is floating.
    """
    x = convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise DTypeError(f"[dropout] x must be floating, got {x.dtype.name}")
    rate = _rate(rate, keep_prob, x.dtype)
    if rate is None:
        return x
    first, second = ops.get_seed(seed)
    seeds = {"seed": first or 0, "seed2": second or 0}
    if noise_shape is None:
        return dropout_op(x, rate, name=name, **seeds)[0]
    noise = dropout_op(ops.ones(_noise_shape(noise_shape, x), x.dtype), rate, **seeds)[0]
    return ops.multiply(x, noise, name=name)


def _rate(rate: Any, keep_prob: Any, dtype: DType) -> Any:
    """The rate as a tensor; None if it is known to be 0."""
    if (rate is None) == (keep_prob is None):
        raise ArgumentError(f"[dropout] one of rate and keep_prob must be given, got {rate!r} and {keep_prob!r}")
    wide = "float64" if dtype == "float64" else "float32"
    given = rate if keep_prob is None else keep_prob
    if isinstance(given, numbers.Real):
        rate = float(given) if keep_prob is None else 1 - float(given)
        if not 0 <= rate < 1:
            wanted = "rate must lie in [0, 1)" if keep_prob is None else "keep_prob must lie in (0, 1]"
            raise InvalidArgumentError(f"[dropout] {wanted}, got {given}")
        return None if rate == 0 else convert_to_tensor(rate, wide)
    given = convert_to_tensor(given)
    given = given if given.dtype == wide else ops.cast(given, wide)
    return given if keep_prob is None else 1 - given


def _noise_shape(noise_shape: Any, x: Any) -> Any:
    """The shape, with x's own sizes where it says None."""
    if not isinstance(noise_shape, (list, tuple, Shape)) or None not in list(noise_shape):
        return noise_shape
    known = x.shape.dims
    sizes = [(known[i] if known else None) if d is None else d for i, d in enumerate(noise_shape)]
    return [ops.shape(x)[i] if d is None else d for i, d in enumerate(sizes)]
