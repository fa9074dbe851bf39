"""Division in its kinds."""

from __future__ import annotations

from typing import Any

from opwright import DType, OpDef, convert_to_tensor, dtypes, export, ops

from opwright_math.broadcasting import known_elements, scalar_constant, unbroadcast

realdiv = OpDef("realdiv(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.floats)
floordiv = OpDef("floordiv(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers, export="floor_div")
floormod = OpDef("floormod(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers, export=("mod", "floor_mod"))
truncatediv = OpDef("truncatediv(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers)
truncatemod = OpDef("truncatemod(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers)
divide_no_nan = OpDef("divide_no_nan(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.floats, export="div_no_nan")
multiply_no_nan = OpDef(
    "multiply_no_nan(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.floats, export="mul_no_nan"
)
xdivy = OpDef("xdivy(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.floats)
reciprocal = OpDef("reciprocal(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)

floordiv.static_value(known_elements(lambda x, y: x // y if y else 0))
floormod.static_value(known_elements(lambda x, y: x % y if y else 0))


@realdiv.gradient
def _realdiv_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, dz / y, dz * (-x / y / y))


@realdiv.rewrite
def _realdiv_rewrite(node, make):
    x, y = node.inputs
    return [x] if scalar_constant(y) == 1 else None


@floordiv.gradient
def _floordiv_gradient(node, dz):
    return None, None


@truncatediv.gradient
def _truncatediv_gradient(node, dz):
    return None, None


@floormod.gradient
def _floormod_gradient(node, dz):
    # x mod y = x - y floor(x / y)
    x, y = node.inputs
    return unbroadcast(node, dz, dz * -ops.floordiv(x, y))


@truncatemod.gradient
def _truncatemod_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, dz, dz * -ops.truncatediv(x, y))


@divide_no_nan.gradient
def _divide_no_nan_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, ops.divide_no_nan(dz, y), dz * ops.divide_no_nan(ops.divide_no_nan(-x, y), y))


@multiply_no_nan.gradient
def _multiply_no_nan_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, ops.multiply_no_nan(dz, y), ops.multiply_no_nan(x, dz))


@xdivy.gradient
def _xdivy_gradient(node, dz):
    x, y = node.inputs
    return unbroadcast(node, dz * ops.xdivy(is_nonzero(x), y), dz * ops.xdivy(-x, y * y))


def is_nonzero(x):
    """1 where x is not 0, else 0."""
    return ops.cast(ops.not_equal(x, 0), x.dtype)


@reciprocal.gradient
def _reciprocal_gradient(node, dy):
    y = node.output("y")
    return -dy * (y * y)


@export("truediv", "divide")
def truediv(x: Any, y: Any, name: str | None = None) -> Any:
    """x / y. Integers become floats first: of up to 16 bits float32, of more float64."""
    x, y = _of_one_dtype(x, y, "truediv")
    if x.dtype.is_integer:
        wanted = "float32" if x.dtype.size <= 2 else "float64"
        x, y = ops.cast(x, wanted), ops.cast(y, wanted)
    return realdiv(x, y, name=name or "truediv")


@export("div")
def div(x: Any, y: Any, name: str | None = None) -> Any:
    """x / y as Python 2 has it: for integers the floor."""
    x, y = _of_one_dtype(x, y, "div")
    return (floordiv if x.dtype.is_integer else realdiv)(x, y, name=name or "div")


@export("reciprocal_no_nan")
def reciprocal_no_nan(x: Any, name: str | None = None) -> Any:
    """1 / x, and 0 where x is 0."""
    x = convert_to_tensor(x)
    return divide_no_nan(ops.ones_like(x), x, name=name or "reciprocal_no_nan")


def _of_one_dtype(x: Any, y: Any, op: str) -> tuple[Any, Any]:
    """Both as tensors of the dtype of the first that is one. Raises DTypeError if they differ."""
    x, y = (v.__opwright_tensor__() if hasattr(v, "__opwright_tensor__") else v for v in (x, y))
    for first in (x, y):
        if isinstance(getattr(first, "dtype", None), DType):
            return convert_to_tensor(x, first.dtype, op), convert_to_tensor(y, first.dtype, op)
    x = convert_to_tensor(x, name=op)
    return x, convert_to_tensor(y, x.dtype, op)
