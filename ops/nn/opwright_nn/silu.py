"""silu, also called swish: x sigmoid(beta x)."""

from __future__ import annotations

import numbers
from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops

silu_op = OpDef("silu(features: T['*s'], beta: float = 1.0) -> (activations: T['*s'])", T=dtypes.floats)
silu_grad = OpDef(
    "silu_grad(gradients: T['*s'], features: T['*s'], beta: float = 1.0) -> (backprops: T['*s'])", T=dtypes.floats
)


@silu_op.gradient
def _silu_gradient(node, dy):
    return silu_grad(dy, node.input("features"), node.attr.beta)


@silu_grad.gradient
def _silu_grad_gradient(node, ddx):
    # f'' = beta s (1 - s) (2 + beta x (1 - 2 s))
    dy, x, beta = node.input("gradients"), node.input("features"), node.attr.beta
    s = ops.sigmoid(beta * x)
    return silu_grad(ddx, x, beta), ddx * dy * (beta * s * (1 - s) * (2 + beta * x * (1 - 2 * s)))


@export("nn.silu", "nn.swish")
def silu(features: Any, beta: Any = 1.0, name: str | None = "silu") -> Any:
    """features * sigmoid(beta * features). A tensor or variable for beta gets a gradient too."""
    if isinstance(beta, numbers.Real):
        return silu_op(features, float(beta), name=name)
    features = convert_to_tensor(features)
    return ops.multiply(features, ops.sigmoid(beta * features), name=name)
