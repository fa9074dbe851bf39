"""reverse, reverse_sequence, roll, invert_permutation: the same elements in another order."""

from __future__ import annotations

import numpy as np
from opwright import Layout, OpDef, Shape, dtypes
from opwright.shapes import normalize_axes, normalize_axis

reverse = OpDef("reverse(tensor: T['*s'], axis: ints) -> (y: T['*s'])", T=dtypes.movable, export="reverse_v2")


@reverse.shape
def _reverse_shape(c):
    shape = c.shape("tensor")
    if shape.dims is not None:
        normalize_axes(c.attr.axis, len(shape), "reverse")
    return shape


@reverse.view("tensor")
def _reverse_view(c, layout):
    axes = normalize_axes(c.attr.axis, len(layout.shape), "reverse")
    strides = tuple(-s if d in axes else s for d, s in enumerate(layout.strides))
    last = 0 if 0 in layout.shape else sum((layout.shape[d] - 1) * layout.strides[d] for d in axes)
    return Layout(layout.shape, strides, layout.offset + last)


@reverse.gradient
def _reverse_gradient(node, dy):
    return reverse(dy, node.attr.axis)


reverse_sequence = OpDef(
    "reverse_sequence(input: T['*s'], seq_lengths: I['n'], seq_axis: int, batch_axis: int = 0) -> (y: T['*s'])",
    T=dtypes.movable,
    I=dtypes.indices,
)


@reverse_sequence.shape
def _sequence_shape(c):
    shape, (n,) = c.shape("input"), c.shape("seq_lengths").dims or (None,)
    if shape.dims is None:
        return shape
    seq, batch = (normalize_axis(a, len(shape), "reverse_sequence") for a in (c.attr.seq_axis, c.attr.batch_axis))
    c.require(seq != batch, "seq_axis and batch_axis must differ", f"{seq} and {batch}")
    c.require(None in (n, shape[batch]) or n == shape[batch], f"seq_lengths must have {shape[batch]} elements", n)
    return Shape(n if d == batch and size is None else size for d, size in enumerate(shape))


@reverse_sequence.gradient
def _sequence_gradient(node, dy):
    return reverse_sequence(dy, node.input("seq_lengths"), node.attr.seq_axis, node.attr.batch_axis), None


roll = OpDef("roll(input: T['*s'], shift: I, axis: ints) -> (y: T['*s'])", T=dtypes.movable, I=dtypes.indices)


@roll.examples
def _roll_examples(rng):
    """By one axis, by two, by none, of nothing, of many."""
    return [
        {"input": rng.integers(0, 9, shape), "shift": np.array(shift, np.int32), "axis": axis}
        for shape, shift, axis in (
            ((3, 4), [1], (0,)), ((3, 4), [2, -1], (1, 0)), ((5,), 7, (-1,)), ((2, 3), [], ()), ((0, 3), [1], (1,)),
            ((65, 64), [3, 70], (0, 1)),
        )
    ]  # fmt: skip


@roll.shape
def _roll_shape(c):
    shape, shift, n = c.shape("input"), c.shape("shift"), len(c.attr.axis)
    fits = shift.is_compatible_with([n]) or (n == 1 and shift.rank == 0)
    c.require(fits, f"shift must have an element for each of the {n} axes", shift)
    for axis in c.attr.axis if shape.dims is not None else ():
        normalize_axis(axis, len(shape), "roll")
    return shape


@roll.gradient
def _roll_gradient(node, dy):
    return roll(dy, -node.input("shift"), node.attr.axis), None


invert_permutation = OpDef("invert_permutation(x: I['n']) -> (y: I['n'])", I=dtypes.indices, gradient=None)
