"""Exponentials, logarithms, and the sigmoidal functions made of them."""

from __future__ import annotations

import math
from typing import Any

from opwright import OpDef, dtypes, export, ops

from opwright_math.broadcasting import unbroadcast
from opwright_math.division import is_nonzero

exp = OpDef("exp(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
exp2 = OpDef("exp2(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
expm1 = OpDef("expm1(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
log = OpDef("log(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
log2 = OpDef("log2(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
log10 = OpDef("log10(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
log1p = OpDef("log1p(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
tanh = OpDef("tanh(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="nn.tanh")
sigmoid = OpDef("sigmoid(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="nn.sigmoid")
softplus = OpDef("softplus(features: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="nn.softplus")
softsign = OpDef("softsign(features: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="nn.softsign")
logaddexp = OpDef("logaddexp(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.floats)
logaddexp2 = OpDef("logaddexp2(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.floats)
xlogy = OpDef("xlogy(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.floats)
xlog1py = OpDef("xlog1py(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.floats)


@exp.gradient
def _exp_gradient(node, dy):
    return dy * node.output("y")


@exp2.gradient
def _exp2_gradient(node, dy):
    return dy * (node.output("y") * math.log(2))


@expm1.gradient
def _expm1_gradient(node, dy):
    return dy * ops.exp(node.input("x"))


@log.gradient
def _log_gradient(node, dy):
    return dy / node.input("x")


@log2.gradient
def _log2_gradient(node, dy):
    return dy / (node.input("x") * math.log(2))


@log10.gradient
def _log10_gradient(node, dy):
    return dy / (node.input("x") * math.log(10))


@log1p.gradient
def _log1p_gradient(node, dy):
    return dy / (1 + node.input("x"))


@tanh.gradient
def _tanh_gradient(node, dy):
    y = node.output("y")
    return dy * (1 - y * y)


@sigmoid.gradient
def _sigmoid_gradient(node, dy):
    y = node.output("y")
    return dy * (y * (1 - y))


@softplus.gradient
def _softplus_gradient(node, dy):
    return dy * ops.sigmoid(node.input("features"))


@softsign.gradient
def _softsign_gradient(node, dy):
    return dy / ops.square(1 + ops.abs(node.input("features")))


@logaddexp.gradient
def _logaddexp_gradient(node, dz):
    # e^x / (e^x + e^y) = sigmoid(x - y)
    x, y = node.inputs
    share = ops.sigmoid(x - y)
    return unbroadcast(node, dz * share, dz * (1 - share))


@logaddexp2.gradient
def _logaddexp2_gradient(node, dz):
    x, y = node.inputs
    share = ops.sigmoid((x - y) * math.log(2))
    return unbroadcast(node, dz * share, dz * (1 - share))


@xlogy.gradient
def _xlogy_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, dz * ops.xlogy(is_nonzero(x), y), dz * ops.xdivy(x, y))


@xlog1py.gradient
def _xlog1py_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, dz * ops.xlog1py(is_nonzero(x), y), dz * ops.xdivy(x, y + 1))


@export("log_sigmoid")
def log_sigmoid(x: Any, name: str | None = None) -> Any:
    """log(sigmoid(x)) = -softplus(-x), which does not overflow."""
    return ops.negative(softplus(ops.negative(x)), name=name or "log_sigmoid")
