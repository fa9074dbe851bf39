"""Activations that are exponential below 0."""

from __future__ import annotations

from opwright import OpDef, dtypes

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017

elu = OpDef("elu(features: T['*s']) -> (activations: T['*s'])", T=dtypes.floats)
selu = OpDef("selu(features: T['*s']) -> (activations: T['*s'])", T=dtypes.floats)
celu = OpDef("celu(features: T['*s'], alpha: float = 1.0) -> (activations: T['*s'])", T=dtypes.floats)
# gradients * (slope y + base where y < 0, else scale): the derivative of each of them, in terms of its value y.
elu_grad = OpDef(
    "elu_grad(gradients: T['*s'], outputs: T['*s'], slope: float = 1.0, base: float = 1.0, scale: float = 1.0)"
    " -> (backprops: T['*s'])",
    T=dtypes.floats,
)


@celu.shape
def _celu_shape(c):
    c.require(c.attr.alpha > 0, "alpha must be positive", c.attr.alpha)
    return c.shape("features")


@elu.gradient
def _elu_gradient(node, dy):
    return elu_grad(dy, node.output("activations"))


@selu.gradient
def _selu_gradient(node, dy):
    return elu_grad(dy, node.output("activations"), 1.0, SELU_SCALE * SELU_ALPHA, SELU_SCALE)


@celu.gradient
def _celu_gradient(node, dy):
    return elu_grad(dy, node.output("activations"), 1 / node.attr.alpha, 1.0, 1.0)


@elu_grad.gradient
def _elu_grad_gradient(node, ddx):
    dy, y, slope = node.input("gradients"), node.input("outputs"), node.attr.slope
    return elu_grad(ddx, y, **node.attributes), elu_grad(ddx * dy, y, 0.0, slope, 0.0)
