"""gelu and mish, and the ops behind silu: x times a smooth step, with first derivatives in one kernel each."""

from __future__ import annotations

import math

from opwright import OpDef, dtypes, ops

gelu = OpDef("gelu(features: T['*s'], approximate: bool = False) -> (activations: T['*s'])", T=dtypes.floats)
gelu_grad = OpDef(
    "gelu_grad(gradients: T['*s'], features: T['*s'], approximate: bool = False) -> (backprops: T['*s'])",
    T=dtypes.floats,
)
mish = OpDef("mish(features: T['*s']) -> (activations: T['*s'])", T=dtypes.floats)
mish_grad = OpDef("mish_grad(gradients: T['*s'], features: T['*s']) -> (backprops: T['*s'])", T=dtypes.floats)

DENSITY = 1 / math.sqrt(2 * math.pi)
TWICE = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715  # Hendrycks and Gimpel 2016


@gelu.gradient
def _gelu_gradient(node, dy):
    return gelu_grad(dy, node.input("features"), node.attr.approximate)


@gelu_grad.gradient
def _gelu_grad_gradient(node, ddx):
    dy, x, approximate = node.input("gradients"), node.input("features"), node.attr.approximate
    curvature = _tanh_curvature(x) if approximate else DENSITY * ops.exp(-0.5 * x * x) * (2 - x * x)
    return gelu_grad(ddx, x, approximate), ddx * dy * curvature


def _tanh_curvature(x):
    """The second derivative of x s(v), s the sigmoid and v = 2 sqrt(2 / pi) (x + 0.044715 x^3)."""
    s = ops.sigmoid(TWICE * x * (1 + CUBIC * x * x))
    slope, bend = TWICE * (1 + 3 * CUBIC * x * x), 6 * TWICE * CUBIC * x
    return s * (1 - s) * (2 * slope + x * ((1 - 2 * s) * slope * slope + bend))


@mish.gradient
def _mish_gradient(node, dy):
    return mish_grad(dy, node.input("features"))


@mish_grad.gradient
def _mish_grad_gradient(node, ddx):
    # With t = tanh(softplus(x)) and s = sigmoid(x): t' = s (1 - t^2), t'' = t' (1 - s - 2 t s).
    dy, x = node.input("gradients"), node.input("features")
    s, t = ops.sigmoid(x), ops.tanh(ops.softplus(x))
    slope = s * (1 - t * t)
    return mish_grad(ddx, x), ddx * dy * slope * (2 + x * (1 - s - 2 * t * s))
