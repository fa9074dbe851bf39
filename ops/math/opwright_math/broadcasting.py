"""What elementwise ops of several arguments share: undoing broadcasts, values known while a graph is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from opwright import ops
from opwright.inference import LARGEST_KNOWN_VALUE


def unbroadcast(node: Any, *slopes: Any) -> tuple[Any, ...]:
    """Each slope summed to the shape of the tensor argument in its place; None stays None."""
    return tuple(None if dx is None else sum_to(dx, x) for dx, x in zip(slopes, node.inputs, strict=True))


def sum_to(dx: Any, x: Any) -> Any:
    """dx summed over the dimensions along which x was broadcast."""
    same = dx.shape.is_known and dx.shape == x.shape
    return dx if same else ops.sum_like(dx, x)


def known_elements(function: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """A static_value function for integers: `function` of two elements where both are known."""

    def value(c: Any) -> Any:
        if not c.dtype("x").is_integer:
            return None
        x, y = c.partial("x"), c.partial("y")
        if x is None or y is None or max(x.size, y.size) > LARGEST_KNOWN_VALUE:
            return None
        a, b = np.broadcast_arrays(x, y)
        made = [None if m is None or n is None else function(m, n) for m, n in zip(a.flat, b.flat)]
        return np.array([*made, None], object)[:-1].reshape(a.shape)

    return value


def scalar_constant(value: Any) -> float | None:
    """The number that a planned value holds in every element, if that is known and cheap to tell."""
    known, node = value.constant, value.node
    if known is None and _repeats(node):
        return scalar_constant(node.inputs[0])
    if known is None or known.size != 1 or value.storage.kind != "constant" or value.dtype.name == "bfloat16":
        return None
    return float(known.reshape(()))


def _repeats(node: Any) -> bool:
    """Whether a planned node gives views of one element."""
    return (
        node is not None
        and node.definition is not None
        and node.definition.view_function is not None
        and node.inputs[0].size == 1
    )
