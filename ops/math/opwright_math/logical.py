"""Logic on bools and on the bits of integers."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export

logical_and = OpDef("logical_and(x: bool['...'], y: bool['...']) -> (z: bool['...'])", gradient=None)
logical_or = OpDef("logical_or(x: bool['...'], y: bool['...']) -> (z: bool['...'])", gradient=None)
logical_xor = OpDef("logical_xor(x: bool['...'], y: bool['...']) -> (z: bool['...'])", gradient=None)
logical_not = OpDef("logical_not(x: bool['*s']) -> (y: bool['*s'])", gradient=None)

bitwise_and = OpDef(
    "bitwise_and(x: T['...'], y: T['...']) -> (z: T['...'])",
    T=dtypes.ints,
    gradient=None,
    export="bitwise.bitwise_and",
)
bitwise_or = OpDef(
    "bitwise_or(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.ints, gradient=None, export="bitwise.bitwise_or"
)
bitwise_xor = OpDef(
    "bitwise_xor(x: T['...'], y: T['...']) -> (z: T['...'])",
    T=dtypes.ints,
    gradient=None,
    export="bitwise.bitwise_xor",
)
invert = OpDef("invert(x: T['*s']) -> (y: T['*s'])", T=dtypes.ints, gradient=None, export="bitwise.invert")
left_shift = OpDef(
    "left_shift(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.ints, gradient=None, export="bitwise.left_shift"
)
right_shift = OpDef(
    "right_shift(x: T['...'], y: T['...']) -> (z: T['...'])",
    T=dtypes.ints,
    gradient=None,
    export="bitwise.right_shift",
)


@export("bitwise_or_logical_and")
def bitwise_or_logical_and(x: Any, y: Any, name: str | None = None) -> Any:
    """x & y: of bools logical_and, of integers bitwise_and."""
    return (logical_and if _is_bool(x, y) else bitwise_and)(x, y, name=name)


@export("bitwise_or_logical_or")
def bitwise_or_logical_or(x: Any, y: Any, name: str | None = None) -> Any:
    """x | y: of bools logical_or, of integers bitwise_or."""
    return (logical_or if _is_bool(x, y) else bitwise_or)(x, y, name=name)


@export("bitwise_or_logical_xor")
def bitwise_or_logical_xor(x: Any, y: Any, name: str | None = None) -> Any:
    """x ^ y: of bools logical_xor, of integers bitwise_xor."""
    return (logical_xor if _is_bool(x, y) else bitwise_xor)(x, y, name=name)


@export("bitwise_or_logical_not")
def bitwise_or_logical_not(x: Any, name: str | None = None) -> Any:
    """~x: of bools logical_not, of integers invert."""
    return (logical_not if _is_bool(x) else invert)(x, name=name)


def _is_bool(*operands: Any) -> bool:
    """By the first operand that is a tensor, else by the first."""
    tensors = [v for v in operands if hasattr(v, "dtype") or hasattr(v, "__opwright_tensor__")]
    return bool(convert_to_tensor((tensors or operands)[0]).dtype.is_bool)
