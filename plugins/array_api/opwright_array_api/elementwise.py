"""Elementwise functions of the standard; of two tensors, after promotion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, export, ops

from opwright_array_api.types import promoted

_UNARY = """abs acos acosh asin asinh atan atanh conj cos cosh exp expm1 imag log log1p log2 log10 logical_not negative
    positive real reciprocal sign sin sinh sqrt square tan tanh bitwise_invert=invert""".split()
_FLAT = "ceil floor round trunc".split()  # integers are what they are
_TESTS = {"isfinite": True, "isinf": False, "isnan": False}  # what is so of every integer
_BINARY = """add atan2 bitwise_and bitwise_or bitwise_xor bitwise_left_shift=left_shift bitwise_right_shift=right_shift
    copysign divide=truediv equal floor_divide=floordiv greater greater_equal hypot less less_equal logaddexp
    logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal pow remainder=floormod
    subtract""".split()


def _named(function: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    function.__name__ = name
    function.__doc__ = doc
    return export(f"array_api.{name}")(function)


def _unary(name: str, op: str) -> Callable[..., Any]:
    def function(x: Any, /) -> Any:
        return getattr(ops, op)(x)

    return _named(function, name, f"{name}(x), element by element: ow.{op}.")


def _flat(name: str) -> Callable[..., Any]:
    def function(x: Any, /) -> Any:
        x = convert_to_tensor(x)
        return getattr(ops, name)(x) if x.dtype.is_floating else x

    return _named(function, name, f"{name}(x), element by element; integers as they are.")


def _test(name: str, of_integers: bool) -> Callable[..., Any]:
    def function(x: Any, /) -> Any:
        x = convert_to_tensor(x)
        if x.dtype.is_floating:
            return getattr(ops, name)(x)
        return (ops.ones_like if of_integers else ops.zeros_like)(x, "bool")

    return _named(function, name, f"{name}(x), element by element.")


def _binary(name: str, op: str) -> Callable[..., Any]:
    def function(x1: Any, x2: Any, /) -> Any:
        return getattr(ops, op)(*promoted(x1, x2))

    return _named(function, name, f"{name}(x1, x2), element by element: ow.{op} of their common dtype.")


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    return [(n.partition("=")[0], n.partition("=")[2] or n) for n in names]


FUNCTIONS = [
    *[_unary(name, op) for name, op in _pairs(_UNARY)],
    *[_flat(name) for name in _FLAT],
    *[_test(name, of_integers) for name, of_integers in _TESTS.items()],
    *[_binary(name, op) for name, op in _pairs(_BINARY)],
]


@export("array_api.clip")
def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """x within bounds."""
    x = convert_to_tensor(x)
    low = x if min is None else ops.maximum(x, convert_to_tensor(min, x.dtype))
    return low if max is None else ops.minimum(low, convert_to_tensor(max, x.dtype))


@export("array_api.signbit")
def signbit(x: Any, /) -> Any:
    """Whether numbers have a minus, also -0."""
    return ops.copysign(ops.ones_like(x), x) < 0


@export("array_api.where")
def where(condition: Any, x1: Any, x2: Any, /) -> Any:
    """x1 where the condition is true, else x2."""
    return ops.where(condition, *promoted(x1, x2))
