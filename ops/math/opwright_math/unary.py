"""-x, |x|, the sign of x, and what these and the parts of complex numbers are for real ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from opwright import OpDef, convert_to_tensor, dtypes, export, ops

negative = OpDef("negative(x: T['*s']) -> (y: T['*s'])", T=dtypes.numbers, export="neg")
abs_ = OpDef("abs(x: T['*s']) -> (y: T['*s'])", T=dtypes.numbers)
sign = OpDef("sign(x: T['*s']) -> (y: T['*s'])", T=dtypes.numbers)


@negative.gradient
def _negative_gradient(node, dy):
    return -dy


@negative.rewrite
def _negative_rewrite(node, make):
    (x,) = node.inputs
    return list(x.node.inputs) if x.node is not None and x.node.definition is negative else None


@negative.static_value
def _negative_value(c):
    known = c.partial("x") if c.dtype("x").is_integer else None
    if known is None:
        return None
    return np.array([*(None if v is None else -v for v in known.flat), None], object)[:-1].reshape(known.shape)


@abs_.gradient
def _abs_gradient(node, dy):
    return dy * ops.sign(node.input("x"))


@sign.gradient
def _sign_gradient(node, dy):
    return ops.zeros_like(node.input("x"))


@export("positive")
def positive(x: Any, name: str | None = None) -> Any:
    """x."""
    return ops.identity(x, name=name or "positive")


@export("real")
def real(input: Any, name: str | None = None) -> Any:
    """The real part of a real tensor: itself."""
    return ops.identity(input, name=name or "real")


@export("imag")
def imag(input: Any, name: str | None = None) -> Any:
    """The imaginary part of a real tensor: zeros."""
    return ops.zeros_like(input, name=name or "imag")


@export("conj")
def conj(x: Any, name: str | None = None) -> Any:
    """The complex conjugate of a real tensor: itself."""
    return ops.identity(x, name=name or "conj")


@export("angle")
def angle(input: Any, name: str | None = None) -> Any:
    """The argument of a real tensor's elements: pi where negative, else 0."""
    x = convert_to_tensor(input)
    return ops.where(ops.less(x, 0), ops.constant(math.pi, x.dtype), 0, name=name or "angle")


@export("deg2rad")
def deg2rad(x: Any, name: str | None = None) -> Any:
    """Degrees as radians: x pi / 180."""
    return ops.multiply(x, math.pi / 180, name=name or "deg2rad")


@export("rad2deg")
def rad2deg(x: Any, name: str | None = None) -> Any:
    """Radians as degrees: 180 x / pi."""
    return ops.multiply(x, 180 / math.pi, name=name or "rad2deg")
