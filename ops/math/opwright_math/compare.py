"""Comparisons, which give bools: with another number, with infinity, with nan."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, dtypes, export, ops

equal = OpDef("equal(x: T['...'], y: T['...']) -> (z: bool['...'])", T=dtypes.movable, gradient=None)
not_equal = OpDef("not_equal(x: T['...'], y: T['...']) -> (z: bool['...'])", T=dtypes.movable, gradient=None)
less = OpDef("less(x: T['...'], y: T['...']) -> (z: bool['...'])", T=dtypes.numbers, gradient=None)
less_equal = OpDef("less_equal(x: T['...'], y: T['...']) -> (z: bool['...'])", T=dtypes.numbers, gradient=None)
greater = OpDef("greater(x: T['...'], y: T['...']) -> (z: bool['...'])", T=dtypes.numbers, gradient=None)
greater_equal = OpDef("greater_equal(x: T['...'], y: T['...']) -> (z: bool['...'])", T=dtypes.numbers, gradient=None)
isnan = OpDef("isnan(x: T['*s']) -> (y: bool['*s'])", T=dtypes.floats, gradient=None, export="is_nan")
isinf = OpDef("isinf(x: T['*s']) -> (y: bool['*s'])", T=dtypes.floats, gradient=None, export="is_inf")
isfinite = OpDef("isfinite(x: T['*s']) -> (y: bool['*s'])", T=dtypes.floats, gradient=None, export="is_finite")
signbit = OpDef("signbit(x: T['*s']) -> (y: bool['*s'])", T=dtypes.floats, gradient=None)


@export("approximate_equal")
def approximate_equal(x: Any, y: Any, tolerance: float = 1e-05, name: str | None = None) -> Any:
    """Whether |x - y| < tolerance."""
    return less(ops.abs(ops.subtract(x, y)), tolerance, name=name or "approximate_equal")


@export("isclose")
def isclose(
    a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False, name: str | None = None
) -> Any:
    """Whether |a - b| <= atol + rtol |b|; infinities are close to themselves, nans only with equal_nan."""
    difference = ops.abs(ops.subtract(a, b))
    limit = ops.add(ops.multiply(ops.abs(b), rtol), atol)
    close = ops.logical_and(ops.less_equal(difference, limit), ops.isfinite(b))
    close = ops.logical_or(close, ops.equal(a, b))
    if equal_nan:
        close = ops.logical_or(close, ops.logical_and(ops.isnan(a), ops.isnan(b)))
    return ops.identity(close, name=name or "isclose")
