"""Values held within bounds, or replaced where they are not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, convert_to_tensor, dtypes, export, ops
from opwright.shapes import broadcast

from opwright_math.broadcasting import unbroadcast

clip_by_value = OpDef(
    "clip_by_value(t: T['...'], clip_value_min: T['...'], clip_value_max: T['...']) -> (y: T['...'])",
    T=dtypes.numbers,
)


@clip_by_value.examples
def _clip_examples(rng):
    t = rng.integers(-9, 9, (7, 3)) + 0.25
    bounds = [(t, np.full(s, -2.5), np.full(s, 2.5)) for s in ((), (3,), (7, 3))] + [(t[:0], 0.0, 1.0)]
    return [{"t": x, "clip_value_min": low, "clip_value_max": high} for x, low, high in bounds]


@clip_by_value.shape
def _clip_shape(c):
    t = c.shape("t")
    for bound in ("clip_value_min", "clip_value_max"):
        wide = broadcast(t, c.shape(bound))
        c.require(wide.is_compatible_with(t), f"{bound} must broadcast to t's shape {t}", c.shape(bound))
    return t


@clip_by_value.gradient
def _clip_gradient(node, dy):
    x, low, high = node.inputs
    below, above = x < low, x > high
    inside = ops.where(ops.logical_or(below, above), 0, dy)
    return unbroadcast(node, inside, ops.where(below, dy, 0), ops.where(above, dy, 0))


@export("nan_to_num")
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None, name: str | None = None
) -> Any:
    """x with `nan` in place of nan and, in place of the infinities, `posinf` and `neginf`: without them the largest and
    the lowest finite number of the dtype."""
    x = convert_to_tensor(x)
    if x.dtype.is_integer:
        return ops.identity(x, name=name or "nan_to_num")
    high = x.dtype.max if posinf is None else posinf
    low = x.dtype.min if neginf is None else neginf
    y = ops.where(ops.isnan(x), float(nan), x)
    y = ops.where(ops.equal(x, float("inf")), float(high), y)
    return ops.where(ops.equal(x, float("-inf")), float(low), y, name=name or "nan_to_num")
