"""Strings put together."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from opwright import OpDef, convert_to_tensor, export, ops
from opwright.shapes import broadcast

from opwright_strings.elementwise import each

string_join = OpDef(
    "string_join(inputs: list[string], separator: str = '') -> (y: string)", gradient=None, export="strings.join"
)
joined_rows = OpDef("joined_rows(x: string['*b n'], separator: str = '') -> (y: string['*b'])", gradient=None)


@string_join.shape
def _join_shape(c):
    c.require(c.shapes("inputs"), "inputs must hold at least one tensor", 0)
    return functools.reduce(broadcast, c.shapes("inputs"))


@string_join.kernel("cpu")
def _join(inputs, separator):
    return each(lambda *parts: separator.encode().join(parts), *inputs)


@joined_rows.kernel("cpu")
def _joined_rows(x, separator):
    made = np.empty(x.shape[:-1], object)
    for index in np.ndindex(made.shape):
        made[index] = separator.encode().join(x[index])
    return made


@export("strings.reduce_join", "reduce_join")
def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: Any = None) -> Any:
    """The strings along axes, all of them by default, joined in order."""
    inputs = convert_to_tensor(inputs, "string")
    rank = inputs.shape.rank
    axes = list(range(rank)) if axis is None else [a % rank for a in np.atleast_1d(axis).tolist()]
    order = [d for d in range(rank) if d not in axes] + axes
    rows = ops.transpose(inputs, order) if order != sorted(order) else inputs
    kept = ops.gather(ops.shape(inputs), [d for d in range(rank) if d not in axes])
    made = joined_rows(ops.reshape(rows, ops.concat([kept, [-1]], 0)), separator, name=name)
    return ops.reshape(made, [1 if d in axes else ops.shape(inputs)[d] for d in range(rank)]) if keepdims else made


string_join.examples(lambda rng: [{"inputs": [np.array(["a", "b"]), np.array("c")], "separator": "-"}])
joined_rows.examples(lambda rng: [{"x": np.array([["a", "b"], ["", "c"]]), "separator": ","}])
