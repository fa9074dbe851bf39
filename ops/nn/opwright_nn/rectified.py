"""Activations made of straight pieces."""

from __future__ import annotations

import math
from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops
from opwright.shapes import broadcast

relu = OpDef("relu(features: T['*s']) -> (activations: T['*s'])", T=dtypes.numbers)
relu_grad = OpDef("relu_grad(gradients: T['*s'], features: T['*s']) -> (backprops: T['*s'])", T=dtypes.numbers)
relu6 = OpDef("relu6(features: T['*s']) -> (activations: T['*s'])", T=dtypes.numbers)
leaky_relu = OpDef("leaky_relu(features: T['*s'], alpha: float = 0.2) -> (activations: T['*s'])", T=dtypes.floats)
leaky_relu_grad = OpDef(
    "leaky_relu_grad(gradients: T['*s'], features: T['*s'], alpha: float = 0.2) -> (backprops: T['*s'])",
    T=dtypes.floats,
)
hard_tanh = OpDef(
    "hard_tanh(features: T['*s'], min_val: float = -1.0, max_val: float = 1.0) -> (activations: T['*s'])",
    T=dtypes.floats,
    export="hardtanh",
)
hard_swish = OpDef("hard_swish(features: T['*s']) -> (activations: T['*s'])", T=dtypes.floats, export="hardswish")
threshold = OpDef(
    "threshold(features: T['*s'], threshold: float, value: float) -> (activations: T['*s'])", T=dtypes.floats
)
prelu = OpDef("prelu(features: T['*s'], alpha: T) -> (activations: T['*s'])", T=dtypes.floats)
prelu_grad = OpDef(
    "prelu_grad(gradients: T['*s'], features: T['*s'], alpha: T) -> (backprops: T['*s'])", T=dtypes.floats
)
# gradients where low < features < high, else 0: the derivative of whatever is flat outside a band.
band_grad = OpDef(
    "band_grad(gradients: T['*s'], features: T['*s'], low: float, high: float) -> (backprops: T['*s'])",
    T=dtypes.floats,
)


@relu.gradient
def _relu_gradient(node, dy):
    return relu_grad(dy, node.output("activations"))


@relu_grad.gradient
def _relu_grad_gradient(node, ddx):
    return relu_grad(ddx, node.input("features")), None


@relu6.gradient
def _relu6_gradient(node, dy):
    return band_grad(dy, node.output("activations"), 0.0, 6.0)


@leaky_relu.gradient
def _leaky_relu_gradient(node, dy):
    return leaky_relu_grad(dy, node.input("features"), node.attr.alpha)


@leaky_relu_grad.gradient
def _leaky_relu_grad_gradient(node, ddx):
    return leaky_relu_grad(ddx, node.input("features"), node.attr.alpha), None


@hard_tanh.gradient
def _hard_tanh_gradient(node, dy):
    return band_grad(dy, node.input("features"), node.attr.min_val, node.attr.max_val)


@hard_tanh.shape
def _hard_tanh_shape(c):
    ordered = c.attr.min_val < c.attr.max_val
    c.require(ordered, "min_val must be below max_val", f"{c.attr.min_val} and {c.attr.max_val}")
    return c.shape("features")


@band_grad.gradient
def _band_grad_gradient(node, ddx):
    return band_grad(ddx, node.input("features"), node.attr.low, node.attr.high), None


@hard_swish.gradient
def _hard_swish_gradient(node, dy):
    x = node.input("features")  # x (x + 3) / 6 inside (-3, 3), x above
    return band_grad(dy * (x / 3 + 0.5), x, -3.0, 3.0) + band_grad(dy, x, 3.0, math.inf)


@threshold.gradient
def _threshold_gradient(node, dy):
    return band_grad(dy, node.input("features"), node.attr.threshold, math.inf)


def _alpha_shape(c):
    features, alpha = c.shape("features"), c.shape("alpha")
    fits = alpha.rank is None or features.rank is None or alpha.rank <= features.rank
    c.require(fits, f"alpha must broadcast to the features' shape {features}", alpha)
    if fits and features.is_known and alpha.is_known:
        c.require(
            broadcast(features, alpha) == features, f"alpha must broadcast to the features' shape {features}", alpha
        )
    return features


for _op in (prelu, prelu_grad):
    _op.shape(_alpha_shape)


@prelu.gradient
def _prelu_gradient(node, dy):
    x, alpha = node.input("features"), node.input("alpha")
    return prelu_grad(dy, x, alpha), ops.sum_like(relu_grad(dy * x, -x), alpha)


@prelu_grad.gradient
def _prelu_grad_gradient(node, ddx):
    dy, x, alpha = node.input("gradients"), node.input("features"), node.input("alpha")
    return prelu_grad(ddx, x, alpha), None, ops.sum_like(relu_grad(ddx * dy, -x), alpha)


@export("crelu")
def crelu(features: Any, axis: int = -1, name: str | None = "crelu") -> Any:
    """relu(features) and relu(-features), concatenated along `axis`: twice as many channels (Shang et al. 2016)."""
    features = convert_to_tensor(features)
    return relu(ops.concat([features, -features], axis), name=name)


@export("hard_sigmoid", "hardsigmoid")
def hard_sigmoid(x: Any, name: str | None = "hard_sigmoid") -> Any:
    """relu6(x + 3) / 6: a sigmoid of three straight pieces."""
    return ops.multiply(relu6(convert_to_tensor(x) + 3), 1 / 6, name=name)
