"""Loops whose variables change their shape: each iteration is a step of its own, planned for the shapes at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from opwright import Tensor, convert_to_tensor, ops
from opwright.dtypes import from_storage, to_storage
from opwright.eager import world
from opwright.errors import ArgumentError, ShapeError
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.shapes import Shape

from opwright_control.funcgraph import Body


def by_steps(
    op: str, starts: Sequence[Tensor], shapes: Sequence[Shape], body: Body, test: Body | None, maximum: Any
) -> list[Tensor]:
    """The loop variables after the loop, of shapes that fit `shapes`. No gradient passes through it.

    Raises ArgumentError where it writes or reads variables: they belong to the step around it.
    """
    bodies = [body] if test is None else [body, test]
    outside = [[t for t, _ in one.captures] for one in bodies]
    if any(t.is_ref for ts in outside for t in ts):
        raise ArgumentError(
            f"[{op}] a loop whose variables change their shape must use no Variable, got one; read it before the loop, "
            "with identity"
        )
    steps = [Step(Spec(one.outputs, one.inputs, one.graph.effects), world) for one in bodies]
    dtypes = [t.dtype for t in starts]
    counts = np.cumsum([len(starts), 1, *[len(ts) for ts in outside]])

    def run(*arrays: Any) -> Any:
        given = [to_storage(np.asarray(a), t.dtype) for a, t in zip(arrays, inputs, strict=True)]
        state, limit = given[: counts[0]], int(given[counts[0]])
        captured = [given[counts[1 + i] : counts[2 + i]] for i in range(len(bodies))]
        done = 0
        while done < limit and (test is None or bool(steps[1].run([*state, *captured[1]])[0])):
            state = steps[0].run([*state, *captured[0]])
            for i, (array, shape) in enumerate(zip(state, shapes, strict=True)):
                if not shape.is_compatible_with(array.shape):
                    raise ShapeError(
                        f"[{op}] a loop variable must fit its invariant {shape}, got {array.shape} for {i}"
                    )
            done += 1
        return [from_storage(array, dtype) for array, dtype in zip(state, dtypes, strict=True)]

    limit = ops.constant(2**63 - 1, "int64") if maximum is None else ops.cast(convert_to_tensor(maximum), "int64")
    inputs = [*starts, limit, *(t for ts in outside for t in ts)]
    made = ops.py_func(run, inputs, dtypes)
    return [ops.ensure_shape(t, shape) for t, shape in zip(made, shapes, strict=True)]
