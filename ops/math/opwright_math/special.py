"""The error function's family, gamma's, and the integrals that have a name."""

from __future__ import annotations

import math
from typing import Any

from opwright import OpDef, dtypes, export, ops

from opwright_math.broadcasting import unbroadcast

erf = OpDef("erf(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
erfc = OpDef("erfc(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
erfinv = OpDef("erfinv(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
ndtr = OpDef("ndtr(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
ndtri = OpDef("ndtri(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
lgamma = OpDef("lgamma(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
digamma = OpDef("digamma(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
polygamma = OpDef("polygamma(a: T['...'], x: T['...']) -> (z: T['...'])", T=dtypes.floats)
zeta = OpDef("zeta(x: T['...'], q: T['...']) -> (z: T['...'])", T=dtypes.floats)
igamma = OpDef("igamma(a: T['...'], x: T['...']) -> (z: T['...'])", T=dtypes.floats)
igammac = OpDef("igammac(a: T['...'], x: T['...']) -> (z: T['...'])", T=dtypes.floats)
igamma_grad_a = OpDef("igamma_grad_a(a: T['...'], x: T['...']) -> (z: T['...'])", T=dtypes.floats, gradient=None)
betainc = OpDef("betainc(a: T['...'], b: T['...'], x: T['...']) -> (z: T['...'])", T=dtypes.floats)
dawsn = OpDef("dawsn(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.dawsn")
expint = OpDef("expint(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.expint")
spence = OpDef("spence(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.spence")
fresnel_cos = OpDef("fresnel_cos(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.fresnel_cos")
fresnel_sin = OpDef("fresnel_sin(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.fresnel_sin")


@erf.gradient
def _erf_gradient(node, dy):
    return dy * (2 / math.sqrt(math.pi) * ops.exp(-ops.square(node.input("x"))))


@erfc.gradient
def _erfc_gradient(node, dy):
    return dy * (-2 / math.sqrt(math.pi) * ops.exp(-ops.square(node.input("x"))))


@erfinv.gradient
def _erfinv_gradient(node, dy):
    return dy * (math.sqrt(math.pi) / 2 * ops.exp(ops.square(node.output("y"))))


@ndtr.gradient
def _ndtr_gradient(node, dy):
    return dy * (ops.exp(-0.5 * ops.square(node.input("x"))) / math.sqrt(2 * math.pi))


@ndtri.gradient
def _ndtri_gradient(node, dy):
    return dy * (math.sqrt(2 * math.pi) * ops.exp(0.5 * ops.square(node.output("y"))))


@lgamma.gradient
def _lgamma_gradient(node, dy):
    return dy * ops.digamma(node.input("x"))


@digamma.gradient
def _digamma_gradient(node, dy):
    return dy * ops.polygamma(1, node.input("x"))


@polygamma.gradient
def _polygamma_gradient(node, dz):
    # As in TensorFlow a and, below, zeta's x get no gradient.
    a, x = node.inputs
    return unbroadcast(node, None, dz * ops.polygamma(a + 1, x))


@zeta.gradient
def _zeta_gradient(node, dz):
    x, q = node.inputs
    return unbroadcast(node, None, dz * (-x * ops.zeta(x + 1, q)))


@igamma.gradient
def _igamma_gradient(node, dz):
    a, x = node.inputs
    return unbroadcast(node, dz * igamma_grad_a(a, x), dz * _gamma_density(a, x))


@igammac.gradient
def _igammac_gradient(node, dz):
    a, x = node.inputs
    return unbroadcast(node, -dz * igamma_grad_a(a, x), -dz * _gamma_density(a, x))


def _gamma_density(a, x):
    return ops.exp(ops.xlogy(a - 1, x) - x - ops.lgamma(a))


@betainc.gradient
def _betainc_gradient(node, dz):
    # As in TensorFlow only x gets one.
    a, b, x = node.inputs
    log_beta = ops.lgamma(a) + ops.lgamma(b) - ops.lgamma(a + b)
    return unbroadcast(node, None, None, dz * ops.exp(ops.xlog1py(b - 1, -x) + ops.xlogy(a - 1, x) - log_beta))


@dawsn.gradient
def _dawsn_gradient(node, dy):
    return dy * (1 - 2 * (node.input("x") * node.output("y")))


@expint.gradient
def _expint_gradient(node, dy):
    x = node.input("x")
    return dy * (ops.exp(x) / x)


@spence.gradient
def _spence_gradient(node, dy):
    # log(x) / (1 - x), which is -1 at 1.
    x = node.input("x")
    at_one = ops.equal(x, 1)
    away = ops.where(at_one, 2, x)
    return dy * ops.where(at_one, -1, ops.log(away) / (1 - away))


@fresnel_cos.gradient
def _fresnel_cos_gradient(node, dy):
    return dy * ops.cos(math.pi / 2 * ops.square(node.input("x")))


@fresnel_sin.gradient
def _fresnel_sin_gradient(node, dy):
    return dy * ops.sin(math.pi / 2 * ops.square(node.input("x")))


@export("erfcinv")
def erfcinv(x: Any, name: str | None = None) -> Any:
    """The inverse of erfc: -ndtri(x / 2) / sqrt(2)."""
    return ops.multiply(ndtri(ops.multiply(x, 0.5)), -math.sqrt(0.5), name=name or "erfcinv")


@export("lbeta")
def lbeta(x: Any, name: str | None = None) -> Any:
    """log |Beta(x)| over the last dimension: the sum of lgamma(x) less lgamma of the sum."""
    total = lgamma(ops.reduce_sum(x, axis=-1))
    return ops.subtract(ops.reduce_sum(lgamma(x), axis=-1), total, name=name or "lbeta")
