"""Bessel functions of orders 0 and 1: of the first kind (j) and the second (y), modified (i, k), and these scaled by
e^-|x| (i0e, i1e) and e^x (k0e, k1e)."""

from __future__ import annotations

from opwright import OpDef, dtypes, ops

bessel_i0 = OpDef("bessel_i0(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export=("i0", "math.special.bessel_i0"))
bessel_i0e = OpDef("bessel_i0e(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export=("i0e", "math.special.bessel_i0e"))
bessel_i1 = OpDef("bessel_i1(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export=("i1", "math.special.bessel_i1"))
bessel_i1e = OpDef("bessel_i1e(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export=("i1e", "math.special.bessel_i1e"))
bessel_k0 = OpDef("bessel_k0(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_k0")
bessel_k0e = OpDef("bessel_k0e(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_k0e")
bessel_k1 = OpDef("bessel_k1(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_k1")
bessel_k1e = OpDef("bessel_k1e(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_k1e")
bessel_j0 = OpDef("bessel_j0(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_j0")
bessel_j1 = OpDef("bessel_j1(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_j1")
bessel_y0 = OpDef("bessel_y0(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_y0")
bessel_y1 = OpDef("bessel_y1(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats, export="math.special.bessel_y1")


# DLMF 10.6.2 and 10.29.2: f_0' = +- f_1, f_1' = f_0 - f_1 / x or with signs. At 0, f_1 / x is 1/2.
def _over_x(f, x):
    at_zero = ops.equal(x, 0)
    away = ops.where(at_zero, 1, x)
    return ops.where(at_zero, 0.5, f(away) / away)


@bessel_i0.gradient
def _i0_gradient(node, dy):
    return dy * ops.bessel_i1(node.input("x"))


@bessel_i1.gradient
def _i1_gradient(node, dy):
    x = node.input("x")
    return dy * (ops.bessel_i0(x) - _over_x(ops.bessel_i1, x))


@bessel_i0e.gradient
def _i0e_gradient(node, dy):
    x, y = node.input("x"), node.output("y")
    return dy * (ops.bessel_i1e(x) - ops.sign(x) * y)


@bessel_i1e.gradient
def _i1e_gradient(node, dy):
    x, y = node.input("x"), node.output("y")
    return dy * (ops.bessel_i0e(x) - ops.sign(x) * y - _over_x(ops.bessel_i1e, x))


@bessel_k0.gradient
def _k0_gradient(node, dy):
    return -dy * ops.bessel_k1(node.input("x"))


@bessel_k1.gradient
def _k1_gradient(node, dy):
    x, y = node.input("x"), node.output("y")
    return -dy * (ops.bessel_k0(x) + y / x)


@bessel_k0e.gradient
def _k0e_gradient(node, dy):
    return dy * (node.output("y") - ops.bessel_k1e(node.input("x")))


@bessel_k1e.gradient
def _k1e_gradient(node, dy):
    x, y = node.input("x"), node.output("y")
    return dy * (y - y / x - ops.bessel_k0e(x))


@bessel_j0.gradient
def _j0_gradient(node, dy):
    return -dy * ops.bessel_j1(node.input("x"))


@bessel_j1.gradient
def _j1_gradient(node, dy):
    x = node.input("x")
    return dy * (ops.bessel_j0(x) - _over_x(ops.bessel_j1, x))


@bessel_y0.gradient
def _y0_gradient(node, dy):
    return -dy * ops.bessel_y1(node.input("x"))


@bessel_y1.gradient
def _y1_gradient(node, dy):
    x, y = node.input("x"), node.output("y")
    return dy * (ops.bessel_y0(x) - y / x)
