"""Trigonometric and hyperbolic functions and their inverses. tanh stands in exponential.py."""

from __future__ import annotations

import math

from opwright import OpDef, dtypes, ops

from opwright_math.broadcasting import unbroadcast

sin = OpDef("sin(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
cos = OpDef("cos(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
tan = OpDef("tan(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
asin = OpDef("asin(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
acos = OpDef("acos(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
atan = OpDef("atan(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
atan2 = OpDef("atan2(y: T['...'], x: T['...']) -> (z: T['...'])", T=dtypes.floats)
sinc = OpDef("sinc(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
sinh = OpDef("sinh(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
cosh = OpDef("cosh(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
asinh = OpDef("asinh(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
acosh = OpDef("acosh(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
atanh = OpDef("atanh(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)


@sin.gradient
def _sin_gradient(node, dy):
    return dy * ops.cos(node.input("x"))


@cos.gradient
def _cos_gradient(node, dy):
    return -dy * ops.sin(node.input("x"))


@tan.gradient
def _tan_gradient(node, dy):
    y = node.output("y")
    return dy * (1 + y * y)


@asin.gradient
def _asin_gradient(node, dy):
    return dy * _root_slope(node.input("x"))


@acos.gradient
def _acos_gradient(node, dy):
    return -dy * _root_slope(node.input("x"))


def _root_slope(x):
    # 1 - x^2 in factors keeps its digits near 1.
    return ops.rsqrt((1 - x) * (1 + x))


@atan.gradient
def _atan_gradient(node, dy):
    x = node.input("x")
    return dy / (1 + x * x)


@atan2.gradient
def _atan2_gradient(node, dz):
    y, x = node.inputs
    slope = dz / (x * x + y * y)
    return unbroadcast(node, slope * x, -slope * y)


@sinc.gradient
def _sinc_gradient(node, dy):
    # (sin(pi x) / (pi x))' = (cos(pi x) - sinc(x)) / x; near 0, where that loses all digits, its Taylor series.
    x = node.input("x")
    near = ops.abs(x) < 0.01
    u = ops.square(x * math.pi)
    series = x * (-(math.pi**2)) * (1 / 3 - u * (1 / 30 - u * (1 / 840 - u / 45360)))
    away = ops.where(near, 1, x)
    return dy * ops.where(near, series, (ops.cos(away * math.pi) - ops.sinc(away)) / away)


@sinh.gradient
def _sinh_gradient(node, dy):
    return dy * ops.cosh(node.input("x"))


@cosh.gradient
def _cosh_gradient(node, dy):
    return dy * ops.sinh(node.input("x"))


@asinh.gradient
def _asinh_gradient(node, dy):
    return dy / ops.cosh(node.output("y"))


@acosh.gradient
def _acosh_gradient(node, dy):
    return dy / ops.sinh(node.output("y"))


@atanh.gradient
def _atanh_gradient(node, dy):
    x = node.input("x")
    return dy / ((1 - x) * (1 + x))
