"""Sums, differences, products, extremes of two numbers, and what else takes two."""

from __future__ import annotations

import math
from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops
from opwright.errors import ShapeError
from opwright.shapes import as_shape

from opwright_math.broadcasting import known_elements, scalar_constant, unbroadcast

add = OpDef("add(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers)
subtract = OpDef("subtract(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers, export="sub")
multiply = OpDef("multiply(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers, export="mul")
squared_difference = OpDef("squared_difference(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers)
maximum = OpDef("maximum(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers)
minimum = OpDef("minimum(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers)
fmax = OpDef("fmax(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.numbers)
fmin = OpDef("fmin(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.numbers)
copysign = OpDef("copysign(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.floats)
nextafter = OpDef("nextafter(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.floats)
heaviside = OpDef("heaviside(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.floats)
ldexp = OpDef("ldexp(x1: T['...'], x2: I['...']) -> (z: T['...'])", T=dtypes.floats, I=dtypes.indices)
gcd = OpDef("gcd(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.ints, gradient=None)
lcm = OpDef("lcm(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.ints, gradient=None)

add.static_value(known_elements(lambda x, y: x + y))
subtract.static_value(known_elements(lambda x, y: x - y))
multiply.static_value(known_elements(lambda x, y: x * y))
maximum.static_value(known_elements(max))
minimum.static_value(known_elements(min))


@add.gradient
def _add_gradient(node, dz):
    return unbroadcast(node, dz, dz)


@add.rewrite
def _add_rewrite(node, make):
    # x + 0 turns -0 into 0, x + (-0) changes nothing.
    x, y = node.inputs
    if _is_neutral_zero(y, -1.0):
        return [x]
    return [y] if _is_neutral_zero(x, -1.0) else None


@subtract.gradient
def _subtract_gradient(node, dz):
    return unbroadcast(node, dz, -dz)


@subtract.rewrite
def _subtract_rewrite(node, make):
    x, y = node.inputs
    return [x] if _is_neutral_zero(y, 1.0) else None


def _is_neutral_zero(value, sign):
    known = scalar_constant(value)
    return known == 0 and (value.dtype.is_integer or math.copysign(1.0, known) == sign)


@multiply.gradient
def _multiply_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, dz * y, dz * x)


@multiply.rewrite
def _multiply_rewrite(node, make):
    x, y = node.inputs
    if scalar_constant(y) == 1:
        return [x]
    return [y] if scalar_constant(x) == 1 else None


@squared_difference.gradient
def _squared_difference_gradient(node, dz):
    x, y = node.inputs
    dx = dz * (2 * (x - y))
    return unbroadcast(node, dx, -dx)


@maximum.gradient
def _maximum_gradient(node, dz):
    x, y = node.inputs
    return _picked(node, dz, ops.greater_equal(x, y))


@minimum.gradient
def _minimum_gradient(node, dz):
    x, y = node.inputs
    return _picked(node, dz, ops.less_equal(x, y))


@fmax.gradient
def _fmax_gradient(node, dz):
    x, y = node.inputs
    return _picked(node, dz, ops.logical_or(ops.greater_equal(x, y), ops.isnan(y)))


@fmin.gradient
def _fmin_gradient(node, dz):
    x, y = node.inputs
    return _picked(node, dz, ops.logical_or(ops.less_equal(x, y), ops.isnan(y)))


def _picked(node, dz, from_x):
    return unbroadcast(node, ops.where(from_x, dz, 0), ops.where(from_x, 0, dz))


@copysign.gradient
def _copysign_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, dz * (ops.sign(x) * ops.copysign(ops.ones_like(x), y)), None)


@nextafter.gradient
def _nextafter_gradient(node, dz):
    # As TensorFlow: the result is x1 but for rounding.
    return unbroadcast(node, dz, ops.zeros_like(dz))


@heaviside.gradient
def _heaviside_gradient(node, dz):
    at_zero = ops.equal(node.input("x1"), 0)
    return unbroadcast(node, None, ops.where(at_zero, dz, 0))


@ldexp.gradient
def _ldexp_gradient(node, dz):
    return unbroadcast(node, ops.ldexp(dz, node.input("x2")), None)


@export("scalar_mul")
def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """scalar times x. Raises ShapeError unless the first is a scalar."""
    x = convert_to_tensor(x)
    scalar = convert_to_tensor(scalar, x.dtype, "scalar_mul")
    if scalar.shape.rank not in (0, None):
        raise ShapeError(f"[scalar_mul] scalar must have no dimensions, got shape {scalar.shape}; multiply broadcasts")
    return multiply(scalar, x, name=name)


@export("accumulate_n")
def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Any:
    """The sum of a list of tensors of one shape and dtype, which `shape` and `tensor_dtype` may state.

    Raises ShapeError or DTypeError where they do not hold."""
    items = [convert_to_tensor(t, tensor_dtype, "accumulate_n") for t in inputs]
    for item in items:
        if shape is not None and not item.shape.is_compatible_with(shape):
            raise ShapeError(f"[accumulate_n] inputs must have shape {as_shape(shape)}, got {item.shape}")
    return ops.add_n(items, name=name)
