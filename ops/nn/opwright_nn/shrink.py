"""Activations that pull towards 0 what is near it."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops

softshrink = OpDef("softshrink(features: T['*s'], lambd: float = 0.5) -> (activations: T['*s'])", T=dtypes.floats)
hardshrink = OpDef("hardshrink(features: T['*s'], lambd: float = 0.5) -> (activations: T['*s'])", T=dtypes.floats)
# gradients where |features| > lambd, else 0.
shrink_grad = OpDef(
    "shrink_grad(gradients: T['*s'], features: T['*s'], lambd: float) -> (backprops: T['*s'])", T=dtypes.floats
)


for _op in (softshrink, hardshrink):

    @_op.shape
    def _shape(c):
        c.require(c.attr.lambd >= 0, "lambd must not be negative", c.attr.lambd)
        return c.shape("features")

    @_op.gradient
    def _gradient(node, dy):
        return shrink_grad(dy, node.input("features"), node.attr.lambd)


@shrink_grad.gradient
def _shrink_grad_gradient(node, ddx):
    return shrink_grad(ddx, node.input("features"), node.attr.lambd), None


@export("tanhshrink")
def tanhshrink(x: Any, name: str | None = "tanhshrink") -> Any:
    """x - tanh(x)."""
    x = convert_to_tensor(x)
    return ops.subtract(x, ops.tanh(x), name=name)
